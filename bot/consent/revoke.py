"""The end of a voice or of a grant: one transaction. From its commit on nothing of it is rendered or posted.

The key is deleted with it, so that the voice's file cannot be read by anybody, whatever becomes of the file. What can only
be done outside of the database comes after the commit and is found there again after a crash: keeper.py.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from pathlib import Path

from bot.consent import member, standing
from bot.consent.member import MemberVoice
from bot.consent.record import note
from bot.flow import clips
from bot.flow.turn import Turn

DELETED = ("owner", "moderator", "privacy")  # whoever ends a voice so wants what it said gone, too; a term only ends


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What is left to do: jobs to be stopped, turns not to be heard, files to be removed."""

    voice: MemberVoice
    jobs: tuple[int, ...] = ()
    turns: tuple[Turn, ...] = ()
    files: tuple[Path, ...] = ()
    over: bool = True  # the voice itself


def end_voice(db: sqlite3.Connection, voice: int, why: str, now: float, *, by: int | None = None) -> Ended | None:
    """A voice is withdrawn: by its owner, a moderator, its term, or a wish for privacy. None: it has ended already."""
    known = member.get(db, voice)
    if known is None:
        return None
    db.execute("UPDATE member_voices SET ended_at = ?, why = ? WHERE id = ?", (now, why, voice))
    db.execute("UPDATE grants SET ended_at = ? WHERE voice = ? AND ended_at IS NULL", (now, voice))
    db.execute("DELETE FROM voice_keys WHERE voice = ?", (voice,))
    jobs = [row["job"] for row in db.execute("SELECT job FROM job_voices WHERE voice = ?", (voice,))]
    ended = _stop(db, known, jobs, now)
    if why in DELETED:
        files = [*ended.files, *_let_go(db, voice)]
        db.execute(
            "UPDATE voice_posts SET doomed = 1 WHERE job IN (SELECT job FROM job_voices WHERE voice = ?)", (voice,)
        )
        ended = dataclasses.replace(ended, files=tuple(files))
    note(db, now, "voice-ended", by or known.user_id, voice=voice, why=why, jobs=len(ended.jobs))
    return ended


def end_grant(db: sqlite3.Connection, voice: int, grant: int, now: float) -> Ended | None:
    """A grant is taken away, or over. What was posted under it stays: it was allowed. None: there is no such grant."""
    known = member.get(db, voice)
    sql = "UPDATE grants SET ended_at = ? WHERE id = ? AND voice = ? AND ended_at IS NULL"
    if known is None or db.execute(sql, (now, grant, voice)).rowcount == 0:
        return None
    jobs = [row["job"] for row in db.execute("SELECT job FROM job_voices WHERE grant_id = ?", (grant,))]
    ended = dataclasses.replace(_stop(db, known, jobs, now), over=False)
    note(db, now, "grant-ended", known.user_id, voice=voice, grant=grant, jobs=len(ended.jobs))
    return ended


def of_user(db: sqlite3.Connection, user_id: int, now: float) -> Ended | None:
    """All of a person that is here of voices ends: they asked to be forgotten. None: there was none alive."""
    voice = member.of_user(db, user_id)
    return None if voice is None else end_voice(db, voice.id, "privacy", now)


def overdue(db: sqlite3.Connection, now: float) -> list[Ended]:
    """What has come to its term."""
    voices = [voice.id for voice in member.everything(db) if not voice.lives(now)]
    ended = [end_voice(db, voice, "term", now) for voice in voices]
    rows = db.execute("SELECT voice, id FROM grants WHERE ended_at IS NULL AND until <= ?", (now,)).fetchall()
    ended += [end_grant(db, row["voice"], row["id"], now) for row in rows]
    return [one for one in ended if one is not None]


def next_term(db: sqlite3.Connection) -> float | None:
    """When the next one comes."""
    sql = (
        "SELECT min(until) AS first FROM (SELECT until FROM grants WHERE ended_at IS NULL"
        " UNION ALL SELECT until FROM member_voices WHERE ended_at IS NULL)"
    )
    first: float | None = db.execute(sql).fetchone()["first"]
    return first


def _stop(db: sqlite3.Connection, voice: MemberVoice, jobs: list[int], now: float) -> Ended:
    """Nothing of these is rendered, delivered or heard any more."""
    stopped = standing.cancel(db, jobs, now)
    rows = db.execute(
        "UPDATE turns SET state = 'dropped' WHERE job IN (SELECT value FROM json_each(?))"
        " AND state IN ('waiting', 'playing') RETURNING *",
        (json.dumps(jobs),),
    ).fetchall()
    files = [path for job in stopped if job.path for path in clips.paths(job)]
    turns = tuple(Turn.from_row(row) for row in rows)
    return Ended(voice=voice, jobs=tuple(job.id for job in stopped), turns=turns, files=tuple(files))


def _let_go(db: sqlite3.Connection, voice: int) -> list[Path]:
    """The kept clips of a voice, which are kept no longer."""
    sql = "DELETE FROM clips WHERE job IN (SELECT job FROM job_voices WHERE voice = ?) RETURNING path"
    return [Path(row["path"]) for row in db.execute(sql, (voice,)).fetchall()]
