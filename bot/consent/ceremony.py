"""One ceremony as a value, and the decisions about it: pure, over plain values. A reason is a key of texts.CONSENT_FAILED.

offered -> challenged -> hearing -> done; or declined, or failed at any step.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import sqlite3
from typing import Any, Self
from urllib.parse import urlsplit

from bot.consent import terms
from bot.consent.spoken import wrong

PAGE_LIVES = 15 * 60.0  # seconds in which the page can be agreed to
WINDOW = 3 * 60.0  # seconds for the answer, by Discord's clock: from the challenge's message to the answer's
PER_DAY = 3  # challenges of a person
DAY = 24 * 3600.0
LENGTH = (6.0, 20.0)  # seconds of a recording
LARGEST = 1 << 20  # bytes: 20 s as Discord records them are 80 kB
EPOCH, SHIFT = 1_420_070_400.0, 22  # of Discord's ids: the first second of 2015, and the bits below the milliseconds
LOOPBACK = "127.0.0.1"  # of the demo's Discord: nothing on its way can be read or changed
HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
SUBJECTS = 10  # members, and roles, that the page takes
# What a recording must be like to make a voice of: protocol.Heard
MOST_CLIPPED, LEAST_SPEECH, LEAST_SNR = 0.02, 0.3, 10.0


class State(enum.StrEnum):
    """Where a ceremony stands."""

    OFFERED = "offered"
    CHALLENGED = "challenged"
    HEARING = "hearing"
    DONE = "done"
    DECLINED = "declined"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What a member chose on the page: who else may use the voice, for what, how long."""

    members: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    everybody: bool = False  # in the server
    files: bool = True  # clips in text channels
    speak: bool = True  # in voice channels
    days: int = terms.DEFAULT_DAYS

    def to_json(self) -> str:
        """For the store."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, content: str) -> Self:
        """What `to_json` wrote."""
        values: dict[str, Any] = json.loads(content)
        return cls(**{**values, "members": tuple(values["members"]), "roles": tuple(values["roles"])})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ceremony:
    """A row of `ceremonies`. Times are seconds since the epoch."""

    id: str
    user_id: int
    guild_id: int
    page_id: int | None
    name: str  # how the member is called in the server
    locale: str
    terms: str
    wishes: Wishes
    state: State
    made_at: float
    agreed_at: float | None
    words: tuple[str, ...]
    channel_id: int | None  # of the direct messages
    challenge_id: int | None  # the message with the challenge
    reason: str | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The ceremony in a row."""
        values = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        words = tuple((row["words"] or "").split())
        return cls(
            **{**values, "wishes": Wishes.from_json(row["wishes"]), "state": State(row["state"]), "words": words}
        )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pressed:
    """A press on the page. `lately`: challenges of this person in the last day; `busy`: one of theirs is being heard."""

    user_id: int
    guild_id: int | None
    page_id: int | None
    now: float
    lately: int = 0
    busy: bool = False
    has_voice: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A direct message that may answer a challenge."""

    id: int
    author_id: int
    channel_id: int
    voice: bool  # Discord's flag: it was spoken into the client
    urls: tuple[str, ...]  # of its attachments
    size: int = 0  # bytes, as Discord says
    seconds: float | None = None  # as the client says


def cannot_choose(ceremony: Ceremony | None, press: Pressed) -> str | None:
    """Why this press on the page does nothing; None: it counts."""
    if ceremony is None or (ceremony.user_id, ceremony.guild_id) != (press.user_id, press.guild_id):
        return "not-yours"
    if ceremony.page_id is None or ceremony.page_id != press.page_id:
        return "not-yours"
    if ceremony.state is not State.OFFERED:
        return "used"
    if not 0 <= press.now - ceremony.made_at <= PAGE_LIVES or not terms.current(ceremony.terms):
        return "old-page"
    return None


def cannot_agree(ceremony: Ceremony | None, press: Pressed) -> str | None:
    """Why pressing "I agree" does not count; None: it does."""
    if reason := cannot_choose(ceremony, press):
        return reason
    if press.has_voice:
        return "has-voice"
    if press.busy:
        return "busy"
    return "too-often" if press.lately >= PER_DAY else None


def cannot_hear(ceremony: Ceremony, answer: Answer, hosts: frozenset[str] = HOSTS) -> str | None:
    """Why this message is no answer, before anything of it is fetched; None: it may be one."""
    if (ceremony.user_id, ceremony.channel_id) != (answer.author_id, answer.channel_id):
        return "not-yours"
    if ceremony.state is not State.CHALLENGED or ceremony.challenge_id is None:
        return "used"
    if not 0 <= sent_at(answer.id) - sent_at(ceremony.challenge_id) <= WINDOW:
        return "late"
    return _cannot_fetch(answer, hosts)


def _cannot_fetch(answer: Answer, hosts: frozenset[str]) -> str | None:
    if not answer.voice:
        return "not-spoken"
    if len(answer.urls) != 1 or not _from(answer.urls[0], hosts):
        return "not-one-file"
    if answer.size > LARGEST:
        return "too-large"
    return None if answer.seconds is None else wrong_length(answer.seconds)


def wrong_length(seconds: float) -> str | None:
    """Why a recording of this length does not do."""
    least, most = LENGTH
    return None if least <= seconds <= most else "length"


def cannot_take(words: tuple[str, ...], text: str, seconds: float, level: dict[str, float]) -> str | None:
    """Why what was heard is no consent; None: it is."""
    if reason := wrong_length(seconds):
        return reason
    if level.get("clipped", 0.0) > MOST_CLIPPED:
        return "too-loud"
    if level.get("speech", 1.0) < LEAST_SPEECH or level.get("snr_db", LEAST_SNR) < LEAST_SNR:
        return "too-quiet"
    return wrong(text, words)


def sent_at(message_id: int) -> float:
    """When Discord took a message, in seconds since the epoch: its id says so."""
    return EPOCH + (message_id >> SHIFT) / 1000


def hosts(api: str) -> frozenset[str]:
    """Where recordings come from: Discord's hosts, or, where the bot talks to a Discord elsewhere, that one's."""
    host = urlsplit(api).hostname or ""
    return HOSTS if host == "discord.com" or host.endswith(".discord.com") else frozenset({host})


def _from(url: str, allowed: frozenset[str]) -> bool:
    parts = urlsplit(url)
    return parts.hostname in allowed and (parts.scheme == "https" or parts.hostname == LOOPBACK) and not parts.username
