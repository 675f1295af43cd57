"""A job as the database holds it, and where it stands. The allowed changes of state are drawn in `bot/schema.py`."""

from __future__ import annotations

import dataclasses
import enum
import sqlite3
from typing import Self

from bot.flow.options import Options

TOKEN_LIFE = 15 * 60.0  # seconds an interaction token lives (Discord: receiving and responding)
TOKEN_MARGIN = 20.0  # seconds before its end at which it counts as gone: an upload takes time


class State(enum.StrEnum):
    """received -> queued -> rendering -> rendered -> answered, or one of the ways out."""

    RECEIVED = "received"
    REFUSED = "refused"
    QUEUED = "queued"
    RENDERING = "rendering"
    RENDERED = "rendered"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One request. Times are seconds since the epoch, `estimate`, `seconds` and `took` are durations in seconds."""

    id: int
    application_id: int
    token: str | None
    user_id: int
    guild_id: int | None
    channel_id: int
    size_limit: int
    text: str
    voice: str | None
    seed: int
    flow: str
    estimate: float
    state: State
    received_at: float
    queued_at: float | None
    started_at: float | None
    settled_at: float | None
    told_at: float | None
    send_at: float | None
    lease: str | None
    deaths: int
    restarts: int
    reason: str | None
    path: str | None
    seconds: float | None
    took: float | None
    model: str | None
    options: Options = Options()
    charged: float = 0.0  # seconds of audio in its meters: flow/meters.py

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The job in a row of the table `jobs`."""
        return cls(**{**dict(row), "state": State(row["state"]), "options": Options.from_json(row["options"])})

    def __repr__(self) -> str:
        """Without the text and the token, so that neither can end in a log by accident."""
        return f"<Job {self.id} {self.state}>"

    @property
    def voices(self) -> str | None:
        """Whose voices are heard, in words."""
        return ", ".join(dict.fromkeys(self.options.cast.values())) or self.voice

    def token_lives(self, now: float) -> bool:
        """Whether the deferred reply can still be edited."""
        return self.token is not None and now < self.received_at + TOKEN_LIFE - TOKEN_MARGIN
