"""Reports in people's own words, also of those who never used the bot. They stay until somebody has looked at them."""

from __future__ import annotations

import dataclasses
import re
import sqlite3

from bot import audit
from bot.moderation import bans

PER_HOUR = 5  # of one person
HOUR = 3600.0  # seconds
LONGEST = 1000  # characters
LINK = re.compile(r"<?https?://(?:\w+\.)?discord(?:app)?\.com/channels/(@me|\d{1,20})/(\d{1,20})/(\d{1,20})>?")
LARGEST_ID = 2**63 - 1  # of an id in the database


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The message that is meant. `job`: what it answers, where that is known."""

    guild_id: int | None
    channel_id: int
    message_id: int
    job: int | None = None

    @property
    def link(self) -> str:
        """Where it is."""
        return f"https://discord.com/channels/{self.guild_id or '@me'}/{self.channel_id}/{self.message_id}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """Who reports, where, what is meant (None: nothing in particular), and their words."""

    id: int
    user_id: int
    guild_id: int | None
    target: Target | None
    words: str = dataclasses.field(repr=False)


def target_of(link: str) -> Target | None:
    """The message of a link; None: it is none."""
    found = LINK.fullmatch(link.strip())
    if found is None:
        return None
    guild, channel, message = found.groups()
    ids = [int(number) for number in (channel, message, *(() if guild == "@me" else (guild,)))]
    if max(ids) > LARGEST_ID:
        return None
    return Target(guild_id=None if guild == "@me" else int(guild), channel_id=ids[0], message_id=ids[1])


def add(db: sqlite3.Connection, complaint: Complaint, now: float) -> bool:
    """Write it down. False where this person has reported too much within the hour."""
    sql = "SELECT count(*) FROM complaints WHERE user_id = ? AND made_at > ?"
    if db.execute(sql, (complaint.user_id, now - HOUR)).fetchone()[0] >= PER_HOUR:
        return False
    target = complaint.target
    db.execute(
        "INSERT INTO complaints (id, user_id, guild_id, channel_id, message_id, job, words, made_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, sealed('complaints.words/' || ?1, ?7), ?8) ON CONFLICT DO NOTHING",
        (
            complaint.id,
            complaint.user_id,
            complaint.guild_id,
            target and target.channel_id,
            target and target.message_id,
            target and target.job,
            complaint.words,
            now,
        ),
    )
    note(db, now, complaint.user_id, complaint.guild_id)
    return True


def note(db: sqlite3.Connection, now: float, user_id: int, guild_id: int | None) -> None:
    """A report, in the audit log: that there was one, and whose."""
    audit.write(db, now, "report", by=user_id, place=bans.server(guild_id) or "direct")


def asker(db: sqlite3.Connection, target: Target) -> int | None:
    """Who asked for what a message answers. Of the same server: ids may be forged."""
    sql = "SELECT user_id FROM jobs WHERE id = ? AND guild_id = ?"
    row = db.execute(sql, (target.job, target.guild_id)).fetchone()
    return None if row is None else int(row["user_id"])
