"""The child's half of the process border: loads the model once, then one job at a time, until told to stop.

What it hears and says is in `protocol.py`. Signals: SIGINT is the parent's business; the first SIGTERM lets the job at
hand end, the second ends the process. Every sign of life comes from a step of the work: a hang looks like a hang.
"""

from __future__ import annotations

import collections
import dataclasses
import faulthandler
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from types import FrameType
from typing import Protocol

from synth.errors import DeviceError, JobError, ModelError, Stopped
from synth.protocol import (
    Cancel,
    Cancelled,
    Drain,
    ExitCode,
    Failed,
    Finished,
    Job,
    Leaving,
    Loading,
    Message,
    Progress,
    Ready,
    Reason,
    decode,
    encode,
)

log = logging.getLogger(__name__)

PROGRESS_EVERY = 0.1  # seconds: faster than anybody can read, slow enough for the pipe

Step = Callable[[str, float, float], None]
"""Called as (stage, done, total) between two steps of a job; raises Stopped when the job is cancelled."""
Tell = Callable[[str, float], None]
"""Called as (what, fraction) while the model loads."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOptions:
    """What the child needs to know at its start."""

    model: str = "auto"
    device: str = "auto"
    threads: int = 0  # 0: as many as there are cores
    precision: str = "exact"  # or int8
    log_level: str = "INFO"


class Engine(Protocol):
    """What can render a job, once it is loaded."""

    model: str
    device: str
    voices: tuple[str, ...]

    @property
    def memory(self) -> int:
        """Bytes in use, 0 where unknown."""

    def render(self, job: Job, step: Step) -> float:
        """Write the file at `job.path`; its seconds. Raises JobError, DeviceError, and what `step` raises."""


def main(inbox: SimpleQueue[bytes], events: Connection, options: WorkerOptions) -> None:
    """What `Life` runs in a new process."""
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s synth %(name)s: %(message)s")

    def load(tell: Tell) -> Engine:
        from synth.engine import load_engine  # noqa: PLC0415 -- torch takes seconds: signals are handled before that

        return load_engine(options.model, options.device, options.threads, tell, options.precision)

    serve(inbox, events, load)


def serve(inbox: SimpleQueue[bytes], events: Connection, load: Callable[[Tell], Engine]) -> None:
    """Load, then work until the end; never returns, the process exits with an `ExitCode`."""
    faulthandler.enable()
    threading.Thread(target=_follow_parent, name="parent-watch", daemon=True).start()
    outbox = Outbox(events)
    worker = Worker(inbox, outbox)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the parent decides
    signal.signal(signal.SIGTERM, worker.on_term)
    try:
        worker.load(load)
        worker.work()
        code = ExitCode.OK
    except ModelError as error:
        code = ExitCode.MODEL
        outbox.send(Leaving(code=code, sentence=str(error)))
    except DeviceError as error:
        code = ExitCode.DEVICE
        outbox.send(Leaving(code=code, sentence=str(error)))
    raise SystemExit(code)


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


class Worker:
    """The loop, and the jobs that wait in it."""

    def __init__(self, inbox: SimpleQueue[bytes], outbox: Outbox) -> None:
        self._inbox, self._outbox = inbox, outbox
        self._waiting: collections.deque[Job] = collections.deque()
        self._running: Job | None = None
        self._cancelled = False  # the running one
        self._draining = False
        self._idle = True  # nothing would be lost by ending now

    def on_term(self, _signal: int, _frame: FrameType | None) -> None:
        """SIGTERM: end after the job at hand, at once if there is none. The next one has its usual effect."""
        self._draining = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._idle:
            raise SystemExit(ExitCode.OK)

    def load(self, load: Callable[[Tell], Engine]) -> None:
        """Load the engine and say that it is ready."""
        started = time.monotonic()
        pace = Pace()

        def tell(what: str, fraction: float) -> None:
            if pace.due(what):
                self._outbox.send(Loading(what=what, fraction=fraction))

        engine = self._engine = load(tell)
        self._outbox.send(
            Ready(
                model=engine.model,
                device=engine.device,
                voices=engine.voices,
                memory=engine.memory,
                seconds=time.monotonic() - started,
            )
        )

    def work(self) -> None:
        """One job after another, until drained."""
        while job := self._next():
            outcome = self._attempt(job)
            self._running = None
            self._outbox.send(outcome)

    def look(self) -> None:
        """Take what has arrived, without waiting."""
        while not self._inbox.empty():
            self._take(self._inbox.get())

    def check(self) -> None:
        """Between two steps: raises Stopped if the running job was cancelled."""
        self.look()
        if self._cancelled:
            raise Stopped

    def _next(self) -> Job | None:
        self.look()
        while not self._draining and not self._waiting:
            self._idle = True
            data = self._inbox.get()
            self._idle = False
            self._take(data)
        if self._draining:
            return None
        self._idle, self._cancelled = False, False
        self._running = self._waiting.popleft()
        return self._running

    def _take(self, data: bytes) -> None:
        match decode(data):
            case Job() as job:
                self._waiting.append(job)
            case Drain():
                self._draining = True
            case Cancel(job=name) if self._running and name == self._running.id:
                self._cancelled = True
            case Cancel(job=name):
                self._drop(name)
            case message:
                log.error("the parent sent what only its child may send: %r", message)

    def _drop(self, name: str) -> None:
        for job in [job for job in self._waiting if job.id == name]:
            self._waiting.remove(job)
            self._outbox.send(Cancelled(job=name))

    def _attempt(self, job: Job) -> Finished | Failed | Cancelled:
        """The job's one final message. DeviceError ends the process, and so the job, instead."""
        started = time.monotonic()
        try:
            seconds = self._engine.render(job, Steps(job.id, self._outbox, self.check, Pace()))
        except Stopped:
            return Cancelled(job=job.id)
        except JobError as error:
            log.info("job %s cannot be done: %s", job.id, error)
            return Failed(job=job.id, reason=error.reason, detail=str(error))
        except MemoryError:
            return Failed(job=job.id, reason=Reason.OUT_OF_MEMORY, detail="the machine has no memory left")
        except DeviceError:
            raise
        except Exception as error:
            log.exception("job %s failed", job.id)
            return Failed(job=job.id, reason=Reason.INTERNAL, detail=f"{type(error).__name__}: {error}")
        took = time.monotonic() - started
        return Finished(job=job.id, path=job.path, seconds=seconds, took=took, seed=job.seed, model=self._engine.model)


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
    """The `Step` of one job: looks for its cancellation, and reports at the given pace."""

    def __init__(self, job: str, outbox: Outbox, check: Callable[[], None], pace: Pace) -> None:
        self._job, self._outbox, self._check, self._pace = job, outbox, check, pace

    def __call__(self, stage: str, done: float, total: float) -> None:
        """One step was made."""
        self._check()
        if self._pace.due(stage):
            self._outbox.send(Progress(job=self._job, stage=stage, done=done, total=total))


def _follow_parent() -> None:
    """In a thread: the process ends with its parent, whatever it is doing. A child waiting in get() would not notice."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(ExitCode.PARENT_GONE)
