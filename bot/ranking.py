"""Which voices to offer for what somebody has typed so far. Pure, and quick: an answer is wanted while they type.

There is an index of the words of all that the model has, the same for everybody, and a small one for each person, so that a key
costs little however many voices there are.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import difflib
import enum
import functools
from collections.abc import Iterable, Iterator, Sequence

from bot.presets import fold, words

CHOICES = 25  # Discord shows at most this many
CLOSE = 0.7  # likeness from which a word counts as misspelt
SHORTEST_GUESS = 3  # letters below which no word is taken for a misspelt one
LAST = "\U0010ffff"  # behind every text that begins alike
GUESSES = 1024  # misspelt words whose meaning is remembered: people type them letter by letter


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


class Index:
    """Offers in the order of their ranks, found by their words and beginnings. A place is an offer's number in that order."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self.offers = tuple(sorted(offers, key=lambda offer: offer.rank))
        places: dict[str, set[int]] = collections.defaultdict(set)
        for place, offer in enumerate(self.offers):
            for word in offer.words:
                places[word].add(place)
        self.words = frozenset(places)
        self._places = dict(places)
        self._in_order = sorted(places)
        self._begins = sorted((name, place) for place, offer in enumerate(self.offers) for name in offer.begins)

    def begun(self, word: str) -> frozenset[str]:
        """The known words that an asked one may become. It may be unfinished, a number may not: 1 is not 10."""
        if word.isdigit():
            return self.words.intersection((word,))
        first, end = bisect.bisect_left(self._in_order, word), bisect.bisect_left(self._in_order, word + LAST)
        return frozenset(self._in_order[first:end])

    def holding(self, meant: Iterable[frozenset[str]]) -> set[int]:
        """The places of those offers that have one of the words that may be meant, for each that was asked for."""
        found = [set[int]().union(*(self._places.get(word, ()) for word in some)) for some in meant]
        return set.intersection(*found)

    def beginning(self, begin: str) -> set[int]:
        """The places of those offers that begin so."""
        first, end = bisect.bisect_left(self._begins, (begin,)), bisect.bisect_left(self._begins, (begin + LAST,))
        return {place for _, place in self._begins[first:end]}


def best(typed: str, indexes: Sequence[Index], limit: int = CHOICES) -> list[Offer]:
    """The voices for what was typed: those that begin with it, those that hold all its words, those that nearly do.

    What stands on an earlier index comes first among equals, and instead of the same voice on a later one.
    """
    picked: dict[str, Offer] = {}
    for offer in _found(typed, indexes):
        picked.setdefault(offer.key, offer)
        if len(picked) == limit:
            break
    return list(picked.values())


def _found(typed: str, indexes: Sequence[Index]) -> Iterator[Offer]:
    begin, asked = fold(typed).strip(), words(typed)
    if not asked:
        groups = [[list(range(len(index.offers))) for index in indexes]]
    else:
        first = [index.beginning(begin) for index in indexes]
        meant = [[index.begun(word) for index in indexes] for word in asked]  # an entry for each word, and each index
        rest = [_others(index, number, meant) - first[number] for number, index in enumerate(indexes)]
        if not any(first) and not any(rest) and (guessed := corrected(asked, meant, indexes)):
            rest = [index.holding(guessed) for index in indexes]
        groups = [[sorted(places) for places in group] for group in (first, rest)]
    for group in groups:
        for index, places in zip(indexes, group, strict=True):
            yield from (index.offers[place] for place in places)


def _others(index: Index, number: int, meant: Sequence[Sequence[frozenset[str]]]) -> set[int]:
    return index.holding([some[number] for some in meant])


def corrected(
    asked: Sequence[str], meant: Sequence[Sequence[frozenset[str]]], indexes: Sequence[Index]
) -> list[frozenset[str]]:
    """For each word those that may have been meant; nothing at all if for one of them there is none."""
    guessed = [
        frozenset[str]().union(*some) or _misspelt(word, indexes) for word, some in zip(asked, meant, strict=True)
    ]
    return guessed if all(guessed) else []


def _misspelt(word: str, indexes: Iterable[Index]) -> frozenset[str]:
    """The known word most like this one."""
    found = [guess for index in indexes if (guess := _closest(word, index.words))]
    return frozenset([max(found)[1]]) if found else frozenset()


@functools.lru_cache(GUESSES)
def _closest(word: str, known: frozenset[str]) -> tuple[float, str] | None:
    """How like it is, and the word. Those that are much longer or shorter cannot be: difflib takes its time with each."""
    if len(word) < SHORTEST_GUESS or word.isdigit():
        return None
    least, most = len(word) * CLOSE / (2 - CLOSE), len(word) * (2 - CLOSE) / CLOSE
    alike = sorted(other for other in known if least <= len(other) <= most)
    found = difflib.get_close_matches(word, alike, n=1, cutoff=CLOSE)
    return (difflib.SequenceMatcher(None, found[0], word).ratio(), found[0]) if found else None
