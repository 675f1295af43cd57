"""Finished audio that is kept for a while after it was delivered, so that buttons have something to work with."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path


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


def keep(db: sqlite3.Connection, job: int, take: int, path: Path, until: float) -> None:
    """Remember where a take lies, and how long."""
    db.execute("INSERT OR REPLACE INTO clips VALUES (?, ?, ?, ?)", (job, take, str(path), until))


def find(db: sqlite3.Connection, job: int, take: int) -> Clip | None:
    """The take as it was kept; whether its time is over is the caller's to look at."""
    row = db.execute("SELECT * FROM clips WHERE job = ? AND take = ?", (job, take)).fetchone()
    return None if row is None else Clip(job=job, take=take, path=Path(row["path"]), kept_until=row["kept_until"])


def let_go(db: sqlite3.Connection, job: int, now: float) -> None:
    """Nobody wants the takes of this job any more: their time ends now."""
    db.execute("UPDATE clips SET kept_until = min(kept_until, ?) WHERE job = ?", (now, job))
