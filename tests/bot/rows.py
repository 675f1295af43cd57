"""Rows for tests of the database, made by plain SQL so that the code under test has no part in it."""

import sqlite3
from typing import Any

DEFAULTS: dict[str, Any] = {
    "application_id": 7,
    "token": "token",
    "user_id": 1,
    "guild_id": 2,
    "channel_id": 3,
    "size_limit": 10**7,
    "text": "hello",
    "seed": 5,
    "flow": "g2/u1",
    "estimate": 2.0,
    "state": "received",
    "received_at": 100.0,
}
PATHS = {
    "received": (),
    "refused": (),
    "queued": ("queued",),
    "rendering": ("queued", "rendering"),
    "rendered": ("queued", "rendering", "rendered"),
    "answered": ("queued", "rendering", "rendered", "answered"),
    "failed": ("queued", "rendering", "failed"),
    "cancelled": ("queued", "cancelled"),
    "expired": ("queued", "expired"),
    "quarantined": ("queued", "rendering", "quarantined"),
}


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else repr(value)


def a_row(job: int, **values: Any) -> str:
    row = {"id": job, **DEFAULTS, **values}
    return f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join(literal(value) for value in row.values())})"


def insert_in_state(db: sqlite3.Connection, state: str, job: int = 1, **values: Any) -> None:
    """A job that went the ordinary way to `state`."""
    first = "refused" if state == "refused" else "received"
    db.execute(a_row(job, state=first, reason="r" if state == "refused" else None, **values))
    for step in PATHS[state]:
        lease = literal(f"life {job}") if step == "rendering" else "NULL"
        done = "path = 'p', seconds = 1.0," if step == "rendered" else ""
        told = "told_at = 1.0," if step == "answered" else ""
        reason = "reason = 'r'," if step in ("failed", "quarantined") else ""
        db.execute(f"UPDATE jobs SET {done} {told} {reason} lease = {lease}, state = '{step}' WHERE id = {job}")
