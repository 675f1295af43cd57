"""How people stand, read from the database; and the halts in memory, for what has no time to ask it."""

from __future__ import annotations

import sqlite3

from bot.flow.ask import Ask
from bot.flow.job import Job
from bot.moderation import bans, halts, rules
from bot.moderation.halts import EVERYTHING, Halt
from bot.moderation.rules import Held, Question, Rulebook
from bot.moderation.standing import Standing

NO_RULES = Rulebook(ask=False)


class Warden:
    """`contact`: how the people who run the bot can be reached, in their words."""

    def __init__(self, *, rulebook: Rulebook = NO_RULES, contact: str = "") -> None:
        self.rulebook, self._contact = rulebook, contact
        self.halts: frozenset[Halt] = frozenset()

    def read(self, db: sqlite3.Connection) -> frozenset[Halt]:
        """Take the halts into memory; to be called at the start and after each change."""
        self.halts = halts.read(db)
        return self.halts

    def stops(self, job: Job) -> bool:
        """Whether this job has to wait. From memory."""
        used = halts.features(job.options)
        return any(halts.touches(halt, job.guild_id, used) for halt in self.halts)

    def silences(self, guild_id: int) -> bool:
        """Whether nothing is to be heard in this server's voice channels. From memory."""
        return any(halts.touches(halt, guild_id, frozenset({"voice"})) for halt in self.halts)

    @property
    def stopped(self) -> bool:
        """Whether everything stands still everywhere."""
        return Halt(place=bans.EVERYWHERE, feature=EVERYTHING) in self.halts

    def standing(self, db: sqlite3.Connection, user_id: int, guild_id: int | None, now: float) -> Standing:
        """Of a person in a place, as it is written down."""
        due = self.rulebook.ask and not rules.accepted(db, user_id, self.rulebook.version)
        here = (bans.EVERYWHERE, bans.server(guild_id))
        return Standing(
            ban=bans.holding(db, user_id, guild_id, now),
            halts=frozenset(halt for halt in halts.read(db) if halt.place in here),
            due=self.rulebook if due else None,
            contact=self._contact,
        )

    def hold(self, db: sqlite3.Connection, ask: Ask, now: float) -> bool:
        """Keep what somebody asked for who has to accept the rules first. Whether they are to be shown now.

        Whoever has asked for nothing (a message that is read aloud) is shown them once.
        """
        if ask.token is None and rules.asked(db, ask.user_id, self.rulebook.version):
            return False
        rules.show(db, ask.id, Question(user_id=ask.user_id, version=self.rulebook.version, held=Held.of(ask)), now)
        return True
