"""The child's half of the process border: loads the model once, then works on jobs, until told to stop.

As many jobs as the engine has seats are in work at once; between two of their steps it looks for messages. What it hears
and says is in `protocol.py`. Signals: SIGINT is the parent's business; the first SIGTERM lets the jobs at hand end, the
second ends the process. Every sign of life comes from a step of the work: a hang looks like a hang.
"""

from __future__ import annotations

import collections
import dataclasses
import faulthandler
import functools
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
from typing import TYPE_CHECKING, Protocol, cast

from synth.errors import DeviceError, JobError, ModelError, Stopped
from synth.lines import Lines
from synth.mark_key import PUBLIC_KEY
from synth.outbox import Outbox, Pace, Steps
from synth.protocol import (
    Cancel,
    Cancelled,
    Done,
    Drain,
    ExitCode,
    Failed,
    Finished,
    Hear,
    Job,
    Leaving,
    Loading,
    MakeVoice,
    Ready,
    Reason,
    Sound,
    VoiceMade,
    Work,
    decode,
)
from synth.protocol import Heard as HeardSaid

if TYPE_CHECKING:
    from synth.tasks import Task, Tasks

log = logging.getLogger(__name__)

# Steps of niceness. Rendering takes every core for minutes; the bot, on the same machine, must answer Discord within
# 3 seconds and needs a core for a few milliseconds. At 10 it gets nine tenths of one that both want. Where nobody else wants the cores
# nothing is lost.
BEHIND = 10

Step = Callable[[str, float, float], None]
"""Called as (stage, done, total) between two steps of a job."""
Heard = Callable[[int, float], None]
"""Called as (bytes, seconds) when so much of the job's file can be read."""
Tell = Callable[[str, float], None]
"""Called as (what, fraction) while the model loads."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WorkerOptions:
    """What the child needs to know at its start."""

    model: str = "auto"
    device: str = "auto"
    threads: int = 0  # 0: as many as there are cores
    precision: str = "exact"  # or int8, int4
    graphs: bool = True  # CUDA graphs
    memory: str = "auto"  # or a profile of `synth.room`
    seats: int = 0  # pieces in work at once; 0: as many as fit
    hubert: str = ""  # what voices are made of recordings by: see `synth.enrol.enrolment.Sources`
    quantizer: str = ""
    recogniser: str = ""
    certificate: str = ""  # path of a PEM chain to sign files with: synth/credentials.py; "": not at all
    key: str = ""  # path of its private key
    log_level: str = "INFO"
    watermark_key: bytes = dataclasses.field(
        default=PUBLIC_KEY, repr=False
    )  # crosses in a pipe: no list of processes shows it


class Engine(Protocol):
    """What can render jobs, once it is loaded."""

    model: str
    device: str
    voices: tuple[str, ...]
    enrols: bool

    @property
    def tasks(self) -> Tasks:
        """What jobs run in, side by side."""

    @property
    def memory(self) -> int:
        """Bytes in use, 0 where unknown."""

    def render(self, job: Job, step: Step, heard: Heard) -> float:
        """As one of `tasks`: write the file at `job.path`; its seconds. Raises JobError, DeviceError, and Stopped.

        For a job with `stream` the file grows at `synth.growing.aside(job.path)`, and `heard` is called.
        """

    def hear(self, work: Hear, step: Step) -> HeardSaid:
        """As one of `tasks`: what is said in a recording. Raises JobError, DeviceError, and Stopped."""

    def make_voice(self, work: MakeVoice, step: Step) -> VoiceMade:
        """As one of `tasks`: write the voice of a recording at `work.out`. Raises the same."""


def main(inbox: SimpleQueue[bytes], events: Connection, options: WorkerOptions) -> None:
    """What `Life` runs in a new process."""
    if hasattr(os, "nice"):  # before the first thread: each has the rank of the one that began it
        os.nice(BEHIND)
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("%(asctime)s %(levelname)s synth %(name)s: %(message)s"))
    logging.basicConfig(level=options.log_level, handlers=[handler])

    def load(tell: Tell) -> Engine:
        from synth.engine import load_engine  # noqa: PLC0415 -- torch takes seconds: signals are handled before that

        return load_engine(options, tell)

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


class Worker:
    """The loop, and the jobs that wait and run in it."""

    def __init__(self, inbox: SimpleQueue[bytes], outbox: Outbox) -> None:
        self._inbox, self._outbox = inbox, outbox
        self._waiting: collections.deque[Work] = collections.deque()
        self._running: dict[str, Running] = {}
        self._draining = False
        self._idle = True  # nothing would be lost by ending now

    def on_term(self, _signal: int, _frame: FrameType | None) -> None:
        """SIGTERM: end after the jobs at hand, at once if there are none. The next one has its usual effect."""
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
                seats=engine.tasks.seats,
                enrols=engine.enrols,
                seconds=time.monotonic() - started,
            )
        )

    def work(self) -> None:
        """Jobs, side by side, until drained."""
        while True:
            self._listen()
            self._admit()
            if self._running:
                self._work_a_little()
            elif self._draining:
                return

    def _work_a_little(self) -> None:
        """A turn for all jobs."""
        began = time.monotonic()
        self._engine.tasks.turn()
        share = (time.monotonic() - began) / len(self._running)
        for running in list(self._running.values()):
            running.cost += share
            self._tell(running)

    def _listen(self) -> None:
        """Take what came; with nothing to do, wait for it."""
        while not (self._running or self._waiting or self._draining):
            self._idle = True
            data = self._inbox.get()
            self._idle = False
            self._take(data)
        self.look()

    def look(self) -> None:
        """Take what came, without waiting for more."""
        while not self._inbox.empty():
            self._take(self._inbox.get())

    def _take(self, data: bytes) -> None:
        match decode(data):
            case Job() | Hear() | MakeVoice() as job:
                self._waiting.append(job)
            case Drain():
                self._draining = True
            case Cancel(job=name) if name in self._running:
                self._engine.tasks.cancel(self._running[name].task)
                self._tell(self._running[name])
            case Cancel(job=name):
                self._drop(name)
            case message:
                log.error("the parent sent what only its child may send: %r", message)

    def _drop(self, name: str) -> None:
        for job in [job for job in self._waiting if job.id == name]:
            self._waiting.remove(job)
            self._outbox.send(Cancelled(job=name))

    def _admit(self) -> None:
        for job in list(self._waiting):
            if not self._draining and self._has_room(job):
                self._waiting.remove(job)
                begun = self._engine.tasks.start(functools.partial(self._do, job))
                self._running[job.id] = Running(job=job, task=begun, started=time.monotonic())

    def _has_room(self, job: Work) -> bool:
        """Recordings do not wait for seats, but for one another: they have a turn beside those who sit."""
        seats = self._engine.tasks.seats if isinstance(job, Job) else 1
        return seats > sum(isinstance(each.job, Job) == isinstance(job, Job) for each in self._running.values())

    def _do(self, job: Work) -> float | HeardSaid | VoiceMade:
        """As a task: the job."""
        steps = Steps(job.id, self._outbox, Pace())
        match job:
            case Hear():
                return self._engine.hear(job, steps)
            case MakeVoice():
                return self._engine.make_voice(job, steps)
            case Job():
                return self._engine.render(job, steps, functools.partial(self._sound, job))

    def _sound(self, job: Job, size: int, seconds: float) -> None:
        self._outbox.send(Sound(job=job.id, path=job.path, bytes=size, seconds=seconds))

    def _tell(self, running: Running) -> None:
        """The job's one final message, if it is done. DeviceError ends the process, and so all jobs, instead."""
        if running.task.done:
            del self._running[running.job.id]
            self._outbox.send(self._outcome(running))

    def _outcome(self, running: Running) -> Done | Failed | Cancelled:
        job = running.job
        try:
            result: float | HeardSaid | VoiceMade = running.task.result()
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
        if not isinstance(job, Job) or not isinstance(result, float | int):
            return cast("HeardSaid | VoiceMade", result)
        return Finished(
            job=job.id,
            path=job.path,
            seconds=result,
            took=time.monotonic() - running.started,
            cost=running.cost,
            seed=job.seed,
            model=self._engine.model,
        )


@dataclasses.dataclass(kw_only=True, eq=False, slots=True)
class Running:
    """A job in work."""

    job: Work
    task: Task
    started: float
    cost: float = 0.0  # seconds, its share of the turns


def _follow_parent() -> None:
    """In a thread: the process ends with its parent, whatever it is doing. A child waiting in get() would not notice."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(ExitCode.PARENT_GONE)
