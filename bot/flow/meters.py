"""Seconds of audio that people and servers have had lately: one gauge for each, in the database, in the job's own transaction.

An ask is charged its estimate when it is admitted. From there on the database keeps the books (bot/schema.py): a job's `charged`
follows its state, and the gauges follow `charged`. So no way out of the queue can forget to give back, and no crash does it twice.
"""

from __future__ import annotations

import dataclasses
import enum
import sqlite3
from collections.abc import Iterable, Mapping

from bot.flow import gcra
from bot.flow.gcra import Gauge, Quota
from bot.flow.options import Options

CHARACTERS_PER_SECOND = 15.0  # of speech at the usual pace; what comes out is measured
SHORTEST = 1.0  # seconds that even one word counts for
FORGET_AFTER = 86_400.0  # seconds: a burst is at most what an hour brings back, so a gauge that old is empty


class Scope(enum.StrEnum):
    """Whose seconds are counted."""

    USER = "user"
    MEMBER = "member"
    GUILD = "guild"
    EVERYBODY = "everybody"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """One gauge with what is allowed."""

    scope: Scope
    name: str
    quota: Quota
    gauge: Gauge

    def wait(self, cost: float, now: float) -> float:
        """Seconds until so much audio is allowed: 0 now, infinite if it never is."""
        return gcra.wait(self.gauge, self.quota, now, cost)


def estimate(characters: int, options: Options) -> float:
    """Seconds of audio that a text of so many characters becomes, in all takes."""
    one = max(SHORTEST, characters / CHARACTERS_PER_SECOND)
    return options.takes * min(one, options.max_seconds or one)


def names(user_id: int, guild_id: int | None) -> dict[Scope, str]:
    """What the gauges of a person in this place are called; in direct messages there is no server. The schema knows them too."""
    own = {Scope.USER: f"u{user_id}", Scope.EVERYBODY: ""}
    return own if guild_id is None else {**own, Scope.MEMBER: f"g{guild_id}/u{user_id}", Scope.GUILD: f"g{guild_id}"}


def read(
    db: sqlite3.Connection, user_id: int, guild_id: int | None, quotas: Mapping[Scope, Quota], now: float
) -> tuple[Meter, ...]:
    """The meters that count for this person here. Those of a clock that was ahead go on from now."""
    meters = []
    for scope, name in names(user_id, guild_id).items():
        if scope not in quotas:
            continue
        db.execute("UPDATE meters SET at = :now WHERE name = :name AND at > :now", {"name": name, "now": now})
        row = db.execute("SELECT level, at FROM meters WHERE name = ?", (name,)).fetchone()
        gauge = Gauge() if row is None else Gauge(level=row["level"], at=row["at"])
        meters.append(Meter(scope=scope, name=name, quota=quotas[scope], gauge=gauge))
    return tuple(meters)


def charge(db: sqlite3.Connection, meters: Iterable[Meter], cost: float, now: float) -> None:
    """Write down so much audio for all of them."""
    db.execute("DELETE FROM meters WHERE at < ?", (now - FORGET_AFTER,))
    for meter in meters:
        gauge = gcra.spent(meter.gauge, meter.quota, now, cost)
        db.execute(
            "INSERT INTO meters VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET level = excluded.level, at = excluded.at",
            (meter.name, gauge.level, gauge.at),
        )


def left(meters: Iterable[Meter], now: float) -> tuple[float, float] | None:
    """Seconds of audio that all of these allow at once, and seconds until nothing is missing; None where nothing is limited."""
    known = list(meters)
    if not known:
        return None
    rest = min(gcra.left(meter.gauge, meter.quota, now) for meter in known)
    return rest, max(gcra.empty_in(meter.gauge, meter.quota, now) for meter in known)
