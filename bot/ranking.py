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
    # 200 voices share a few hundred words: each word is looked at once, not once for each voice
    known = frozenset[str]().union(*[offer.words for offer in offers])
    meant = [begun(word, known) for word in asked]
    first = {number for number, offer in enumerate(offers) for name in offer.begins if name.startswith(begin)}
    found = [(number not in first, offers[number].rank, number) for number in first.union(holding(meant, offers))]
    if not found and (guessed := corrected(asked, meant, known)):
        found = [(True, offers[number].rank, number) for number in holding(guessed, offers)]
    return [offers[number] for _, _, number in sorted(found)[:limit]]


def begun(word: str, known: Iterable[str]) -> frozenset[str]:
    """The known words that an asked one may become. It may be unfinished, a number may not: 1 is not 10."""
    if word.isdigit():
        return frozenset({word}).intersection(known)
    return frozenset([other for other in known if other.startswith(word)])


def holding(meant: Iterable[frozenset[str]], offers: Sequence[Offer]) -> list[int]:
    """The places of those voices that have one of the words that may be meant, for each that was asked for."""
    left = list(enumerate(offers))
    for some in meant:
        left = [(number, offer) for number, offer in left if not offer.words.isdisjoint(some)]
    return [number for number, _ in left]


def corrected(asked: Sequence[str], meant: Sequence[frozenset[str]], known: Iterable[str]) -> list[frozenset[str]]:
    """For each word those that may have been meant; nothing at all if for one of them there is none."""
    guessed = [some or _misspelt(word, known) for word, some in zip(asked, meant, strict=True)]
    return guessed if all(guessed) else []


def _misspelt(word: str, known: Iterable[str]) -> frozenset[str]:
    """The known word most like this one. Those that are much longer or shorter cannot be: difflib takes its time with each."""
    if len(word) < SHORTEST_GUESS or word.isdigit():
        return frozenset()
    least, most = len(word) * CLOSE / (2 - CLOSE), len(word) * (2 - CLOSE) / CLOSE
    alike = sorted(other for other in known if least <= len(other) <= most)
    return frozenset(difflib.get_close_matches(word, alike, n=1, cutoff=CLOSE))
