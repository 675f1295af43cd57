"""Member voices in what is forgotten: they end at once, and what still has to be done with their rows names nobody.

Messages with a voice are deleted after the commit (consent/keeper.py), and found by the rows of the jobs that they answer. So
such jobs, and the voices and grants that they refer to, stay for a while under numbers that stand for nobody, and go in a later
round (`tidy`).
"""

from __future__ import annotations

import json
import sqlite3

from bot.consent import revoke, rites
from bot.consent.revoke import Ended
from bot.privacy.keep import HOUR, Keep

# Of a row of `jobs`: it uses a member voice; a message of it has to be deleted, or has to be as soon as the voice ends.
VOICED = "EXISTS (SELECT 1 FROM job_voices used WHERE used.job = jobs.id)"
BOUND = (
    "EXISTS (SELECT 1 FROM voice_posts post WHERE post.job = jobs.id AND post.gone_at IS NULL AND post.kept = 0"
    " AND (post.doomed = 1 OR EXISTS (SELECT 1 FROM job_voices used JOIN member_voices voice ON voice.id = used.voice"
    " WHERE used.job = jobs.id AND voice.ended_at IS NULL)))"
)
# Of a row of `jobs`: somebody reported it.
REPORTED = (
    "(EXISTS (SELECT 1 FROM reports WHERE reports.job = jobs.id)"
    " OR EXISTS (SELECT 1 FROM complaints WHERE complaints.job = jobs.id))"
)
NOBODYS = "user_id = -id, flow = '', text = '', token = NULL, voice = NULL, options = json_remove(options, '$.cast')"
GONE = "?"  # in place of the name of a voice: no voice is called so
SETTLE = HOUR  # seconds after its answer in which a message of a job may still come to be known


def forget(db: sqlite3.Connection, user: int, now: float) -> tuple[Ended, ...]:
    """A person: their voice and what others granted them ends, and nobody's choices name them any more."""
    _stop_ceremonies(db, "user_id", user, now)
    own = revoke.of_user(db, user, now)
    _unname(db, "user_id", user)
    sql = "SELECT voice, id FROM grants WHERE kind = 'member' AND subject = ? AND ended_at IS NULL"
    given = [revoke.end_grant(db, row["voice"], row["id"], now) for row in db.execute(sql, (user,)).fetchall()]
    for row in db.execute(
        "SELECT id, wishes FROM ceremonies WHERE EXISTS (SELECT 1 FROM json_each(wishes, '$.members') WHERE value = ?)",
        (user,),
    ).fetchall():
        wishes = json.loads(row["wishes"])
        wishes["members"] = [member for member in wishes["members"] if member != user]
        db.execute("UPDATE ceremonies SET wishes = ? WHERE id = ?", (json.dumps(wishes), row["id"]))
    return tuple(ended for ended in (own, *given) if ended is not None)


def leave(db: sqlite3.Connection, guild: int, now: float) -> tuple[Ended, ...]:
    """A server: the voices that were made for it end."""
    _stop_ceremonies(db, "guild_id", guild, now)
    sql = "SELECT id FROM member_voices WHERE guild_id = ? AND ended_at IS NULL"
    ended = [revoke.end_voice(db, row["id"], "privacy", now) for row in db.execute(sql, (guild,)).fetchall()]
    _unname(db, "guild_id", guild)
    return tuple(one for one in ended if one is not None)


def _unname(db: sqlite3.Connection, column: str, owner: int) -> None:
    """Their voices are called by the names of members: requests that used them, anybody's, no longer say it."""
    used = (
        "SELECT used.job, voice.name FROM job_voices used JOIN member_voices voice ON voice.id = used.voice"
        f" WHERE voice.{column} = ?"
    )
    for job, name in db.execute(used, (owner,)).fetchall():
        row = db.execute("SELECT voice, options FROM jobs WHERE id = ?", (job,)).fetchone()
        options = json.loads(row["options"])
        if "cast" in options:
            options["cast"] = {
                speaker: GONE if called == name else called for speaker, called in options["cast"].items()
            }
        voice = GONE if row["voice"] == name else row["voice"]
        db.execute("UPDATE jobs SET voice = ?, options = ? WHERE id = ?", (voice, json.dumps(options), job))


def _stop_ceremonies(db: sqlite3.Connection, column: str, owner: int, now: float) -> None:
    """No voice comes of what is being heard just now."""
    sql = f"SELECT id FROM ceremonies WHERE {column} = ? AND state IN ('challenged', 'hearing')"
    for row in db.execute(sql, (owner,)).fetchall():
        rites.fail(db, row["id"], "restart", now)


def release(db: sqlite3.Connection, user: int) -> None:
    """A person's jobs that member voices still need are nobody's from now on; those that were reported stay theirs."""
    condition = f"user_id = ? AND told_at IS NOT NULL AND {VOICED} AND NOT {REPORTED}"
    db.execute(f"UPDATE jobs SET {NOBODYS} WHERE {condition}", (user,))


def tidy(db: sqlite3.Connection, now: float, keep: Keep) -> None:
    """What nothing needs any more: nobody's jobs, grants and voices that ended long ago, ceremonies that came to nothing."""
    settled = (
        f"SELECT id FROM jobs WHERE user_id < 0 AND told_at <= :before AND NOT {BOUND} AND NOT {REPORTED}"
        " AND NOT EXISTS (SELECT 1 FROM clips WHERE clips.job = jobs.id)"
    )
    for statement in ("voice_posts WHERE job", "turns WHERE job", "jobs WHERE id"):
        db.execute(f"DELETE FROM {statement} IN ({settled})", {"before": now - SETTLE})
    over = (
        "SELECT id FROM member_voices WHERE ended_at IS NOT NULL AND (user_id < 0 OR ended_at <= ?)"
        " AND NOT EXISTS (SELECT 1 FROM job_voices used WHERE used.voice = member_voices.id)"
    )
    voices = [row["id"] for row in db.execute(over, (now - keep.consent,))]
    for voice in voices:
        db.execute("DELETE FROM grants WHERE voice = ?", (voice,))
        db.execute("DELETE FROM member_voices WHERE id = ?", (voice,))
    db.execute(
        "DELETE FROM grants WHERE ended_at IS NOT NULL AND (subject < 0 OR ended_at <= ?)"
        " AND NOT EXISTS (SELECT 1 FROM job_voices used WHERE used.grant_id = grants.id)",
        (now - keep.consent,),
    )
    db.execute(
        "DELETE FROM ceremonies WHERE state <> 'hearing' AND (user_id < 0 OR state = 'done' OR made_at <= ?)"
        " AND NOT EXISTS (SELECT 1 FROM member_voices WHERE member_voices.ceremony = ceremonies.id)",
        (now - keep.ceremonies,),
    )
