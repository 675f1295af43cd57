"""The kill switch: nothing is taken in or made, everywhere or in one server, of everything or of one feature. What waits stays.

All functions but `touches` take the connection that `Store.call` hands them.
"""

from __future__ import annotations

import dataclasses
import sqlite3

from bot import audit
from bot.flow.options import Kind, Options
from bot.moderation.bans import server

EVERYTHING = ""  # the feature of a halt that leaves nothing out


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Halt:
    """Where ('' everywhere, or `g<id>`), and of what ('' everything, or one of `settings.Feature`)."""

    place: str
    feature: str


def features(options: Options) -> frozenset[str]:
    """What a job makes use of."""
    used = {options.kind.value}
    if options.kind is Kind.SAY and options.long:  # a conversation may be long without being a long text
        used.add("long")
    if options.speak_in is not None:
        used.add("voice")
    return frozenset(used)


def touches(halt: Halt, guild_id: int | None, used: frozenset[str]) -> bool:
    """Whether it stops what makes use of these in a place. `queue.claim` says the same in SQL."""
    return halt.place in ("", server(guild_id)) and halt.feature in (EVERYTHING, *used)


def read(db: sqlite3.Connection) -> frozenset[Halt]:
    """All there are."""
    return frozenset(Halt(**dict(row)) for row in db.execute("SELECT place, feature FROM halts"))


def add(db: sqlite3.Connection, halt: Halt, by: int, now: float) -> bool:
    """Stop. False if that was stopped already."""
    sql = "INSERT INTO halts (place, feature, made_by, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    fresh = db.execute(sql, (halt.place, halt.feature, by, now)).rowcount == 1
    if fresh:
        _note(db, now, "halt", halt, by)
    return fresh


def lift(db: sqlite3.Connection, halt: Halt, by: int, now: float) -> int:
    """Go on: with one feature, or with all that was stopped in a place. How many halts that ended."""
    gone = db.execute(
        "DELETE FROM halts WHERE place = :place AND :feature IN ('', feature) RETURNING place, feature",
        dataclasses.asdict(halt),
    ).fetchall()
    for row in gone:
        _note(db, now, "resume", Halt(**dict(row)), by)
    return len(gone)


def _note(db: sqlite3.Connection, now: float, kind: str, halt: Halt, by: int) -> None:
    audit.write(db, now, kind, by=by, place=halt.place or "everywhere", feature=halt.feature or "everything")
