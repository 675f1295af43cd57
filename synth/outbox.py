"""What the child says to its parent, and how often."""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from synth.protocol import ExitCode, Message, Progress, encode

PROGRESS_EVERY = 0.1  # seconds: faster than anybody can read, slow enough for the pipe


class Outbox:
    """The parent's ear. When it is gone, so is the reason to live."""

    def __init__(self, events: Connection) -> None:
        self._events = events

    def send(self, message: Message) -> None:
        """One message; the process ends if nobody can read it any more."""
        try:
            self._events.send_bytes(encode(message))
        except OSError as error:
            raise SystemExit(ExitCode.PARENT_GONE) from error


class Pace:
    """What may be told now: each new topic, and the same one every `PROGRESS_EVERY` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._topic: str | None = None
        self._told = 0.0

    def due(self, topic: str) -> bool:
        """Whether to tell; then the wait begins anew."""
        now = self._clock()
        if topic == self._topic and now - self._told < PROGRESS_EVERY:
            return False
        self._topic, self._told = topic, now
        return True


class Steps:
    """The `Step` of one job: reports at the given pace."""

    def __init__(self, job: str, outbox: Outbox, pace: Pace) -> None:
        self._job, self._outbox, self._pace = job, outbox, pace

    def __call__(self, stage: str, done: float, total: float) -> None:
        """One step was made."""
        if self._pace.due(stage):
            self._outbox.send(Progress(job=self._job, stage=stage, done=done, total=total))
