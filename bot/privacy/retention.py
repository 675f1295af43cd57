"""Retention by timer: every few minutes what has had its time goes. Finished audio has a janitor of its own (flow/clips.py)."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping

from bot.flow import clips, meters
from bot.flow.job import TOKEN_LIFE
from bot.moderation import rules
from bot.privacy import borrowed, erase, servers
from bot.privacy.borrowed import BOUND, NOBODYS, REPORTED
from bot.privacy.erase import Erased
from bot.privacy.keep import DAY, Keep
from bot.store import Store

log = logging.getLogger(__name__)

EVERY = 300.0  # seconds between two rounds

_WORDS = "told_at IS NOT NULL AND (text <> '' OR options ->> 'cast' IS NOT NULL)"  # as the index has it
_OPEN = "state IN ('waiting', 'playing')"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """What one round did: rows that changed or went, and what came of forgetting servers, by server."""

    rows: int
    guilds: Mapping[int, Erased]


class Retention:
    """The loop."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Callable[[], float],
        keep: Keep,
        forgotten: Callable[[int, Erased], Awaitable[None]],
    ) -> None:
        """`forgotten` is told of each server whose rows are gone: parts of it may be in memory, or at work."""
        self._store, self._clock, self._keep, self._forgotten = store, clock, keep, forgotten

    async def run(self) -> None:
        """Every few minutes."""
        while True:
            await self.round()
            await asyncio.sleep(EVERY)

    async def round(self) -> Swept:
        """Once."""
        swept = await self._store.insist(sweep, self._clock(), self._keep)
        for guild, erased in swept.guilds.items():
            log.info("server %d removed the bot %g days ago; what was its is deleted", guild, self._keep.servers / DAY)
            await self._forgotten(guild, erased)
            await asyncio.to_thread(clips.remove, erased.files)
        if swept.rows:
            await self._store.fold()
        return swept


def sweep(db: sqlite3.Connection, now: float, keep: Keep) -> Swept:
    """One round, in one transaction."""
    before = db.total_changes
    _words(db, now, keep)
    db.execute("UPDATE jobs SET token = NULL WHERE token IS NOT NULL AND received_at <= ?", (now - TOKEN_LIFE,))
    db.execute("DELETE FROM reports WHERE made_at <= ?", (now - keep.reports,))
    db.execute("DELETE FROM complaints WHERE made_at <= ?", (now - keep.reports,))
    db.execute("DELETE FROM made WHERE made_at <= ?", (now - keep.reports,))
    db.execute("DELETE FROM bans WHERE until <= ?", (now,))
    rules.tidy(db, now)
    db.execute("DELETE FROM meters WHERE at <= ?", (now - meters.FORGET_AFTER,))
    guilds = {guild: servers.delete(db, guild, now) for guild in servers.gone(db, now - keep.servers)}
    if _jobs(db, now, keep) + erase.finish(db):
        _flows(db)
    borrowed.tidy(db, now, keep)
    return Swept(rows=db.total_changes - before, guilds=guilds)


def _words(db: sqlite3.Connection, now: float, keep: Keep) -> None:
    """Texts, and in conversations the names of who speaks. No fingerprint is kept: that of a short text can be guessed back."""
    db.execute(
        f"UPDATE jobs SET text = '', options = json_remove(options, '$.cast') WHERE {_WORDS} AND told_at <= ?",
        (now - keep.text,),
    )
    db.execute(f"DELETE FROM turns WHERE NOT ({_OPEN}) AND added_at <= ?", (now - keep.text,))


def _jobs(db: sqlite3.Connection, now: float, keep: Keep) -> int:
    """Jobs that nothing refers to any more; how many."""
    old = (
        "SELECT id FROM jobs WHERE told_at IS NOT NULL AND told_at <= :before"
        " AND NOT EXISTS (SELECT 1 FROM clips WHERE clips.job = jobs.id)"
        f" AND NOT {REPORTED}"
        f" AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.job = jobs.id AND turns.{_OPEN})"
    )
    times = {"before": now - keep.jobs}
    db.execute(
        f"UPDATE jobs SET {NOBODYS} WHERE user_id > 0 AND id IN ({old} AND {BOUND})", times
    )  # needed, but nobody's
    old += f" AND NOT {BOUND}"
    for table in ("turns", "voice_posts"):
        db.execute(f"DELETE FROM {table} WHERE job IN ({old})", times)
    return db.execute(f"DELETE FROM jobs WHERE id IN ({old})", times).rowcount


def _flows(db: sqlite3.Connection) -> None:
    """Shares of the queue of people and servers without a job: coming back they begin at the present virtual time anyway."""
    db.execute(
        "DELETE FROM flows WHERE flow <> '' AND flow NOT IN"
        " (SELECT flow FROM jobs UNION SELECT substr(flow, 1, instr(flow, '/') - 1) FROM jobs)"
    )
