"""Which voices to offer for what somebody has typed so far. Pure, and quick: an answer is wanted while they type."""

from __future__ import annotations

import dataclasses
import difflib
import enum
from collections.abc import Iterable, Sequence

from bot.presets import fold, words

CHOICES = 25  # Discord shows at most this many
CLOSE = 0.7  # likeness from which a word counts as misspelt
SHORTEST_GUESS = 3  # letters below which no word is taken for a misspelt one


class Rank(enum.IntEnum):
    """Who comes first among those that match equally well."""

    FAVOURITE = 0
    RECENT = 1
    OWN = 2
    SERVER = 3
    PRESET = 4


class Match(enum.IntEnum):
    """How well a voice matches, best first."""

    BEGINS = 0
    WORDS = 1
    CLOSE = 2
    NOT = 3


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A voice that somebody may use, as it is shown and found. `key` does not change when the voice is renamed."""

    key: str
    name: str
    label: str
    rank: Rank
    begins: tuple[str, ...]  # folded; what it may begin with
    words: frozenset[str]  # folded


def best(typed: str, offers: Sequence[Offer], limit: int = CHOICES) -> list[Offer]:
    """The voices for what was typed: those that begin with it, those that hold all its words, those that nearly do."""
    begin, asked = fold(typed).strip(), words(typed)
    if not asked:
        return sorted(offers, key=lambda offer: offer.rank)[:limit]
    matches = [(match(begin, asked, offer), offer.rank, number) for number, offer in enumerate(offers)]
    found = [entry for entry in matches if entry[0] is not Match.NOT]
    if not found:
        guessed = corrected(asked, (word for offer in offers for word in offer.words))
        found = [
            (Match.CLOSE, offer.rank, number)
            for number, offer in enumerate(offers)
            if guessed and all(spelt & offer.words for spelt in guessed)
        ]
    return [offers[number] for _, _, number in sorted(found)[:limit]]


def match(begin: str, asked: Sequence[str], offer: Offer) -> Match:
    """How well one voice matches."""
    if any(name.startswith(begin) for name in offer.begins):
        return Match.BEGINS
    if all(any(_fits(word, known) for known in offer.words) for word in asked):
        return Match.WORDS
    return Match.NOT


def _fits(word: str, known: str) -> bool:
    """A word may be unfinished, a number may not: 1 is not 10."""
    return known == word if word.isdigit() else known.startswith(word)


def corrected(asked: Iterable[str], known: Iterable[str]) -> list[set[str]]:
    """For each word those that may have been meant; nothing at all if for one of them there is none."""
    vocabulary = sorted(set(known))
    meant = []
    for word in asked:
        begun = {other for other in vocabulary if _fits(word, other)}
        if not begun and len(word) >= SHORTEST_GUESS and not word.isdigit():
            begun = set(difflib.get_close_matches(word, vocabulary, n=1, cutoff=CLOSE))
        if not begun:
            return []
        meant.append(begun)
    return meant
