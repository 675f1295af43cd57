"""The play queues: what is to be heard in each server's voice channel, in order.

All functions take the connection that `Store.call` hands them.
"""

from __future__ import annotations

import sqlite3

from bot.flow.job import Job
from bot.flow.turn import Entry, State, Turn

_OPEN = "state IN ('waiting', 'playing')"


def add(
    db: sqlite3.Connection,
    *,
    guild_id: int,
    channel_id: int,
    text_id: int,
    user_id: int,
    job: int,
    take: int,
    now: float,
) -> int:
    """A turn at the end of its server's queue; its id."""
    row = db.execute(
        "INSERT INTO turns (guild_id, channel_id, text_id, user_id, job, take, added_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (guild_id, channel_id, text_id, user_id, job, take, now),
    ).fetchone()
    return int(row["id"])


def add_for(db: sqlite3.Connection, job: Job, now: float) -> None:
    """The turn of a job that wants to be heard."""
    if job.options.speak_in is not None and job.guild_id is not None:
        add(
            db,
            guild_id=job.guild_id,
            channel_id=job.options.speak_in,
            text_id=job.channel_id,
            user_id=job.user_id,
            job=job.id,
            take=1,
            now=now,
        )


def line(db: sqlite3.Connection, guild_id: int) -> list[Entry]:
    """What is playing in a server, then what waits, in order."""
    rows = db.execute(f"SELECT * FROM turns WHERE guild_id = ? AND {_OPEN} ORDER BY state, id", (guild_id,))
    turns = [Turn.from_row(row) for row in rows.fetchall()]
    jobs = {turn.job: db.execute("SELECT * FROM jobs WHERE id = ?", (turn.job,)).fetchone() for turn in turns}
    return [Entry(turn=turn, job=Job.from_row(jobs[turn.job])) for turn in turns]


def guilds(db: sqlite3.Connection) -> list[int]:
    """The servers where something is to be heard."""
    return [row["guild_id"] for row in db.execute(f"SELECT DISTINCT guild_id FROM turns WHERE {_OPEN}")]


def jobs(db: sqlite3.Connection) -> set[int]:
    """The jobs that are to be heard."""
    return {row["job"] for row in db.execute(f"SELECT DISTINCT job FROM turns WHERE {_OPEN}")}


def wanted(db: sqlite3.Connection, job: int) -> bool:
    """Whether this job is still to be heard."""
    return db.execute(f"SELECT 1 FROM turns WHERE job = ? AND {_OPEN}", (job,)).fetchone() is not None


def begin(db: sqlite3.Connection, turn: int) -> bool:
    """waiting -> playing. False if it is no longer waiting."""
    sql = "UPDATE turns SET state = 'playing' WHERE id = ? AND state = 'waiting'"
    return db.execute(sql, (turn,)).rowcount == 1


def back(db: sqlite3.Connection, turn: int) -> None:
    """playing -> waiting: it was interrupted."""
    db.execute("UPDATE turns SET state = 'waiting' WHERE id = ? AND state = 'playing'", (turn,))


def end(db: sqlite3.Connection, turn: int, state: State) -> None:
    """A turn is over."""
    db.execute(f"UPDATE turns SET state = ? WHERE id = ? AND {_OPEN}", (state, turn))


def clear(
    db: sqlite3.Connection, guild_id: int, state: State, *, user_id: int | None = None, before: int | None = None
) -> list[Turn]:
    """End all turns of a server, or those of one person, or the ones up to an id; those that were open."""
    rows = db.execute(
        f"UPDATE turns SET state = ? WHERE guild_id = ? AND {_OPEN} AND user_id = coalesce(?, user_id)"
        " AND id <= coalesce(?, id) RETURNING *",
        (state, guild_id, user_id, before),
    )
    return [Turn.from_row(row) for row in rows.fetchall()]


def move(db: sqlite3.Connection, guild_id: int, before: int, channel_id: int) -> None:
    """What was to be heard in one channel is to be heard in another: the bot was moved."""
    db.execute(
        f"UPDATE turns SET channel_id = ? WHERE guild_id = ? AND channel_id = ? AND {_OPEN}",
        (channel_id, guild_id, before),
    )


def recover(db: sqlite3.Connection) -> dict[int, int]:
    """At the start: what an earlier life was playing waits again. The last open turn of each server."""
    db.execute("UPDATE turns SET state = 'waiting' WHERE state = 'playing'")
    rows = db.execute(f"SELECT guild_id, max(id) AS last FROM turns WHERE {_OPEN} GROUP BY guild_id")
    return {row["guild_id"]: row["last"] for row in rows}
