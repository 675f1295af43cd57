"""What people and servers may ask about their data, behind the commands: database, files and what is in memory together."""

from __future__ import annotations

import asyncio
import functools
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable

from bot.consent.revoke import Ended
from bot.flow import clips
from bot.house import House
from bot.kept import Kept
from bot.privacy import erase as erasing
from bot.privacy import export as exporting
from bot.privacy.erase import Erased
from bot.privacy.holdings import HOLDINGS, Holding
from bot.privacy.keep import Keep
from bot.store import Store

log = logging.getLogger(__name__)


class Office:
    """To see, to take along, to delete."""

    def __init__(
        self,
        *,
        store: Store,
        house: House,
        keep: Keep,
        clock: Callable[[], float],
        cancelled: Callable[[int], None],
        forget_sample: Callable[[Kept], None],
        ended: Callable[[Ended], Awaitable[None]],
    ) -> None:
        """`cancelled` is told of jobs that were taken back, `forget_sample` of kept voices that are gone, `ended` of members' own."""
        self._store, self._house, self._clock = store, house, clock
        self._cancelled, self._forget_sample = cancelled, forget_sample
        self._ended = ended
        self.keep = keep

    async def held(self, user: int) -> list[tuple[Holding, int]]:
        """What is kept of a person, with how much of it."""
        return await self._store.call(held, user)

    async def export(self, user: int, most: int) -> bytes:
        """Their copy, as a zip of at most `most` bytes."""
        copy = await self._store.call(exporting.collect, user)
        library = self._house.library
        voices = [(f"voices/{voice.file}", functools.partial(library.read, voice)) for voice in library.own(user)]
        pack = functools.partial(exporting.archive, user=user, now=self._clock(), most=most)
        return await asyncio.to_thread(pack, copy, voices)

    async def erase(self, user: int) -> Erased:
        """Forget them. When this returns nothing is left in the database, its log, the files and memory but what is said."""
        erased = await self._store.call(erasing.erase, user, self._clock(), self.keep)
        await self._stop(erased)
        self._house.book.forget(user_id=user)
        for voice in await self._house.library.forget(user):
            await asyncio.to_thread(self._forget_sample, voice)
        await asyncio.to_thread(clips.remove, erased.files)
        await self._store.fold()
        log.info("a person's data is deleted, %d jobs were taken back", len(erased.cancelled))
        return erased

    async def forget_server(self, guild: int, erased: Erased) -> None:
        """A server's rows are gone: so is what is in memory, and what is at work."""
        await self._stop(erased)
        self._house.book.forget(guild_id=guild)
        self._house.library.leave(guild)

    async def _stop(self, erased: Erased) -> None:
        for job in erased.cancelled:
            self._cancelled(job)
        for one in erased.ended:
            await self._ended(one)


def held(db: sqlite3.Connection, user: int) -> list[tuple[Holding, int]]:
    """What there is of a person, in the order in which it is shown."""
    return [(holding, count) for holding, count in _counted(db, user) if count]


def _counted(db: sqlite3.Connection, user: int) -> Iterable[tuple[Holding, int]]:
    for holding in sorted(HOLDINGS, key=lambda holding: holding.table != "jobs"):  # requests first
        sql = f"SELECT count(*) FROM {holding.table} WHERE {holding.mine}"
        yield holding, db.execute(sql, {"user": user}).fetchone()[0]
