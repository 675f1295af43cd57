"""What a person and a server have set: typed, kept as JSON in the database, answered from memory.

Keys and values that this version does not know survive: a newer one may have written them.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import sqlite3
import time
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import Field

from bot import audit
from bot.flow.check import Limits, Rules
from bot.flow.options import Format
from bot.guard.listed import usable
from bot.guard.verdict import NO_HOUSE_RULES, Guard, HouseRules
from bot.store import Store

LANGUAGES = ("en", "es", "de", "fr", "ja")  # of the bot's own words
LOWERED = ("max_chars", "waiting_per_user", "waiting_per_guild", "member_seconds_per_hour")  # limits a server may lower
CHOOSABLE = 25  # channels or roles of one select menu
MOST_WORDS = 200  # of a server's list
MOST_NAMES = 50  # that a server protects


class Liveliness(enum.StrEnum):
    """How freely a text is spoken."""

    CALM = "calm"
    NATURAL = "natural"
    LIVELY = "lively"


# The semantic stage's temperature; natural: as configured. Suno's default is 0.7, and 1.0 its most diverse.
TEMPERATURE = {Liveliness.CALM: 0.5, Liveliness.LIVELY: 0.95}


class Feature(enum.StrEnum):
    """What a server may turn off."""

    SING = "sing"
    SOUND = "sound"
    DIALOGUE = "dialogue"
    LONG = "long"
    VOICE = "voice"


class _Values(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)


def _usable(entry: str) -> str:
    if not usable(entry):
        raise ValueError("no letters")
    return entry


Ids = Annotated[tuple[int, ...], Field(max_length=CHOOSABLE)]
Language = Annotated[str, Field(pattern=f"^({'|'.join(LANGUAGES)})$")]
# A word or phrase, or a name: something of it must be left to be compared
Word = Annotated[str, Field(min_length=2, max_length=40), pydantic.AfterValidator(_usable)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class Mine(_Values):
    """A person's. None: as the server or the configuration has it. `voice` is a key of the library."""

    voice: str | None = None
    liveliness: Liveliness | None = None
    format: Format | None = None
    voice_message: bool | None = None
    language: Language | None = None
    mention_late: bool = True


class Server(_Values):
    """A server's. Empty `channels` and `roles`: everywhere and everybody."""

    channels: Ids = ()
    roles: Ids = ()
    max_chars: Count | None = None
    waiting_per_user: Count | None = None
    waiting_per_guild: Count | None = None
    member_seconds_per_hour: Count | None = None
    voice: str | None = None
    language: Language | None = None
    log_channel: int | None = None
    sharing: bool = True
    member_voices: bool = False
    off: tuple[Feature, ...] = ()
    words: Annotated[tuple[Word, ...], Field(max_length=MOST_WORDS)] = ()
    names: Annotated[tuple[Word, ...], Field(max_length=MOST_NAMES)] = ()
    scams: bool = True


NOTHING_MINE, NOTHING_SET = Mine(), Server()  # each key that somebody types asks for both


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Effective:
    """What holds for one person in one place."""

    voices: tuple[str, ...]  # keys, the first that is there counts; none: as configured
    text_temp: float | None  # None: as configured
    format: Format
    voice_message: bool
    language: str | None  # None: as the person's Discord has it
    mention_late: bool
    limits: Limits
    rules: Rules
    log_channel: int | None


Values = TypeVar("Values", bound=_Values)


def parse(kind: type[Values], stored: dict[str, Any]) -> Values:
    """The values that this version understands; others count as not set."""
    try:
        return kind(**stored)
    except pydantic.ValidationError as error:
        wrong = {problem["loc"][0] for problem in error.errors()}
        return kind(**{name: value for name, value in stored.items() if name not in wrong})


class Book:
    """Everybody's settings. `house_rules`: what the operator's configuration wants of texts, in every place."""

    def __init__(
        self,
        *,
        store: Store,
        limits: Limits,
        house_rules: HouseRules = NO_HOUSE_RULES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._limits, self._house_rules, self._clock = store, limits, house_rules, clock
        self._people: dict[int, Mine] = {}
        self._servers: dict[int, Server] = {}

    async def load(self) -> None:
        """Bring into memory what is written down."""
        for scope, values in (await self._store.insist(_read)).items():
            self._take(scope, values)

    def mine(self, user_id: int) -> Mine:
        """A person's."""
        return self._people.get(user_id, NOTHING_MINE)

    def server(self, guild_id: int | None) -> Server:
        """A server's; the defaults in direct messages."""
        return NOTHING_SET if guild_id is None else self._servers.get(guild_id, NOTHING_SET)

    async def change_mine(self, user_id: int, **changes: Any) -> Mine:
        """Set some of a person's; None: no longer set. ValidationError where a value is none."""
        await self._change(Mine, f"u{user_id}", changes)
        return self.mine(user_id)

    async def change_server(self, guild_id: int, *, by: int | None = None, **changes: Any) -> Server:
        """Set some of a server's, by a moderator's wish; None: no longer set. ValidationError where a value is none."""
        await self._change(Server, f"g{guild_id}", changes, by)
        return self.server(guild_id)

    def effective(self, user_id: int, guild_id: int | None) -> Effective:
        """The person's, then the server's, then the configuration's."""
        mine, server = self.mine(user_id), self.server(guild_id)
        return Effective(
            voices=tuple(key for key in (mine.voice, server.voice) if key),
            text_temp=TEMPERATURE.get(mine.liveliness) if mine.liveliness else None,
            format=mine.format or Format.OGG,
            voice_message=bool(mine.voice_message),
            language=self.language(user_id, guild_id),
            mention_late=mine.mention_late,
            limits=self.limits(guild_id),
            rules=Rules(channels=frozenset(server.channels), roles=frozenset(server.roles), off=frozenset(server.off)),
            log_channel=server.log_channel,
        )

    def language(self, user_id: int, guild_id: int | None) -> str | None:
        """The person's, then the server's; None: as the person's Discord has it."""
        return self.mine(user_id).language or self.server(guild_id).language

    def limits(self, guild_id: int | None) -> Limits:
        """A server may ask for less than the configuration allows, never for more."""
        server = self.server(guild_id)
        asked = {name: getattr(server, name) for name in LOWERED if getattr(server, name) is not None}
        lower = {name: min(value, getattr(self._limits, name) or value) for name, value in asked.items()}
        return dataclasses.replace(self._limits, **lower)

    def guard(self, guild_id: int | None) -> Guard:
        """What texts may not say in a place: the operator's rules and the server's."""
        server = self.server(guild_id)
        return self._house_rules.with_servers(words=server.words, names=server.names, scams=server.scams)

    def log_channels(self) -> dict[int, int]:
        """The channels for notices, by server."""
        return {guild: one.log_channel for guild, one in self._servers.items() if one.log_channel is not None}

    def forget(self, *, user_id: int | None = None, guild_id: int | None = None) -> None:
        """The rows of a person or a server are gone: so is what is in memory."""
        self._people.pop(user_id or 0, None)
        self._servers.pop(guild_id or 0, None)

    async def _change(self, kind: type[_Values], scope: str, changes: dict[str, Any], by: int | None = None) -> None:
        plain = kind(**{name: value for name, value in changes.items() if value is not None}).model_dump(mode="json")
        set_now = {name: None if value is None else plain[name] for name, value in changes.items()}

        def write(db: sqlite3.Connection) -> dict[str, Any]:
            if by is not None:
                audit.write(db, self._clock(), "settings", by=by, place=scope, changed="+".join(sorted(changes))[:80])
            return _write(db, scope, set_now)

        self._take(scope, await self._store.call(write))

    def _take(self, scope: str, stored: dict[str, Any]) -> None:
        if scope.startswith("u"):
            self._people[int(scope[1:])] = parse(Mine, stored)
        else:
            self._servers[int(scope[1:])] = parse(Server, stored)


def _read(db: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    return {row["scope"]: json.loads(row["value"]) for row in db.execute("SELECT * FROM settings")}


def _write(db: sqlite3.Connection, scope: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Lay the changes over what is stored; the outcome."""
    row = db.execute("SELECT value FROM settings WHERE scope = ?", (scope,)).fetchone()
    values = {**(json.loads(row["value"]) if row else {}), **changes}
    values = {name: value for name, value in values.items() if value is not None}
    db.execute(
        "INSERT INTO settings VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET value = excluded.value",
        (scope, json.dumps(values)),
    )
    return values
