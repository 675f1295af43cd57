"""What this bot has made, as it knows it again: the SHA-256 of each file, without text, voice or person."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

NAME = re.compile(r"ai-speech-(\d{1,20})(?:-\d{1,2})?\.(?:ogg|mp3|flac|wav)", re.ASCII | re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A file of ours; `at` is in seconds since the epoch. `same`: it is that one, else only its name says so."""

    at: float
    same: bool


def digest(data: bytes) -> bytes:
    """How a file is known again."""
    return hashlib.sha256(data).digest()


def digests(paths: Iterable[Path]) -> list[bytes]:
    """Of finished files; reads them: for a thread. One that is gone is left out: nobody will get it."""
    found = []
    for path in paths:
        try:
            found.append(digest(path.read_bytes()))
        except OSError as error:
            log.warning("%s is not remembered: %s", path.name, error)
    return found


def remember(db: sqlite3.Connection, job: int, hashes: Iterable[bytes], now: float) -> None:
    """These are of this job."""
    db.executemany("INSERT OR IGNORE INTO made VALUES (?, ?, ?)", [(each, job, now) for each in hashes])


def find(db: sqlite3.Connection, known: bytes, filename: str = "") -> Made | None:
    """The file of this digest; else the job that the name tells, which anybody may have given to another file."""
    row = db.execute("SELECT made_at FROM made WHERE hash = ?", (known,)).fetchone()
    if row is not None:
        return Made(at=row[0], same=True)
    named = NAME.fullmatch(filename)
    if named is None or int(named[1]) >= 2**63:
        return None
    row = db.execute("SELECT min(made_at) FROM made WHERE job = ?", (int(named[1]),)).fetchone()
    return None if row[0] is None else Made(at=row[0], same=False)
