"""Bans and halts as deeds: written down, and at once what follows from them for what is in line, made, or heard."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from operator import attrgetter

from bot.flow.voice import Voice
from bot.moderation import bans, halts
from bot.moderation.bans import Ban
from bot.moderation.halts import Halt
from bot.moderation.warden import Warden
from bot.store import Store


class Marshal:
    """`cancelled` is told of each job that ended; `changed`: what is halted is another now."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Callable[[], float],
        warden: Warden,
        voice: Voice,
        cancelled: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._store, self._clock, self._warden, self._voice = store, clock, warden, voice
        self._cancelled, self._changed = cancelled, changed

    async def begin(self) -> None:
        """Before anything is made: what an earlier life was told to halt stays halted."""
        await self._store.insist(self._warden.read)

    async def ban(self, who: str, place: str, *, by: int, hours: int | None, reason: str) -> int:
        """Keep somebody out; how many texts that ended."""
        now = self._clock()
        until = None if hours is None else now + hours * 3600
        ban = Ban(who=who, place=place, until=until, reason=reason, made_by=by, at=now)
        caught = await self._store.call(bans.add, ban)
        for job in caught.jobs:
            self._cancelled(job)
        by_guild = attrgetter("guild_id")
        for guild, turns in itertools.groupby(sorted(caught.turns, key=by_guild), key=by_guild):
            await self._voice.room(guild).remove(list(turns))
        return len(caught.jobs)

    async def unban(self, who: str, place: str, *, by: int) -> bool:
        """Let them in again. Whether they were kept out."""
        return await self._store.call(bans.lift, who, place, by, self._clock())

    async def bans(self, place: str) -> list[Ban]:
        """Those made for one place."""
        return await self._store.call(bans.listed, place, self._clock())

    async def halt(self, halt: Halt, *, by: int) -> bool:
        """Stop. False if that was stopped already."""

        def write(db: sqlite3.Connection) -> bool:
            fresh = halts.add(db, halt, by, self._clock())
            self._warden.read(db)
            return fresh

        fresh = await self._store.call(write)
        self._changed()
        return fresh

    async def resume(self, halt: Halt, *, by: int) -> int:
        """Go on, with one feature or with all. How many halts that ended."""

        def write(db: sqlite3.Connection) -> int:
            count = halts.lift(db, halt, by, self._clock())
            self._warden.read(db)
            return count

        count = await self._store.call(write)
        self._changed()
        return count
