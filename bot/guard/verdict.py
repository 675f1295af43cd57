"""All rules together: which one a text, or a name that goes with it, breaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from bot.guard import claims, scams
from bot.guard.claims import Names
from bot.guard.listed import NOTHING, Listed, listed
from bot.guard.readings import readings

OPERATORS_WORDS = "operators-words"
SERVERS_WORDS = "servers-words"
PROTECTED_NAME = "protected-name"
SCAM = "scam:"  # and the rule's id


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What holds in one place: the operator's list, the server's list, the names of both, whether scams are looked for."""

    operators: Listed
    words: Listed
    names: Names
    scams: bool

    def broken(self, text: str, called: Iterable[str] = ()) -> str | None:
        """The rule that a text breaks, or a name of a voice or speaker that goes with it; None: none."""
        read = readings(text)
        called = tuple(called)
        everything = (*read, *(reading for name in called for reading in readings(name)))
        if self.operators.found(everything):
            return OPERATORS_WORDS
        if self.words.found(everything):
            return SERVERS_WORDS
        if self.names.claimed(read) or any(map(self.names.protect, called)):
            return PROTECTED_NAME
        scam = scams.broken(read) if self.scams else None
        return SCAM + scam if scam else None

    def broken_by_name(self, *names: str) -> str | None:
        """The rule that a voice breaks which is called this; None: none."""
        return self.broken("", names)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class HouseRules:
    """What the operator wants everywhere: the words of their list, made ready once, and protected names."""

    words: Listed
    names: tuple[str, ...] = ()

    def with_servers(self, *, words: tuple[str, ...], names: tuple[str, ...], scams: bool) -> Guard:
        """Together with what a server wants."""
        return Guard(operators=self.words, words=listed(words), names=claims.names((*self.names, *names)), scams=scams)


NO_HOUSE_RULES = HouseRules(words=NOTHING)
NO_GUARD = Guard(operators=NOTHING, words=NOTHING, names=Names(called=NOTHING, claims=NOTHING), scams=False)
