"""The teacher: espeak-ng's library through ctypes. Needed for training only, never at run time.

It is asked for what no recording has: the exact moment of each phoneme and word, beside the waveform. The library has
state of its own that is shared by the whole process, so there is at most one `Espeak` in a process.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly  # type: ignore[import-untyped] # scipy ships no types

from synth.errors import SynthError

Waveform = npt.NDArray[np.float32]

SAMPLE_RATE = 24_000  # Hz, the codec's
LIBRARY = "libespeak-ng.so.1"
VOICE = "en-us+klatt2"  # the speech recogniser understands this one best: 6 % word errors, others 2 to 100 %
RATE, PITCH, PITCH_RANGE = 160, 35, 30  # words a minute; the other two from 0 to 100

# espeak-ng's speak_lib.h
_SYNCHRONOUS, _PHONEME_EVENTS = 2, 1
_UTF8, _BY_CHARACTER = 1, 1
_SET_RATE, _SET_PITCH, _SET_RANGE = 1, 3, 4
_LIST_END, _WORD, _PHONEME = 0, 1, 7


class NoTeacher(SynthError):
    """The teacher's library is not on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phone:
    """One phoneme as it was spoken."""

    name: str  # the teacher's own, in ASCII; "_" and "_:" are pauses
    start: float  # seconds
    word_at: int | None = None  # for the first phoneme of a word: the place of that word in the text, in characters


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spoken:
    """A text as the teacher says it."""

    phones: tuple[Phone, ...]
    seconds: float
    waveform: Waveform  # (samples,) at 24 kHz; empty where only the events were asked for


class Teacher(Protocol):
    """What the training needs of a teacher."""

    def say(self, text: str, *, audio: bool = True) -> Spoken:
        """Speak `text` (ASCII). Without `audio` the waveform is left empty, which saves the resampling."""
        ...

    def describe(self) -> str:
        """Name, version and settings, for the report."""
        ...


class _Id(ctypes.Union):
    _fields_: ClassVar = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """espeak-ng in one fixed voice.

    Its pauses and its noise depend on what it has said before: the same texts in the same order give the same samples, in
    a new process only.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        """NoTeacher says what to install where the library is missing."""
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise NoTeacher(
                "Training needs espeak-ng's library: on Debian and Ubuntu, apt install libespeak-ng1."
            ) from error
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._phones: list[tuple[str, int, int | None]] = []  # name, sample, place of its word
        self._word_at: int | None = None
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        if self._rate <= 0 or self._library.espeak_SetVoiceByName(VOICE.encode()) != 0:
            raise NoTeacher("espeak-ng's library lacks its data: on Debian and Ubuntu, apt install espeak-ng-data.")
        self._callback = _Callback(self._hear)  # kept here: the library has only its address
        self._library.espeak_SetSynthCallback(self._callback)
        for setting, value in ((_SET_RATE, RATE), (_SET_PITCH, PITCH), (_SET_RANGE, PITCH_RANGE)):
            self._library.espeak_SetParameter(setting, value, 0)

    def say(self, text: str, *, audio: bool = True) -> Spoken:
        """Speak `text`; the waveform is resampled to 24 kHz."""
        self._blocks, self._phones, self._word_at = [], [], None
        data = text.encode("ascii") + b"\0"
        self._library.espeak_Synth(data, len(data), 0, _BY_CHARACTER, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = sum(map(len, self._blocks))
        phones = tuple(Phone(name=name, start=at / self._rate, word_at=word) for name, at, word in self._phones)
        waveform = self._resampled() if audio else np.zeros(0, np.float32)
        return Spoken(phones=phones, seconds=samples / self._rate, waveform=waveform)

    def describe(self) -> str:
        """The library's version and the voice."""
        self._library.espeak_Info.restype = ctypes.c_char_p
        version = self._library.espeak_Info(None).decode("ascii", "replace")
        return f"espeak-ng {version}, voice {VOICE}, rate {RATE}, pitch {PITCH}, range {PITCH_RANGE}"

    def _resampled(self) -> Waveform:
        if not self._blocks:
            return np.zeros(0, np.float32)
        whole = np.concatenate(self._blocks).astype(np.float32) / 32_768
        divisor = int(np.gcd(SAMPLE_RATE, self._rate))
        resampled: Waveform = resample_poly(whole, SAMPLE_RATE // divisor, self._rate // divisor).astype(np.float32)
        return resampled

    def _hear(self, samples: Any, count: int, events: Any) -> int:
        """Called by the library with each block of samples and its events; 0 asks for more."""
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _LIST_END:
            self._note(events[index])
            index += 1
        return 0

    def _note(self, event: _Event) -> None:
        if event.type == _WORD:
            if self._word_at is None:  # of words that are spoken as one sound, the first
                self._word_at = event.text_position - 1
        elif event.type == _PHONEME:
            name = bytes(event.id.string).split(b"\0")[0].decode("ascii", "ignore")
            self._phones.append((name, event.sample, self._word_at))
            self._word_at = None
