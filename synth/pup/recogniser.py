"""A listener that is no part of the model: pocketsphinx with the English model in its package.

It knows nothing of the miniature, runs offline, and is weak enough that unclear speech costs words.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.errors import SynthError
from synth.mastering import resampled
from synth.pup.sentences import plain

RATE = 16_000  # Hz, of pocketsphinx's English model
FRAMES_PER_SECOND = 100  # of its segments; pocketsphinx's `frate`
SILENCE_SECONDS = 0.25  # put on both sides: it takes the first frames for the background
PEAK = 0.6  # of full scale, whatever the loudness was
HISS = 0.0015  # of full scale, -56 dBFS: digital silence has no logarithm
HISS_SEED = 0

Waveform = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word as it was heard, with its place in seconds of the audio."""

    text: str
    start: float
    end: float


class Recogniser:
    """Reads audio with a free choice of words, or picks one of some sentences. The same audio is always read alike."""

    def __init__(self) -> None:
        """Takes a quarter of a second. SynthError where pocketsphinx is missing."""
        self._decoder: Any = needed("pocketsphinx").Decoder(samprate=RATE, loglevel="FATAL")
        self._free: str = self._decoder.current_search()
        self._grammars: dict[tuple[str, ...], str] = {}

    def read(self, waveform: Waveform, rate: int) -> str:
        """The words in (n,) at `rate` Hz, by pocketsphinx's own language model; "" where it hears none, or n is 0."""
        self._listen(self._free, waveform, rate)
        heard = self._decoder.hyp()
        return plain(heard.hypstr) if heard else ""

    def words(self, waveform: Waveform, rate: int) -> list[Word]:
        """What `read` gives, word by word, with their times."""
        self._listen(self._free, waveform, rate)
        length = len(waveform) / rate
        found = []
        for part in self._decoder.seg():
            text = "" if part.word.startswith(("<", "[")) else plain(part.word)  # silence, noise
            start, end = (
                min(max(frame / FRAMES_PER_SECOND - SILENCE_SECONDS, 0.0), length)
                for frame in (part.start_frame, part.end_frame + 1)
            )
            if text:
                found.append(Word(text=text, start=start, end=end))
        return found

    def choose(self, waveform: Waveform, rate: int, sentences: Sequence[str]) -> str | None:
        """The one of `sentences` that fits best; None where it finds none. ValueError for words it does not know."""
        self._listen(self._grammar(tuple(sentences)), waveform, rate)
        heard = self._decoder.hyp()
        return plain(heard.hypstr) if heard else None

    def unknown(self, text: str) -> list[str]:
        """The words that its dictionary lacks."""
        return [word for word in plain(text).split() if self._decoder.lookup_word(word) is None]

    def _grammar(self, sentences: tuple[str, ...]) -> str:
        if sentences not in self._grammars:
            if strangers := self.unknown(" ".join(sentences)):
                raise ValueError(f"words that the recogniser does not know: {', '.join(strangers)}")
            name = f"choice{len(self._grammars)}"
            body = " | ".join(plain(sentence) for sentence in sentences)
            self._decoder.add_jsgf_string(name, f"#JSGF V1.0; grammar {name}; public <sentence> = {body};")
            self._grammars[sentences] = name
        return self._grammars[sentences]

    def _listen(self, search: str, waveform: Waveform, rate: int) -> None:
        """One utterance, from the same state each time."""
        self._decoder.activate_search(search)
        self._decoder.reinit_feat()  # else its estimate of the background carries on from the last utterance
        self._decoder.start_utt()
        self._decoder.process_raw(_prepared(waveform, rate), full_utt=True)
        self._decoder.end_utt()


def word_errors(said: str, heard: str) -> int:
    """Words of `said` that were heard wrong or not at all, and words heard that nobody said (jiwer's alignment)."""
    found = needed("jiwer").process_words(plain(said), plain(heard))
    return int(found.substitutions + found.deletions + found.insertions)


def heard_right(said: str, heard: str) -> set[int]:
    """The places of the words of `heard` that were said there (jiwer's alignment)."""
    found = needed("jiwer").process_words(plain(said), plain(heard))
    same = [chunk for chunk in found.alignments[0] if chunk.type == "equal"]
    return {place for chunk in same for place in range(chunk.hyp_start_idx, chunk.hyp_end_idx)}


def needed(name: str) -> Any:
    """A package that only training and evaluation use; SynthError says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SynthError(f"This needs the package {name}: install it with pip install 'barkbot[train]'.") from error


def _prepared(waveform: Waveform, rate: int) -> bytes:
    """16-bit samples at `RATE`: silence on both sides, a set peak, a little noise that is always the same."""
    silence = np.zeros(round(SILENCE_SECONDS * RATE))
    inner = resampled(waveform, rate, RATE) if len(waveform) else waveform
    samples = np.concatenate([silence, inner, silence])
    level = PEAK / max(float(np.abs(samples).max()), 1e-6)
    hiss = np.random.default_rng(HISS_SEED).normal(0.0, HISS, len(samples))
    return np.rint(np.clip(samples * level + hiss, -1.0, 1.0) * (2**15 - 1)).astype("<i2").tobytes()
