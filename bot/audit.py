"""The audit log: what was decided, when, and about whom, in a chain of hashes that only grows.

Each row carries the hash of the row before it, so a row that is changed or taken out later no longer fits what follows.
A chain alone does not bind whoever holds the file: all of it can be written anew. Its head is therefore posted to the
servers' channels for notices (moderation/herald.py). What that proves: changes to rows before a posted head are
evident, nothing more. It does not prove that everything was written down.

People stand in it under a pseudonym: HMAC-SHA-256 of their id with a random key of their own. Once the key is deleted
(`forget`) nobody can tell whose rows they are, and the chain is as whole as before. Neither texts nor names are taken.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import re
import secrets
import sqlite3
from collections.abc import Iterator
from typing import Self

KEY = 32  # bytes of a person's key, as many as SHA-256 gives
START = "0" * 64  # what the first row has before it
KIND = re.compile(r"[a-z]+(-[a-z]+)*")
WORD = re.compile(r"[A-Za-z0-9_.:/+-]{0,80}")  # of a fact: an id, a hash, a name of ours; nothing that somebody typed

Fact = int | float | bool | str | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row. `at`: seconds since the epoch; `subject`: a pseudonym; `details`: JSON; both hashes in hex."""

    seq: int
    at: float
    kind: str
    subject: str | None
    details: str
    before: str
    hash: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The row of the table `audit`."""
        return cls(**dict(row))

    @property
    def right_hash(self) -> str:
        """What its hash has to be, by all that stands in it; empty where no row of ours looks like that."""
        try:
            return _hash(self.seq, self.at, self.kind, self.subject, self.details, self.before)
        except ValueError:  # an infinite time
            return ""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Where the chain ends: this says all there is before it. `seq` 0: nothing is written yet."""

    seq: int = 0
    at: float = 0.0
    hash: str = START


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check found: where the chain ends, and the first row that does not fit; None: all do."""

    head: Head
    broken: int | None = None


def write(
    db: sqlite3.Connection, now: float, kind: str, *, subject: int | None = None, by: int | None = None, **facts: Fact
) -> Head:
    """Add a row, in the transaction of what it tells.

    `subject` and `by` are the ids of whom it is about and of who did it; both are written as pseudonyms. What was done in
    one server has the fact `place="g<id>"`: its moderators see it. ValueError where a kind or a fact is not one short
    word: texts and names are nothing for this log.
    """
    if not KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is no kind of audit row")
    for name, value in facts.items():
        if isinstance(value, str) and not WORD.fullmatch(value):
            raise ValueError(f"{name} is no plain word")
    known = {name: value for name, value in facts.items() if value is not None}
    if by is not None:
        known["by"] = pseudonym(db, by)
    before, who = head(db), None if subject is None else pseudonym(db, subject)
    details = canonical(known)
    row = Head(seq=before.seq + 1, at=float(now), hash="")
    digest = _hash(row.seq, row.at, kind, who, details, before.hash)
    db.execute(
        "INSERT INTO audit (seq, at, kind, subject, details, before, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row.seq, row.at, kind, who, details, before.hash, digest),
    )
    return dataclasses.replace(row, hash=digest)


def pseudonym(db: sqlite3.Connection, user_id: int) -> str:
    """What a person is called in the log, in hex; their key is made where there is none yet."""
    sql = "INSERT INTO subjects (user_id, key) VALUES (?, ?) ON CONFLICT DO NOTHING"
    db.execute(sql, (user_id, secrets.token_bytes(KEY)))
    key = db.execute("SELECT key FROM subjects WHERE user_id = ?", (user_id,)).fetchone()["key"]
    return called(user_id, key)


def called(user_id: int, key: bytes) -> str:
    """The pseudonym that a key gives; in SQL `pseudonym(user_id, key)`."""
    return hmac.new(key, str(user_id).encode(), hashlib.sha256).hexdigest()


def known_as(db: sqlite3.Connection, user_id: int) -> str | None:
    """The same where they are in the log already; None: they are not, or were forgotten. Writes nothing."""
    row = db.execute("SELECT 1 FROM subjects WHERE user_id = ?", (user_id,)).fetchone()
    return None if row is None else pseudonym(db, user_id)


def forget(db: sqlite3.Connection, user_id: int) -> bool:
    """Delete a person's key: nobody can tell any more which rows are theirs. Whether there was one."""
    return db.execute("DELETE FROM subjects WHERE user_id = ?", (user_id,)).rowcount == 1


def head(db: sqlite3.Connection) -> Head:
    """Where the chain ends."""
    row = db.execute("SELECT seq, at, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return Head() if row is None else Head(**dict(row))


def rows(db: sqlite3.Connection, *, since: float = 0.0) -> Iterator[Row]:
    """Those written at or after `since` (seconds since the epoch), oldest first."""
    for row in db.execute("SELECT * FROM audit WHERE at >= ? ORDER BY seq", (since,)):
        yield Row.from_row(row)


def last(db: sqlite3.Connection, count: int, *, place: str | None = None) -> list[Row]:
    """The newest, newest first; with `place` those with that fact: `g<id>` for what was done in a server."""
    sql = "SELECT * FROM audit WHERE :place IS NULL OR details ->> 'place' = :place ORDER BY seq DESC LIMIT :count"
    return [Row.from_row(row) for row in db.execute(sql, {"place": place, "count": count})]


def verify(db: sqlite3.Connection, *, posted: Head | None = None) -> Verdict:
    """Compute the chain anew. `posted`: a head that was seen somewhere; the chain has to go through it."""
    end = Head()
    for row in db.execute("SELECT * FROM audit ORDER BY seq"):
        found = Row.from_row(row)
        fits = found.seq == end.seq + 1 and found.before == end.hash and found.hash == found.right_hash
        if not fits or (posted is not None and found.seq == posted.seq and found.hash != posted.hash):
            return Verdict(head=end, broken=found.seq)
        end = Head(seq=found.seq, at=found.at, hash=found.hash)
    cut = posted is not None and posted.seq > end.seq
    return Verdict(head=end, broken=end.seq + 1 if cut else None)


def canonical(values: object) -> str:
    """JSON that looks the same each time: names in order, no spaces, ASCII."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _hash(*parts: str | float | None) -> str:
    return hashlib.sha256(canonical(parts).encode()).hexdigest()
