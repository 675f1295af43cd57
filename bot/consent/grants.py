"""Who else may use a voice: for what, and until when. What is not granted is not allowed."""

from __future__ import annotations

import dataclasses
import enum
import sqlite3
from collections.abc import Iterable
from typing import Self

from bot.consent.ceremony import DAY, Wishes
from bot.consent.member import MemberVoice


class Kind(enum.StrEnum):
    """To whom."""

    MEMBER = "member"
    ROLE = "role"
    SERVER = "server"


class Use(enum.StrEnum):
    """For what. What is heard in a voice channel is posted beside it, too."""

    FILES = "files"
    SPEAK = "speak"


Whom = tuple[Kind, int]  # and the id of one


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A row of `grants`. `subject` is the id of a member, a role or the server; times are seconds since the epoch."""

    id: int
    voice: int
    kind: Kind
    subject: int
    files: bool
    speak: bool
    given_at: float
    until: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The grant in a row."""
        values = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "kind": Kind(row["kind"]), "files": bool(row["files"]), "speak": bool(row["speak"])})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who wants to use a voice, where, and for what. `private`: nobody else sees what comes of it."""

    user_id: int
    guild_id: int | None
    role_ids: frozenset[int]
    private: bool
    use: Use


def covers(grant: Grant, asker: Asker, now: float) -> bool:
    """Whether this grant lets this person do that."""
    if now >= grant.until or not (grant.files if asker.use is Use.FILES else grant.speak):
        return False
    match grant.kind:
        case Kind.MEMBER:
            return grant.subject == asker.user_id
        case Kind.ROLE:
            return grant.subject in asker.role_ids
        case Kind.SERVER:
            return grant.subject == asker.guild_id


def standing(voice: MemberVoice, grants: Iterable[Grant], asker: Asker, now: float) -> Grant | str | None:
    """The grant by which this person may use the voice, None if it is theirs; else the reason why not."""
    if not voice.lives(now):
        return "gone"
    if asker.user_id == voice.user_id:
        return _own(voice, asker, now)
    if asker.guild_id != voice.guild_id:
        return "elsewhere"
    if voice.quarantined(now):
        return "quarantine"
    return next((grant for grant in grants if covers(grant, asker, now)), "not-granted")


def _own(voice: MemberVoice, asker: Asker, now: float) -> str | None:
    if asker.private:
        return None
    if asker.guild_id != voice.guild_id:
        return "own-elsewhere"
    return "own-quarantine" if voice.quarantined(now) else None


# -- rows ------------------------------------------------------------------------------------------------------------------


def of_voice(db: sqlite3.Connection, voice: int) -> list[Grant]:
    """Those that were not taken away, oldest first; whether their time is over is the caller's to look at."""
    rows = db.execute("SELECT * FROM grants WHERE voice = ? AND ended_at IS NULL ORDER BY id", (voice,))
    return [Grant.from_row(row) for row in rows]


def give(db: sqlite3.Connection, voice: MemberVoice, whom: Whom, wishes: Wishes, now: float) -> Grant | None:
    """Let somebody use a voice, or change what was granted to them; never for longer than the consent. None: for nothing."""
    if not (wishes.files or wishes.speak) or not voice.lives(now):
        return None
    row = db.execute(
        "INSERT INTO grants (voice, kind, subject, files, speak, given_at, until) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (voice, kind, subject) WHERE ended_at IS NULL"
        " DO UPDATE SET files = excluded.files, speak = excluded.speak, given_at = excluded.given_at, until = excluded.until"
        " RETURNING *",
        (voice.id, *whom, wishes.files, wishes.speak, now, min(voice.until, now + wishes.days * DAY)),
    ).fetchone()
    return Grant.from_row(row)


def give_all(db: sqlite3.Connection, voice: MemberVoice, wishes: Wishes, now: float) -> list[Grant]:
    """What was chosen on the page."""
    whom = [(Kind.MEMBER, member) for member in wishes.members if member != voice.user_id]
    whom += [(Kind.ROLE, role) for role in wishes.roles if role != voice.guild_id]
    if wishes.everybody or voice.guild_id in wishes.roles:  # @everyone is a role with the server's id
        whom.append((Kind.SERVER, voice.guild_id))
    given = (give(db, voice, one, wishes, now) for one in whom)
    return [grant for grant in given if grant is not None]
