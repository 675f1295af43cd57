"""The register: every table that holds something of a person or a server.

A new table goes in here, or into NOT_ABOUT_ANYBODY: a test walks the schema. What is shown, exported, deleted for a person and
deleted with a server all follow from these entries. They stand in the order of deletion: rows before those they refer to.

Conditions and statements know `:user`, `:guild` and `:alias` (a number that stands for nobody).
"""

from __future__ import annotations

import dataclasses

from bot.privacy.borrowed import REPORTED, VOICED

_MY_JOBS = "(SELECT id FROM jobs WHERE user_id = :user)"
_OUR_JOBS = "(SELECT id FROM jobs WHERE guild_id = :guild)"
# Gauges and flows are called 'u<id>', 'g<id>', 'g<id>/u<id>' and, in direct messages, 'u<id>/u<id>'
_MY_NAMES = "{0} = 'u' || :user OR {0} GLOB '*/u' || :user"
_OUR_NAMES = "{0} = 'g' || :guild OR {0} GLOB 'g' || :guild || '/*'"
_MY_VOICES = "(SELECT id FROM member_voices WHERE user_id = :user)"
_OUR_VOICES = "(SELECT id FROM member_voices WHERE guild_id = :guild)"
_MY_PSEUDONYM = "(SELECT pseudonym(user_id, key) FROM subjects WHERE user_id = :user)"
_NO_CHOICES = "wishes = json_set(wishes, '$.members', json('[]'), '$.roles', json('[]'))"
_NO_CEREMONY = f"user_id = :alias, name = '', channel_id = NULL, page_id = NULL, {_NO_CHOICES}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """One kind of data.

    `what`, `until` and `stays` name sentences of texts.py (HELD, HELD_UNTIL, HELD_STAYS). Without `erase` it stays when its person
    wants to be forgotten, and `stays` says why.
    """

    table: str
    what: str
    until: str
    mine: str  # the rows of a person
    erase: str = ""  # a statement
    stays: str = ""
    leave: str = ""  # a statement: a server's rows go
    columns: str = "*"  # of a person's copy


HOLDINGS: tuple[Holding, ...] = (
    Holding(
        table="clips",
        what="clips",
        until="clips",
        mine=f"job IN {_MY_JOBS}",
        erase=f"DELETE FROM clips WHERE job IN {_MY_JOBS}",
        leave=f"DELETE FROM clips WHERE job IN {_OUR_JOBS}",
        columns="job, take, kept_until",
    ),
    Holding(
        table="turns",
        what="turns",
        until="text",
        mine="user_id = :user",
        erase=f"DELETE FROM turns WHERE user_id = :user OR job IN {_MY_JOBS}",
        leave=f"DELETE FROM turns WHERE guild_id = :guild OR job IN {_OUR_JOBS}",
    ),
    Holding(
        table="reports",
        what="reports",
        until="reports",
        mine="user_id = :user",
        erase="UPDATE reports SET user_id = :alias WHERE user_id = :user",
        columns="job, made_at",
    ),
    Holding(
        table="reports",
        what="reported",
        until="reports",
        mine=f"job IN {_MY_JOBS}",
        stays="reported",
        leave=f"DELETE FROM reports WHERE job IN {_OUR_JOBS}",
        columns="job, made_at",  # who reported is not theirs to know
    ),
    Holding(
        table="complaints",
        what="complaints",
        until="reports",
        mine="user_id = :user",
        erase="UPDATE complaints SET user_id = :alias WHERE user_id = :user",
        leave="DELETE FROM complaints WHERE guild_id = :guild",
    ),
    Holding(
        table="complaints",
        what="complained",
        until="reports",
        mine=f"job IN {_MY_JOBS}",
        stays="reported",
        leave=f"DELETE FROM complaints WHERE job IN {_OUR_JOBS}",
        columns="job, made_at",
    ),
    Holding(
        table="made",
        what="made",
        until="reports",
        mine=f"job IN {_MY_JOBS}",
        erase=f"DELETE FROM made WHERE job IN {_MY_JOBS}",
        leave=f"DELETE FROM made WHERE job IN {_OUR_JOBS}",
        columns="job, hash, made_at",
    ),
    Holding(
        table="voice_posts",
        what="voice_posts",
        until="posts",
        mine=f"job IN {_MY_JOBS}",
        # with their jobs, which are nobody's from then on, until they are gone themselves (borrowed.py)
        erase=f"DELETE FROM voice_posts WHERE job IN {_MY_JOBS} AND gone_at IS NOT NULL",
        leave=f"DELETE FROM voice_posts WHERE job IN {_OUR_JOBS}",
    ),
    Holding(
        table="jobs",
        what="texts",
        until="text",
        mine="user_id = :user AND text <> ''",
        erase="UPDATE jobs SET text = '', options = json_remove(options, '$.cast') WHERE user_id = :user",
        columns="id, text",
    ),
    Holding(
        table="jobs",
        what="jobs",
        until="jobs",
        mine="user_id = :user",
        # those that others reported stay with the report; those not told yet go once they are (retention.py), and those
        # with member voices when these need them no more (borrowed.py)
        erase=f"DELETE FROM jobs WHERE user_id = :user AND told_at IS NOT NULL  AND NOT {REPORTED} AND NOT {VOICED}",
        leave="DELETE FROM jobs WHERE guild_id = :guild",
        columns="id, guild_id, channel_id, voice, seed, options, state, reason, model, estimate, seconds, took, charged,"
        " received_at, queued_at, started_at, settled_at, told_at",
    ),
    Holding(
        table="grants",
        what="grants",
        until="consent",
        mine=f"voice IN {_MY_VOICES}",
        erase=f"UPDATE grants SET subject = -id WHERE voice IN {_MY_VOICES}",
        leave=f"UPDATE grants SET subject = -id WHERE voice IN {_OUR_VOICES}",
        columns="id, voice, kind, subject, files, speak, given_at, until, ended_at",
    ),
    Holding(
        table="grants",
        what="granted",
        until="consent",
        mine="kind = 'member' AND subject = :user",
        erase="UPDATE grants SET subject = -id WHERE kind = 'member' AND subject = :user",
        columns="id, voice, files, speak, given_at, until, ended_at",
    ),
    Holding(
        table="member_voices",
        what="member_voices",
        until="consent",
        mine="user_id = :user",
        erase="UPDATE member_voices SET user_id = :alias, name = '' WHERE user_id = :user",
        leave="UPDATE member_voices SET user_id = -id, guild_id = 0, name = '' WHERE guild_id = :guild",
    ),
    Holding(
        table="ceremonies",
        what="ceremonies",
        until="ceremonies",
        mine="user_id = :user",
        erase=f"UPDATE ceremonies SET {_NO_CEREMONY} WHERE user_id = :user",
        leave=f"UPDATE ceremonies SET guild_id = 0, {_NO_CEREMONY} WHERE guild_id = :guild",
    ),
    Holding(
        table="acceptances",
        what="acceptances",
        until="wish",
        mine="user_id = :user",
        erase="DELETE FROM acceptances WHERE user_id = :user",
    ),
    Holding(
        table="questions",
        what="questions",
        until="questions",
        mine="user_id = :user",
        erase="DELETE FROM questions WHERE user_id = :user",
        columns="id, version, at, unsealed('questions.held/' || id, held) ->> 'text' AS held_text",
    ),
    Holding(
        table="bans",
        what="bans",
        until="ban",
        mine="who = 'u' || :user",
        stays="bans",
        leave="DELETE FROM bans WHERE place = 'g' || :guild",  # one of the server itself stays: else it would leave to end it
        columns="who, place, until, reason, at",  # who made it is not theirs to know
    ),
    Holding(
        table="bans",
        what="bans_made",
        until="ban",
        mine="made_by = :user",
        erase="UPDATE bans SET made_by = :alias WHERE made_by = :user",
        columns="place, until, reason, at",
    ),
    Holding(
        table="halts",
        what="halts",
        until="ban",
        mine="made_by = :user",
        erase="UPDATE halts SET made_by = :alias WHERE made_by = :user",
        leave="DELETE FROM halts WHERE place = 'g' || :guild",
    ),
    Holding(
        table="audit",
        what="audit",
        until="audit",
        mine=f"{_MY_PSEUDONYM} IN (subject, details ->> 'by')",
        stays="audit",
        columns="seq, at, kind, details",
    ),
    Holding(
        table="subjects",
        what="subjects",
        until="wish",
        mine="user_id = :user",
        erase="DELETE FROM subjects WHERE user_id = :user",
        columns="user_id",
    ),
    Holding(
        table="favourites",
        what="favourites",
        until="wish",
        mine="user_id = :user",
        erase="DELETE FROM favourites WHERE user_id = :user"
        " OR voice IN (SELECT '#' || id FROM voices WHERE user_id = :user)",
    ),
    Holding(
        table="voices",
        what="voices",
        until="wish",
        mine="user_id = :user",
        erase="DELETE FROM voices WHERE user_id = :user",
        leave="UPDATE voices SET guild_id = NULL WHERE guild_id = :guild",
    ),
    Holding(
        table="settings",
        what="settings",
        until="wish",
        mine="scope = 'u' || :user",
        erase="DELETE FROM settings WHERE scope = 'u' || :user",
        leave="DELETE FROM settings WHERE scope = 'g' || :guild",
    ),
    Holding(
        table="meters",
        what="meters",
        until="leak",
        mine=_MY_NAMES.format("name"),
        stays="meters",
        leave=f"DELETE FROM meters WHERE {_OUR_NAMES.format('name')}",
    ),
    Holding(
        table="flows",
        what="flows",
        until="jobs",
        mine=_MY_NAMES.format("flow"),
        erase=f"DELETE FROM flows WHERE {_MY_NAMES.format('flow')}",
        leave=f"DELETE FROM flows WHERE {_OUR_NAMES.format('flow')}",
    ),
    Holding(
        table="erasures",
        what="erasures",
        until="erasure",
        mine="user_id = :user",
        stays="erasures",
    ),
)

# Tables with nothing of a person. `facts` knows channels of servers; servers.py takes them out. `job_voices` goes with its job,
# `voice_keys` with the life of its voice.
NOT_ABOUT_ANYBODY = frozenset({"transitions", "facts", "servers", "sqlite_sequence", "job_voices", "voice_keys"})
