"""A member's voice and its rows. All functions take the connection that `Store.call` hands them."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Self

from bot.consent.ceremony import DAY, Ceremony
from bot.kept import LONGEST, clean_name

QUARANTINE = 24 * 3600.0  # seconds from the notice until others may use a voice


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MemberVoice:
    """A row of `member_voices`. Times are seconds since the epoch."""

    id: int
    user_id: int
    guild_id: int
    name: str
    made_at: float
    until: float
    notice_id: int | None
    opens_at: float | None
    held: bool
    ended_at: float | None
    why: str | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The voice in a row."""
        values = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "held": bool(row["held"])})

    def lives(self, now: float) -> bool:
        """Whether the consent holds."""
        return self.ended_at is None and now < self.until

    def quarantined(self, now: float) -> bool:
        """Whether it is for its owner alone, for now."""
        return self.held or self.opens_at is None or now < self.opens_at


def of_user(db: sqlite3.Connection, user_id: int) -> MemberVoice | None:
    """The living voice of a person."""
    return _one(db, "user_id = ?", user_id)


def get(db: sqlite3.Connection, voice: int) -> MemberVoice | None:
    """A living voice by its id."""
    return _one(db, "id = ?", voice)


def called(db: sqlite3.Connection, name: str) -> MemberVoice | None:
    """The living voice of this name."""
    return _one(db, "name = ?", name)


def everything(db: sqlite3.Connection) -> list[MemberVoice]:
    """All living voices, oldest first."""
    rows = db.execute("SELECT * FROM member_voices WHERE ended_at IS NULL ORDER BY id")
    return [MemberVoice.from_row(row) for row in rows]


def _one(db: sqlite3.Connection, where: str, value: object) -> MemberVoice | None:
    row = db.execute(f"SELECT * FROM member_voices WHERE ended_at IS NULL AND {where}", (value,)).fetchone()
    return None if row is None else MemberVoice.from_row(row)


def make(db: sqlite3.Connection, ceremony: Ceremony, now: float) -> MemberVoice:
    """The voice of a ceremony that was passed. IntegrityError if this person has one."""
    row = db.execute(
        "INSERT INTO member_voices (user_id, guild_id, ceremony, name, made_at, until) VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
        (
            ceremony.user_id,
            ceremony.guild_id,
            ceremony.id,
            _free_name(db, ceremony.name),
            now,
            now + ceremony.wishes.days * DAY,
        ),
    ).fetchone()
    return MemberVoice.from_row(row)


def _free_name(db: sqlite3.Connection, member: str) -> str:
    """Ann's voice, with a number where there is one of that name."""
    name, count = "", 1
    while not name or _taken(db, name):
        name = called_after(member, count)
        count += 1
    return name


def called_after(member: str, count: int = 1) -> str:
    """What the voice of a member is called, by the name they have in their server."""
    ending = "'s voice" if count == 1 else f"'s voice {count}"
    return (clean_name(member)[: LONGEST - len(ending)].strip() or "Somebody") + ending


def _taken(db: sqlite3.Connection, name: str) -> bool:
    sql = "SELECT 1 FROM voices WHERE name = :name UNION SELECT 1 FROM member_voices WHERE name = :name AND ended_at IS NULL"
    return db.execute(sql, {"name": name}).fetchone() is not None


def noticed(db: sqlite3.Connection, voice: int, message_id: int, now: float) -> None:
    """The log channel was told: from now on the quarantine runs."""
    sql = "UPDATE member_voices SET notice_id = ?, opens_at = ? WHERE id = ? AND notice_id IS NULL"
    db.execute(sql, (message_id, now + QUARANTINE, voice))


def unnoticed(db: sqlite3.Connection) -> list[MemberVoice]:
    """Those that their servers were not told of."""
    return [voice for voice in everything(db) if voice.notice_id is None]


def hold(db: sqlite3.Connection, voice: int, *, on: bool) -> bool:
    """Keep it for its owner alone until a moderator has looked, or no longer. False if nothing changes."""
    sql = "UPDATE member_voices SET held = ? WHERE id = ? AND held <> ? AND ended_at IS NULL"
    return db.execute(sql, (on, voice, on)).rowcount == 1
