"""Word lists: words and phrases, compared with whole words of a text. Never patterns: nobody's list can be slow.

A letter that is there three times or more may be meant once or twice (spaaam); one that is there twice is meant (god, good).
In scripts that put no spaces between words a listed word counts wherever it stands.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Mapping

from bot.guard.fold import fold
from bot.guard.readings import UNSPACED, Reading, words

EXAGGERATED = 3  # times the same letter from which on it does not matter how often
_RUN = re.compile(r"(.)\1+")
_UNSPACED_ONLY = re.compile(f"(?:{UNSPACED.pattern}| )+")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A list, made ready."""

    phrases: Mapping[Reading, tuple[Reading, ...]]  # by their words without doubled letters
    lengths: Mapping[str, tuple[int, ...]]  # the first of these words -> how many words such phrases have
    unspaced: tuple[str, ...]  # found anywhere
    mixed: tuple[str, ...]  # the same, with words of other scripts in them: spaces do not count

    def found(self, readings: Iterable[Reading], *, not_before: str | None = None) -> bool:
        """Whether any of it is there. `not_before`: the word after it that makes it something else."""
        return any(self._in(reading, not_before) for reading in readings)

    def _in(self, reading: Reading, not_before: str | None) -> bool:
        text = " ".join(reading)
        if UNSPACED.search(text) and self._anywhere(text):
            return True
        single = tuple(_single(text).split())
        for place in [place for place, word in enumerate(single) if word in self.lengths]:
            for length in self.lengths[single[place]]:
                end = place + length
                written, candidates = reading[place:end], self.phrases.get(single[place:end], ())
                if any(_same(phrase, written) for phrase in candidates) and reading[end : end + 1] != (not_before,):
                    return True
        return False

    def _anywhere(self, text: str) -> bool:
        joined, known = text.replace(" ", ""), set(text)
        return any(word[0] in known and word in text for word in self.unspaced) or any(
            word[0] in known and word[-1] in known and word in joined for word in self.mixed
        )


@functools.lru_cache(maxsize=512)  # a server's list stays the same for long
def listed(entries: tuple[str, ...]) -> Listed:
    """The list of these words and phrases."""
    return of(words(fold(entry)) for entry in entries)


def of(entries: Iterable[Reading]) -> Listed:
    """The list of these phrases, folded and split into words; an empty one counts for nothing."""
    phrases: dict[Reading, tuple[Reading, ...]] = {}
    lengths: dict[str, tuple[int, ...]] = {}
    unspaced, mixed = [], []
    for phrase in filter(None, dict.fromkeys(entries)):
        text = " ".join(phrase)
        if _UNSPACED_ONLY.fullmatch(text):
            unspaced.append(text)
        elif UNSPACED.search(text):
            mixed.append("".join(phrase))
        else:
            single = tuple(_single(text).split())
            phrases[single] = (*phrases.get(single, ()), phrase)
            lengths[single[0]] = tuple(dict.fromkeys((*lengths.get(single[0], ()), len(phrase))))
    return Listed(phrases=phrases, lengths=lengths, unspaced=tuple(unspaced), mixed=tuple(mixed))


def usable(entry: str) -> bool:
    """Whether something of it is left to be compared: two letters or figures at least, or one in a script like Chinese."""
    text = "".join(words(fold(entry)))
    return len(text) > 1 or bool(UNSPACED.match(text))


def _single(text: str) -> str:
    """Without doubled letters."""
    return _RUN.sub(r"\1", text)


def _same(phrase: Reading, written: Reading) -> bool:
    """Whether a phrase is what was written, given that they are the same without doubled letters."""
    wanted, there = (itertools.groupby(" ".join(each)) for each in (phrase, written))
    counts = zip((len(list(run)) for _, run in wanted), (len(list(run)) for _, run in there), strict=True)
    return all(want == have or have >= EXAGGERATED for want, have in counts)


NOTHING = of(())
