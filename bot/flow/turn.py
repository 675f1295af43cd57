"""A turn: one clip that is to be heard in a voice channel, as the database holds it."""

from __future__ import annotations

import dataclasses
import enum
import sqlite3
from typing import Self

from bot.flow.job import Job
from bot.flow.job import State as JobState

COMING = frozenset({JobState.RECEIVED, JobState.QUEUED, JobState.RENDERING})
MADE = frozenset({JobState.RENDERED, JobState.ANSWERED})


class State(enum.StrEnum):
    """waiting -> playing -> played; back to waiting where it is interrupted; or one of the ways out."""

    WAITING = "waiting"
    PLAYING = "playing"
    PLAYED = "played"
    SKIPPED = "skipped"  # by somebody's wish
    DROPPED = "dropped"  # it cannot be heard


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """Who asked for which take of which job, in which voice channel; words about it go to `text_id`."""

    id: int
    guild_id: int
    channel_id: int
    text_id: int
    user_id: int
    job: int
    take: int
    state: State
    added_at: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The turn in a row of the table `turns`."""
        return cls(**{**dict(row), "state": State(row["state"])})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A turn with its job."""

    turn: Turn
    job: Job

    @property
    def coming(self) -> bool:
        """Whether it is still to be made."""
        return self.job.state in COMING

    @property
    def made(self) -> bool:
        """Whether its file is there, as far as the job knows."""
        return self.job.state in MADE
