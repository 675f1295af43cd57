"""Finished audio that is kept for a while after it was delivered, so that buttons have something to work with."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.flow import stage
from bot.flow.job import Job
from bot.store import Store
from synth.protocol import take_path

log = logging.getLogger(__name__)

EVERY = 300.0  # seconds between two rounds of the janitor


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One take of a job, on disk until `kept_until` (seconds since the epoch)."""

    job: int
    take: int
    path: Path
    kept_until: float

    @property
    def tokens(self) -> Path:
        """What was generated, in the format of Bark's own voices."""
        return self.path.with_suffix(".npz")


def paths(job: Job) -> list[Path]:
    """The files of a rendered job, a take each."""
    return [Path(take_path(job.path or "", take)) for take in range(1, job.options.takes + 1)]


def remove(files: Iterable[Path]) -> None:
    """Audio, and what was generated. What cannot be removed now is left for the next start: no reason to stop the bot."""
    for path in files:
        for file in (path, path.with_suffix(".npz")):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s stays for now: %s", file, error)


def keep(db: sqlite3.Connection, job: int, take: int, path: Path, until: float) -> None:
    """Remember where a take lies, and how long."""
    db.execute("INSERT OR REPLACE INTO clips VALUES (?, ?, ?, ?)", (job, take, str(path), until))


def find(db: sqlite3.Connection, job: int, take: int) -> Clip | None:
    """The take as it was kept; whether its time is over is the caller's to look at."""
    row = db.execute("SELECT * FROM clips WHERE job = ? AND take = ?", (job, take)).fetchone()
    return None if row is None else Clip(job=job, take=take, path=Path(row["path"]), kept_until=row["kept_until"])


def unwanted(db: sqlite3.Connection, job: int) -> Job | None:
    """A delivered job whose files nobody needs any more: they are not kept, and it is not to be heard."""
    row = db.execute("SELECT * FROM jobs WHERE id = ? AND told_at IS NOT NULL AND path IS NOT NULL", (job,)).fetchone()
    return None if row is None or find(db, job, 1) or stage.wanted(db, job) else Job.from_row(row)


def all_kept(db: sqlite3.Connection) -> list[Path]:
    """The audio of all of them."""
    return [Path(row["path"]) for row in db.execute("SELECT path FROM clips")]


def expired(db: sqlite3.Connection, now: float, room: int) -> list[Path]:
    """Forget those whose time is over, then the oldest beyond `room` takes; their audio, to be removed."""
    oldest = "SELECT job, take FROM clips ORDER BY kept_until DESC, job DESC LIMIT -1 OFFSET ?"
    rows = db.execute(
        f"DELETE FROM clips WHERE kept_until <= ? OR (job, take) IN ({oldest}) RETURNING path", (now, room)
    ).fetchall()
    return [Path(row["path"]) for row in rows]


class Janitor:
    """The loop that removes what is no longer kept."""

    def __init__(self, *, store: Store, clock: Callable[[], float], room: int) -> None:
        """`room`: takes that are kept at most."""
        self._store, self._clock, self._room = store, clock, room

    async def run(self) -> None:
        """Every few minutes."""
        while True:
            await self.sweep()
            await asyncio.sleep(EVERY)

    async def sweep(self) -> None:
        """Once."""
        gone = await self._store.insist(expired, self._clock(), self._room)
        await asyncio.to_thread(remove, gone)


def let_go(db: sqlite3.Connection, job: int, now: float) -> None:
    """Nobody wants the takes of this job any more: their time ends now."""
    db.execute("UPDATE clips SET kept_until = min(kept_until, ?) WHERE job = ?", (now, job))
