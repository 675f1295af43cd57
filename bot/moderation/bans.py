"""Bans: people and servers that are kept out. All functions take the connection that `Store.call` hands them."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Self

from bot import audit
from bot.flow.turn import Turn

EVERYWHERE = ""  # the place of what holds wherever the bot is

# What of a job falls under a ban of :who in :place; both as the table has them.
_CAUGHT = "((:who = 'u' || user_id AND (:place = '' OR :place = 'g' || guild_id)) OR (:who = 'g' || guild_id AND :place = ''))"


def person(user_id: int) -> str:
    """A person, as the table names them."""
    return f"u{user_id}"


def server(guild_id: int | None) -> str:
    """A server, as the table names it; None: everywhere."""
    return EVERYWHERE if guild_id is None else f"g{guild_id}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ban:
    """Who is kept out (`u<id>`, `g<id>`), where ('' or `g<id>`), until when (seconds since the epoch; None: for good)."""

    who: str
    place: str
    until: float | None
    reason: str
    made_by: int
    at: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The row of the table `bans`."""
        return cls(**dict(row))

    @property
    def id(self) -> int:
        """Of the person or the server."""
        return int(self.who[1:])

    @property
    def of_server(self) -> bool:
        """Whether a whole server is kept out."""
        return self.who.startswith("g")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Caught:
    """What a ban ended: jobs that are not made or delivered any more, and what was to be heard."""

    jobs: tuple[int, ...] = ()
    turns: tuple[Turn, ...] = ()


def holding(db: sqlite3.Connection, user_id: int, guild_id: int | None, now: float) -> Ban | None:
    """The ban that holds for a person in a place: the widest, where there are several."""
    row = db.execute(
        "SELECT * FROM bans WHERE who IN (:user, :guild) AND place IN ('', :guild) AND (until IS NULL OR until > :now)"
        " ORDER BY place, who DESC LIMIT 1",
        {"user": person(user_id), "guild": server(guild_id), "now": now},
    ).fetchone()
    return None if row is None else Ban.from_row(row)


def add(db: sqlite3.Connection, ban: Ban) -> Caught:
    """Ban, or change a ban that is there. What is in line or finished but not delivered ends in the same transaction."""
    db.execute(
        "INSERT INTO bans (who, place, until, reason, made_by, at) VALUES (:who, :place, :until, :reason, :made_by, :at)"
        " ON CONFLICT (who, place) DO UPDATE SET until = excluded.until, reason = excluded.reason,"
        " made_by = excluded.made_by, at = excluded.at",
        dataclasses.asdict(ban),
    )
    _note(db, "ban", ban)
    return _end(db, ban)


def _end(db: sqlite3.Connection, ban: Ban) -> Caught:
    caught = {"who": ban.who, "place": ban.place, "now": ban.at}
    stopped = db.execute(
        "UPDATE jobs SET state = 'cancelled', lease = NULL, reason = 'banned', settled_at = :now"
        f" WHERE state IN ('queued', 'rendering') AND {_CAUGHT} RETURNING id",
        caught,
    ).fetchall()
    withheld = db.execute(
        "UPDATE jobs SET state = 'failed', reason = 'banned', settled_at = :now"
        f" WHERE state = 'rendered' AND {_CAUGHT} RETURNING id",
        caught,
    ).fetchall()
    silenced = db.execute(
        f"UPDATE turns SET state = 'dropped' WHERE state = 'waiting' AND {_CAUGHT} RETURNING *", caught
    ).fetchall()
    playing = db.execute(f"SELECT * FROM turns WHERE state = 'playing' AND {_CAUGHT}", caught).fetchall()
    return Caught(
        jobs=tuple(row["id"] for row in (*stopped, *withheld)),
        turns=tuple(Turn.from_row(row) for row in (*silenced, *playing)),
    )


def lift(db: sqlite3.Connection, who: str, place: str, by: int, now: float) -> bool:
    """End a ban. Whether there was one."""
    row = db.execute("DELETE FROM bans WHERE who = ? AND place = ? RETURNING *", (who, place)).fetchone()
    if row is not None:
        _note(db, "unban", dataclasses.replace(Ban.from_row(row), made_by=by, at=now, until=None))
    return row is not None


def listed(db: sqlite3.Connection, place: str, now: float) -> list[Ban]:
    """Those that are made for one place, newest first."""
    sql = "SELECT * FROM bans WHERE place = ? AND (until IS NULL OR until > ?) ORDER BY at DESC, who"
    return [Ban.from_row(row) for row in db.execute(sql, (place, now))]


def _note(db: sqlite3.Connection, kind: str, ban: Ban) -> None:
    """In the audit log: by whom and when stands in the ban."""
    subject, number = (None, ban.id) if ban.of_server else (ban.id, None)
    place = ban.place or "everywhere"
    audit.write(db, ban.at, kind, subject=subject, by=ban.made_by, server=number, place=place, until=ban.until)
