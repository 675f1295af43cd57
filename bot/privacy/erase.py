"""A person's wish to be forgotten: one transaction. What is still under way goes when it ends (retention.py)."""

from __future__ import annotations

import dataclasses
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bot.flow import clips, queue
from bot.flow.job import Job, State
from bot.privacy.holdings import FORGET, HOLDINGS


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """What came of it: jobs that were taken back, audio whose files are to be removed, what stays (names of HELD_STAYS)."""

    cancelled: tuple[int, ...]
    files: tuple[Path, ...]
    stays: tuple[str, ...] = ()


def erase(db: sqlite3.Connection, user: int, now: float) -> Erased:
    """Forget a person."""
    files = audio(db, "user_id", user)
    cancelled = withdraw(db, "user_id", user, now, told=False)
    # negative, as no id of Discord is: nobody, and each time another nobody
    values = {"user": user, "alias": -1 - secrets.randbits(62)}
    for holding in HOLDINGS:
        if holding.erase:
            db.execute(holding.erase, values)
    for forget in FORGET:
        forget(db, user)
    if db.execute("SELECT 1 FROM jobs WHERE user_id = ? AND told_at IS NULL", (user,)).fetchone():
        db.execute("INSERT OR REPLACE INTO erasures VALUES (?, ?)", (user, now))
    db.execute("UPDATE jobs SET token = NULL WHERE user_id = ? AND told_at IS NOT NULL", (user,))
    return Erased(cancelled=cancelled, files=files, stays=tuple(_staying(db, user)))


def finish(db: sqlite3.Connection) -> int:
    """Delete what was under way when its person was forgotten and has ended since; how many jobs that were."""
    ended = (
        "SELECT jobs.id FROM jobs JOIN erasures USING (user_id) WHERE told_at IS NOT NULL AND received_at <= asked_at"
        " AND id NOT IN (SELECT job FROM reports) AND id NOT IN (SELECT job FROM clips)"
    )
    db.execute(f"DELETE FROM turns WHERE job IN ({ended})")
    gone = db.execute(f"DELETE FROM jobs WHERE id IN ({ended})").rowcount
    db.execute(
        "DELETE FROM erasures WHERE NOT EXISTS (SELECT 1 FROM jobs"
        " WHERE jobs.user_id = erasures.user_id AND told_at IS NULL AND received_at <= asked_at)"
    )
    return gone


def audio(db: sqlite3.Connection, column: str, owner: int) -> tuple[Path, ...]:
    """The audio of the jobs of a person or a server: kept, or waiting to be delivered."""
    kept = f"SELECT path FROM clips WHERE job IN (SELECT id FROM jobs WHERE {column} = ?)"
    found = [Path(row["path"]) for row in db.execute(kept, (owner,))]
    rendered = db.execute(f"SELECT * FROM jobs WHERE {column} = ? AND path IS NOT NULL", (owner,))
    for job in map(Job.from_row, rendered.fetchall()):
        found += clips.paths(job)
    return tuple(dict.fromkeys(found))


def withdraw(db: sqlite3.Connection, column: str, owner: int, now: float, *, told: bool) -> tuple[int, ...]:
    """End all open jobs of a person or a server; those that somebody may be working on. `told`: nobody waits for words."""
    sql = f"SELECT id, state FROM jobs WHERE {column} = ? AND told_at IS NULL"
    open_jobs = [(row["id"], State(row["state"])) for row in db.execute(sql, (owner,))]
    ended = [job for job, state in open_jobs if state in (State.QUEUED, State.RENDERING)]
    for job, state in open_jobs:
        queue.drop(db, job)  # where it is not acknowledged yet
        queue.cancel(db, job, now, told=told)
        if told or state is State.RENDERED:
            queue.expire(db, job, "erased", now)
    return tuple(ended)


def _staying(db: sqlite3.Connection, user: int) -> Iterable[str]:
    for holding in HOLDINGS:
        sql = f"SELECT 1 FROM {holding.table} WHERE {holding.mine}"
        if holding.stays and db.execute(sql, {"user": user}).fetchone():
            yield holding.stays
