"""Servers that removed the bot: what was theirs goes some days later, unless they want it back by then."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable

from bot.flow.reading import FACT
from bot.moderation.herald import POSTED
from bot.privacy import borrowed
from bot.privacy.erase import Erased, audio, withdraw
from bot.privacy.holdings import HOLDINGS
from bot.store import Store


class Servers:
    """Where the bot is, written down. An outage of Discord is no removal: those servers are still listed."""

    def __init__(self, *, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._there: set[int] | None = None  # None: Discord has not listed them yet

    async def listed(self, guilds: Iterable[int]) -> None:
        """All servers of the bot, as Discord lists them when it connects: it may have been removed while it was away."""
        self._there = set(guilds)
        await self._store.insist(listed, frozenset(self._there), self._clock())

    async def joined(self, guild: int) -> None:
        """The bot was added to one; or Discord tells more about one that it lists or will list, as it does at each start."""
        if self._there is not None and guild not in self._there:
            self._there.add(guild)
            await self._store.insist(joined, guild)

    async def left(self, guild: int) -> None:
        """The bot was removed from one."""
        if self._there is not None:
            self._there.discard(guild)
        await self._store.insist(left, guild, self._clock())


def joined(db: sqlite3.Connection, guild: int) -> None:
    """It is there, again or for the first time."""
    db.execute(
        "INSERT INTO servers VALUES (?, NULL) ON CONFLICT (guild_id) DO UPDATE SET left_at = NULL"
        " WHERE left_at IS NOT NULL",
        (guild,),
    )


def left(db: sqlite3.Connection, guild: int, now: float) -> None:
    """It is gone."""
    db.execute(
        "INSERT INTO servers VALUES (?, ?) ON CONFLICT (guild_id) DO UPDATE SET left_at = excluded.left_at"
        " WHERE left_at IS NULL",
        (guild, now),
    )


def listed(db: sqlite3.Connection, guilds: frozenset[int], now: float) -> None:
    """These are there, and no others. Where the bot never was (somebody brought it along) it cannot be removed from."""
    known = {row["guild_id"] for row in db.execute("SELECT guild_id FROM servers")}
    for guild in guilds:
        joined(db, guild)
    for guild in known - guilds:
        left(db, guild, now)


def gone(db: sqlite3.Connection, before: float) -> list[int]:
    """Those that removed the bot at `before` or earlier, and did not add it again."""
    return [row["guild_id"] for row in db.execute("SELECT guild_id FROM servers WHERE left_at <= ?", (before,))]


def delete(db: sqlite3.Connection, guild: int, now: float) -> Erased:
    """Everything of a server."""
    files = audio(db, "guild_id", guild)
    cancelled = withdraw(db, "guild_id", guild, now, told=True)
    ended = borrowed.leave(db, guild, now)
    values = {"guild": guild, "alias": -1 - secrets.randbits(62)}
    for holding in HOLDINGS:
        if holding.leave:
            db.execute(holding.leave, values)
    for fact in (FACT, POSTED):
        db.execute("UPDATE facts SET value = json_remove(value, ?) WHERE name = ?", (f'$."{guild}"', fact))
    db.execute("DELETE FROM servers WHERE guild_id = ?", (guild,))
    files = (*files, *(path for one in ended for path in one.files))
    return Erased(cancelled=cancelled, files=tuple(dict.fromkeys(files)), ended=ended)
