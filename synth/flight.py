"""A job that the child has: what `Synth.render()` waits for, and the ways in which it can end. Standard library only."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path

from synth.growing import aside
from synth.life import how_it_ended
from synth.protocol import (
    Cancelled,
    Done,
    ExitCode,
    Failed,
    Finished,
    Hear,
    MakeVoice,
    Progress,
    Reason,
    Sound,
    VoiceMade,
    Work,
)


class JobFailed(Exception):
    """This job cannot be done; `reason` has a sentence for the user, `detail` is for the log."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class JobCancelled(Exception):
    """The job was stopped because `cancel()` asked for it."""


class SynthDied(Exception):
    """The child ended before the job did. `running`: it was at hand, and nobody ended the child on purpose: count it."""

    def __init__(self, *, exit_code: int | None, running: bool, why: str = "") -> None:
        super().__init__(f"the synth process ended ({how_it_ended(exit_code)}){': ' + why if why else ''}")
        self.exit_code = exit_code  # negative: the signal
        self.running = running and exit_code != ExitCode.OK  # OK: it got a SIGTERM from somewhere, and drained


class SynthStopped(Exception):
    """No more jobs are taken: the synth process was told to stop."""


def outcome_of(message: Done | Failed | Cancelled) -> Done | JobFailed | JobCancelled:
    """What `render()` makes of a job's final message."""
    match message:
        case Failed():
            return JobFailed(message.reason, message.detail)
        case Cancelled():
            return JobCancelled()
    return message


@dataclasses.dataclass(kw_only=True, eq=False, slots=True)
class Flight:
    """A job that the child has, until its final message or the child's death."""

    job: Work
    result: asyncio.Future[Done]
    on_progress: Callable[[Progress], None] = lambda _: None
    on_sound: Callable[[Sound], None] = lambda _: None
    over: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def report(self, message: Progress | Sound) -> None:
        """Tell the caller how it goes."""
        if isinstance(message, Sound):
            self.on_sound(message)
        else:
            self.on_progress(message)

    def end(self, outcome: Done | BaseException) -> None:
        """Tell the caller, if there is still one."""
        self.over.set()
        match outcome:
            case Finished(path=path) | VoiceMade(out=path) if Path(path) != self._file:
                # What is at a path that a process may choose would be sent to Discord: it is not for a broken one to choose.
                outcome = JobFailed(Reason.INTERNAL, f"the synth process wrote to {path!r}")
        if isinstance(outcome, SynthDied) and self._file:  # before it could tidy up
            with contextlib.suppress(OSError):
                aside(self._file).unlink(missing_ok=True)
        if self.result.done():  # nobody waits: the caller was cancelled
            self._remove(outcome)
        elif isinstance(outcome, BaseException):
            self.result.set_exception(outcome)
        else:
            self.result.set_result(outcome)

    def abandon(self) -> None:
        """The caller was cancelled: after the outcome came, but before it was told, if there is one."""
        if not self.result.cancelled():
            self._remove(self.result.exception() or self.result.result())

    def _remove(self, outcome: Done | BaseException) -> None:
        if self._file and not isinstance(outcome, BaseException):
            self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path | None:
        """What it writes; nothing where it only listens."""
        match self.job:
            case Hear():
                return None
            case MakeVoice(out=path):
                return Path(path)
            case job:
                return Path(job.path)
