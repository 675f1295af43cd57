"""How somebody stands in a place: banned, halted, asked to accept the rules. A pure value, and its words."""

from __future__ import annotations

import dataclasses
import math

from bot import texts
from bot.moderation.bans import EVERYWHERE, Ban
from bot.moderation.halts import EVERYTHING, Halt
from bot.moderation.rules import Rulebook
from bot.texts import say


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`halts`: those of this place. `due`: the rules that are to be accepted first. `contact`: whom to ask."""

    ban: Ban | None = None
    halts: frozenset[Halt] = frozenset()
    due: Rulebook | None = None
    contact: str = ""

    def barred(self, used: frozenset[str]) -> tuple[str, str] | None:
        """Why nothing is made that uses these: a word for the log, a sentence for the person; None: it may be."""
        if self.ban is not None:
            return "banned", self._banned(self.ban)
        for halt in sorted(self.halts, key=lambda halt: (halt.place, halt.feature)):
            if halt.feature in (EVERYTHING, *used):
                return "halted", _halted(halt)
        return None

    def _banned(self, ban: Ban) -> str:
        until = "" if ban.until is None else say(texts.BANNED_UNTIL, when=math.ceil(ban.until))
        reason = say(texts.BANNED_REASON, reason=ban.reason) if ban.reason else ""
        if ban.place != EVERYWHERE:
            return say(texts.BANNED_HERE, until=until, reason=reason)
        template = texts.BANNED_SERVER if ban.of_server else texts.BANNED
        return say(template, until=until, reason=reason, contact=self.contact or say(texts.CONTACT))


def _halted(halt: Halt) -> str:
    template = texts.HALTED if halt.place == EVERYWHERE else texts.HALTED_HERE
    if halt.feature == EVERYTHING:
        return say(template)
    template = texts.HALTED_FEATURE if halt.place == EVERYWHERE else texts.HALTED_FEATURE_HERE
    return say(template, feature=say(texts.FEATURES[halt.feature]))


CLEAR = Standing()
