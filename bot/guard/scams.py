"""Our own rules against scams and impersonation: scams.toml, which has examples and counter-examples for each.

A pattern is some groups of phrases; it is there where one phrase of each group stands close together. So "a gift card
for my birthday" is fine, and "buy a gift card and read me the code" is not.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from bot.guard.fold import fold
from bot.guard.readings import UNSPACED, Reading, words

WITHIN = 400  # characters: a few sentences
_EXAGGERATED = re.compile(r"([^\W\d_])\1{2,}")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """Groups of phrases, as words with single spaces around them; as they are in scripts without spaces."""

    language: str
    groups: tuple[tuple[str, ...], ...]

    def there(self, text: str, known: Collection[str]) -> bool:
        """Whether a phrase of each group is there, all within a stretch. `known`: its words and characters, for speed."""
        places: list[tuple[int, int]] = []
        for number, group in enumerate(self.groups):
            likely = [
                phrase for phrase in group if (phrase[0] if phrase[0] != " " else phrase.split(" ", 2)[1]) in known
            ]
            here = [(place, number) for phrase in likely for place in _places(phrase, text)]
            if not here:
                return False
            places += here
        return _close(sorted(places), len(self.groups))


def broken(readings: Iterable[Reading]) -> str | None:
    """The id of the first rule that a text breaks; None: none."""
    for reading in readings:
        text = _EXAGGERATED.sub(r"\1", " ".join(reading))
        known, spaced = {*text.split(), *text}, f" {text} "
        for rule, patterns in rules().items():
            if any(pattern.there(spaced, known) for pattern in patterns):
                return rule
    return None


@functools.cache
def rules() -> Mapping[str, tuple[Pattern, ...]]:
    """The rules by their ids."""
    return {
        name: tuple(
            Pattern(language=pattern["language"], groups=tuple(_group(group) for group in pattern["all"]))
            for pattern in patterns
        )
        for name, patterns in described().items()
    }


@functools.cache
def described() -> Mapping[str, list[dict[str, Any]]]:
    """The file as it is, with its examples."""
    file = importlib.resources.files(__package__) / "scams.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _group(phrases: Iterable[str]) -> tuple[str, ...]:
    folded = (" ".join(words(fold(phrase))) for phrase in phrases)
    return tuple(phrase if UNSPACED.search(phrase) else f" {phrase} " for phrase in folded)


def _places(phrase: str, text: str) -> Iterator[int]:
    place = text.find(phrase)
    while place >= 0:
        yield place
        place = text.find(phrase, place + 1)


def _close(places: list[tuple[int, int]], groups: int) -> bool:
    """Whether somewhere all groups occur within `WITHIN`. `places`: (where, which group), in order."""
    last: dict[int, int] = {}
    for place, group in places:
        last[group] = place
        if len(last) == groups and place - min(last.values()) <= WITHIN:
            return True
    return False
