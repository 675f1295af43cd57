"""The register: every table that holds something of a person or a server.

A new table goes in here, or into NOT_ABOUT_ANYBODY: a test walks the schema. What is shown, exported, deleted for a person and
deleted with a server all follow from these entries. They stand in the order of deletion: rows before those they refer to.

Conditions and statements know `:user`, `:guild` and `:alias` (a number that stands for nobody).
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable

_MY_JOBS = "(SELECT id FROM jobs WHERE user_id = :user)"
_OUR_JOBS = "(SELECT id FROM jobs WHERE guild_id = :guild)"
# Gauges and flows are called 'u<id>', 'g<id>', 'g<id>/u<id>' and, in direct messages, 'u<id>/u<id>'
_MY_NAMES = "{0} = 'u' || :user OR {0} GLOB '*/u' || :user"
_OUR_NAMES = "{0} = 'g' || :guild OR {0} GLOB 'g' || :guild || '/*'"


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
        # those that others reported stay with the report; those not told yet go once they are (retention.py)
        erase="DELETE FROM jobs WHERE user_id = :user AND told_at IS NOT NULL AND id NOT IN (SELECT job FROM reports)",
        leave="DELETE FROM jobs WHERE guild_id = :guild",
        columns="id, guild_id, channel_id, voice, seed, options, state, reason, model, estimate, seconds, took, charged,"
        " received_at, queued_at, started_at, settled_at, told_at",
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

# Tables with nothing of a person. `facts` knows channels that are read aloud; servers.py takes them out.
NOT_ABOUT_ANYBODY = frozenset({"transitions", "facts", "servers", "sqlite_sequence"})

# What other parts delete in the transaction in which a person is forgotten, where a statement above is not enough.
FORGET: tuple[Callable[[sqlite3.Connection, int], None], ...] = ()
