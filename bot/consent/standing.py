"""Whether a job may use the member voices it names: asked at admission, before it is rendered, before it is delivered.

At admission the grants are looked through for one that covers the asker, and the job is written down with it, in the
transaction that admits it. From then on one predicate, `allowed`, says whether that still holds; each step that goes on
asks it in a transaction of its own before it does.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3

from bot import i18n, texts
from bot.consent import grants, member
from bot.consent.grants import Asker, Grant, Use
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.job import Job
from bot.texts import say

WITHDRAWN = "withdrawn"  # the reason of a job that was cancelled for it

_SERVER = (  # the settings of the voice's server want member voices, and say where reports go
    "EXISTS (SELECT 1 FROM settings WHERE scope = 'g' || voice.guild_id"
    " AND value ->> 'member_voices' = 1 AND value ->> 'log_channel' IS NOT NULL)"
)
_QUARANTINE = "(voice.held OR voice.opens_at IS NULL OR voice.opens_at > :now)"
_HOLDS = f"""
    voice.ended_at IS NULL AND voice.until > :now AND {_SERVER} AND CASE
        WHEN used.grant_id IS NULL THEN voice.user_id = job.user_id AND (job.guild_id IS NULL OR NOT {_QUARANTINE})
        ELSE NOT {_QUARANTINE} AND given.voice = voice.id AND given.ended_at IS NULL AND given.until > :now
            AND iif(job.options ->> 'speak_in' IS NULL, given.files, given.speak)
    END
"""
_BROKEN = f"""
    SELECT 1 FROM job_voices used JOIN jobs job ON job.id = used.job JOIN member_voices voice ON voice.id = used.voice
    LEFT JOIN grants given ON given.id = used.grant_id WHERE used.job = :job AND NOT ({_HOLDS})
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """An ask with its member voices called by their names. `used`: the voices, each with its grant (None: one's own)."""

    ask: Ask
    used: tuple[tuple[int, int | None], ...] = ()
    names: frozenset[str] = frozenset()
    refused: Refused | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """The rules. `on`: the operator wants member voices, and this is a place where they may be."""

    on: bool = False

    def judge(self, db: sqlite3.Connection, ask: Ask, now: float) -> Judged:
        """What an ask wants of member voices, and whether it may. One that wants nothing comes back as it is."""
        found = {name: member.called(db, name) for name in filter(None, {ask.voice, *ask.options.cast.values()})}
        voices = {name: voice for name, voice in found.items() if voice is not None}
        options = dataclasses.replace(ask.options, cue=bool(voices))
        asker = Asker(
            user_id=ask.user_id,
            guild_id=ask.guild_id,
            role_ids=ask.role_ids,
            private=ask.guild_id is None and ask.reachable,
            use=Use.FILES if options.speak_in is None else Use.SPEAK,
        )
        used: dict[int, int | None] = {}
        for voice in voices.values():
            grant = grants.standing(voice, grants.of_voice(db, voice.id), asker, now)
            if isinstance(grant, str) or not self.wanted(db, voice.guild_id):
                with i18n.speaking(options.locale):
                    reason = grant if isinstance(grant, str) else "off"
                    return Judged(ask=ask, refused=Refused(rule=f"consent:{reason}", words=_words(voice.name, reason)))
            used[voice.id] = grant.id if isinstance(grant, Grant) else None
        called = {typed: voice.name for typed, voice in voices.items()}
        cast = {speaker: called.get(name, name) for speaker, name in options.cast.items()}
        options = dataclasses.replace(options, cast=cast)
        ask = dataclasses.replace(ask, voice=called.get(ask.voice or "", ask.voice), options=options)
        return Judged(ask=ask, used=tuple(used.items()), names=frozenset(called.values()))

    def wanted(self, db: sqlite3.Connection, guild_id: int) -> bool:
        """Whether operator and server want member voices there now."""
        sql = f"SELECT 1 FROM (SELECT ? AS guild_id) AS voice WHERE {_SERVER}"
        return self.on and db.execute(sql, (guild_id,)).fetchone() is not None

    def allowed(self, db: sqlite3.Connection, job: int, now: float) -> bool:
        """Whether this job may go on: all that it was admitted with still holds. True for one without member voices."""
        uses = db.execute("SELECT 1 FROM job_voices WHERE job = ?", (job,)).fetchone() is not None
        return not uses or (self.on and db.execute(_BROKEN, {"job": job, "now": now}).fetchone() is None)

    def go_on(self, db: sqlite3.Connection, job: int, now: float) -> bool:
        """The same where it is about to: if it may not, it is cancelled."""
        if self.allowed(db, job, now):
            return True
        cancel(db, [job], now)
        return False

    def posted(self, db: sqlite3.Connection, job: Job, place: tuple[int, int], now: float) -> bool:
        """Discord took a message (channel, id) of this job. False: too late, it has to be deleted."""
        good = self.go_on(db, job.id, now)
        row = db.execute("SELECT state FROM jobs WHERE id = ?", (job.id,)).fetchone()
        if row is None:
            return False  # its server is forgotten: there is nothing that could be deleted there any more
        doomed = not good or row["state"] == "cancelled"
        db.execute(
            "INSERT INTO voice_posts (message_id, channel_id, job, doomed) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (message_id) DO UPDATE SET doomed = max(doomed, excluded.doomed)",
            (place[1], place[0], job.id, doomed),
        )
        return not doomed


def admitted(db: sqlite3.Connection, job: int, judged: Judged) -> None:
    """Write down by what right a job uses its voices."""
    rows = ((job, voice, grant) for voice, grant in judged.used)
    db.executemany("INSERT INTO job_voices (job, voice, grant_id) VALUES (?, ?, ?)", rows)


def cancel(db: sqlite3.Connection, jobs: list[int], now: float) -> list[Job]:
    """Cancel those that were not delivered: their voice was withdrawn. Those that were."""
    rows = db.execute(
        "UPDATE jobs SET state = 'cancelled', lease = NULL, reason = ?, settled_at = ?"
        " WHERE id IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'rendering', 'rendered') RETURNING *",
        (WITHDRAWN, now, json.dumps(jobs)),
    )
    return [Job.from_row(row) for row in rows.fetchall()]


def _words(voice: str, reason: str) -> str:
    return say(texts.CONSENT_WITHHELD[reason], voice=voice)
