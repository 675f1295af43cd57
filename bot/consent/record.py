"""What the audit log is told of member voices. The one place that knows how it is kept."""

from __future__ import annotations

import sqlite3

from bot import audit


def note(
    db: sqlite3.Connection, now: float, kind: str, user_id: int, *, guild: int | None = None, **facts: audit.Fact
) -> None:
    """One row, in the transaction that it is about. `facts` hold no texts and no names; ValueError."""
    place = None if guild is None else f"g{guild}"
    audit.write(db, now, kind, subject=user_id, by=None, place=place, **facts)
