"""How much was asked for and spoken: sums over the jobs."""

from __future__ import annotations

import dataclasses
import sqlite3


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Jobs of one person, one server, or all. `seconds` are of audio, `took` of work."""

    answered: int
    failed: int
    seconds: float
    took: float


def tally(db: sqlite3.Connection, *, user: int | None = None, guild: int | None = None) -> Tally:
    """The jobs of a person, of a server, or without either all of them."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE state = 'answered') AS answered,"
        " count(*) FILTER (WHERE state IN ('failed', 'quarantined')) AS failed,"
        " coalesce(sum(seconds) FILTER (WHERE state = 'answered'), 0) AS seconds,"
        " coalesce(sum(took) FILTER (WHERE state = 'answered'), 0) AS took FROM jobs"
        " WHERE (:user IS NULL OR user_id = :user) AND (:guild IS NULL OR guild_id = :guild)",
        {"user": user, "guild": guild},
    ).fetchone()
    return Tally(**dict(row))


def waiting(db: sqlite3.Connection) -> int:
    """Jobs in line or at work."""
    count: int = db.execute("SELECT count(*) FROM jobs WHERE state IN ('queued', 'rendering')").fetchone()[0]
    return count
