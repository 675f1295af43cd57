"""A person's wish to be forgotten: one transaction. What is still under way goes when it ends (retention.py)."""

from __future__ import annotations

import dataclasses
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bot.consent.revoke import Ended
from bot.flow import clips, queue
from bot.flow.job import Job, State
from bot.privacy import borrowed
from bot.privacy.borrowed import REPORTED, VOICED
from bot.privacy.holdings import HOLDINGS
from bot.privacy.keep import Keep


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """What came of it: jobs that were taken back, audio whose files are to be removed, what stays (names of HELD_STAYS).

    `ended`: member voices and grants that are over; what follows from that is the keeper's (consent/keeper.py).
    """

    cancelled: tuple[int, ...]
    files: tuple[Path, ...]
    stays: tuple[str, ...] = ()
    ended: tuple[Ended, ...] = ()


def erase(db: sqlite3.Connection, user: int, now: float, keep: Keep) -> Erased:
    """Forget a person."""
    files = audio(db, "user_id", user)
    cancelled = withdraw(db, "user_id", user, now, told=False)
    ended = borrowed.forget(db, user, now)
    staying = set(_staying(db, user))  # also what nobody can tell to be theirs afterwards
    # negative, as no id of Discord is: nobody, and each time another nobody
    values = {"user": user, "alias": -1 - secrets.randbits(62)}
    for holding in HOLDINGS:
        if holding.erase:
            db.execute(holding.erase, values)
    borrowed.release(db, user)
    borrowed.tidy(db, now, keep)
    if db.execute("SELECT 1 FROM jobs WHERE user_id = ? AND told_at IS NULL", (user,)).fetchone():
        db.execute("INSERT OR REPLACE INTO erasures VALUES (?, ?)", (user, now))
    db.execute("UPDATE jobs SET token = NULL WHERE user_id = ? AND told_at IS NOT NULL", (user,))
    staying |= set(_staying(db, user))
    stays = dict.fromkeys(holding.stays for holding in HOLDINGS if holding.stays in staying)
    files = (*files, *(path for one in ended for path in one.files))
    cancelled = tuple(dict.fromkeys((*cancelled, *(job for one in ended for job in one.jobs))))
    return Erased(cancelled=cancelled, files=tuple(dict.fromkeys(files)), stays=tuple(stays), ended=ended)


def finish(db: sqlite3.Connection) -> int:
    """Delete what was under way when its person was forgotten and has ended since; how many jobs that were."""
    through = (
        "SELECT jobs.id FROM jobs JOIN erasures USING (user_id) WHERE told_at IS NOT NULL AND received_at <= asked_at"
        f" AND NOT {REPORTED} AND id NOT IN (SELECT job FROM clips)"
    )
    db.execute(f"UPDATE jobs SET {borrowed.NOBODYS} WHERE id IN ({through} AND {VOICED})")
    ended = f"{through} AND NOT {VOICED}"
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
