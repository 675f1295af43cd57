"""The miniature's semantic tokens: which phoneme sounds now, for how many frames more, and where a word begins.

Fifty tokens a second. Token 0..15 is a word mark, the same cycle of sixteen as the tokenizer's word separators, on the
first frame of a word: the alignment of text and speech becomes a look-up, which so small a model learns fast. Every other
token is a phoneme and a countdown: the frames that are left of it, up to twelve. Longer sounds are several countdowns.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.pup.teacher import Spoken

Tokens = npt.NDArray[np.int64]

RATE = 50  # tokens a second
MARKS = 16
COUNTDOWN = 12  # frames at most in one countdown
TAIL = 6  # frames of silence kept at the end: 0.12 s
PAUSE = "_"  # also what a phoneme becomes that the alphabet lacks
_PAUSES = ("_", "_:")

_WORD = re.compile(r"[a-z']+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """A phoneme on the grid of frames, at least one long."""

    phone: str
    frames: int
    word: int | None = None  # the number of the word that begins here


class Alphabet:
    """Phonemes in a fixed order, and the ids made of them."""

    def __init__(self, phones: Sequence[str]) -> None:
        """ValueError where a phoneme is there twice, or there is no pause."""
        if len(set(phones)) != len(phones) or PAUSE not in phones:
            raise ValueError("an alphabet needs distinct phonemes and a pause")
        self.phones = tuple(phones)
        self._index = {phone: index for index, phone in enumerate(phones)}

    @classmethod
    def of(cls, spoken: Iterable[Spoken]) -> Alphabet:
        """Every phoneme that occurs, by name."""
        return cls(sorted({phone.name for speech in spoken for phone in speech.phones} | {PAUSE}))

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return MARKS + len(self.phones) * COUNTDOWN

    def encode(self, sounds: Sequence[Sound]) -> Tokens:
        """One token for each frame."""
        tokens: list[int] = []
        for sound in sounds:
            start = len(tokens)
            first = MARKS + COUNTDOWN * self._index.get(sound.phone, self._index[PAUSE])
            for part in _parts(sound.frames):
                tokens.extend(first + left for left in range(part - 1, -1, -1))
            if sound.word is not None:
                tokens[_place_of_mark(tokens, start, sound.frames)] = sound.word % MARKS
        return np.array(tokens, np.int64)

    def by_frame(self, tokens: Tokens) -> list[str]:
        """The phoneme of each frame. A mark's frame belongs to the countdown that is one frame short because of it."""
        names: list[str] = []
        for place, token in enumerate(tokens):
            own = token
            if token < MARKS:  # the last frame of the sound before where that has not counted down to 0
                before = tokens[place - 1] if place else MARKS
                unfinished = before >= MARKS and (before - MARKS) % COUNTDOWN > 0
                own = before if unfinished else tokens[min(place + 1, len(tokens) - 1)]
            names.append(self.phones[(own - MARKS) // COUNTDOWN] if own >= MARKS else PAUSE)
        return names

    def is_choice(self, tokens: Tokens) -> npt.NDArray[np.bool_]:
        """Where the token before says nothing of this one: after a mark, after a countdown's end, at the beginning."""
        before = np.concatenate([[0], tokens[:-1]])
        chosen: npt.NDArray[np.bool_] = (before < MARKS) | ((before - MARKS) % COUNTDOWN == 0)
        return chosen


def sounds_of(text: str, spoken: Spoken) -> list[Sound]:
    """What was spoken on the grid of frames, silence at the end cut to `TAIL`; an even number of frames in all.

    A phoneme too short for a frame is left out and hands its word's mark on to the next.
    """
    starts = [match.start() for match in _WORD.finditer(text)]
    total = int(spoken.seconds * RATE)
    ends = [min(round(phone.start * RATE), total) for phone in spoken.phones[1:]] + [total]
    sounds: list[Sound] = []
    at, word = 0, None
    for phone, end in zip(spoken.phones, ends, strict=True):
        if phone.word_at is not None:
            word = word_number(starts, phone.word_at) if word is None else word
        if end > at:
            sounds.append(Sound(phone=phone.name, frames=end - at, word=word))
            at, word = end, None
    return _trimmed(sounds)


def word_number(starts: Sequence[int], place: int) -> int:
    """The last word that begins at `place` or one character later: the teacher is one off after a full stop."""
    return max((number for number, start in enumerate(starts) if start <= place + 1), default=0)


def _trimmed(sounds: list[Sound]) -> list[Sound]:
    """Silence at the end cut to `TAIL` frames, one more where the sum is odd: three codec frames are two tokens."""
    while sounds and sounds[-1].phone in _PAUSES:
        sounds = sounds[:-1]
    odd = sum(sound.frames for sound in sounds) % 2
    return [*sounds, Sound(phone=PAUSE, frames=TAIL + odd)]


def _parts(frames: int) -> list[int]:
    """A length as the fewest countdowns, as equal as can be."""
    count = -(-frames // COUNTDOWN)
    ends = [frames * number // count for number in range(count + 1)]
    return [after - before for before, after in itertools.pairwise(ends)]


def _place_of_mark(tokens: list[int], start: int, frames: int) -> int:
    """The first frame of the word; the frame before it where a sound of one frame would be lost, and one is there."""
    if frames > 1 or start == 0 or tokens[start - 1] < MARKS:
        return start
    return start - 1
