"""The parent's half of the process border: keeps a synth child alive and gives it jobs. Standard library only.

`Synth.run()` is one task of the bot; `render()` is called by others. The child is mortal: every death is an event, is
told to the jobs it had, and is followed by a new child. Whether a job is tried again is the caller's decision.

A child that nobody needs for long can be ended (`Patience.unload_after`): memory comes back only with the process. Whoever
waits for a child wakes it.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import uuid
from collections.abc import Callable
from typing import cast

from synth.errors import SynthError
from synth.flight import Flight, JobCancelled, JobFailed, SynthDied, SynthStopped, outcome_of
from synth.life import Life, Target, how_it_ended
from synth.patience import Clock, Patience, SystemClock, within
from synth.protocol import (
    Cancel,
    Cancelled,
    Done,
    Drain,
    ExitCode,
    Failed,
    Finished,
    Hear,
    Heard,
    Job,
    Leaving,
    Loading,
    MakeVoice,
    Message,
    Progress,
    Ready,
    Sound,
    VoiceMade,
    Work,
)

__all__ = [
    "JobCancelled",
    "JobFailed",
    "ModelUnavailable",
    "Patience",
    "State",
    "Synth",
    "SynthDied",
    "SynthStopped",
]

log = logging.getLogger(__name__)

TICK = 0.5  # seconds between two looks of the watchdog


class ModelUnavailable(SynthError):
    """The model cannot be loaded, and trying again did not help; the text says why and what to do."""


class State(enum.StrEnum):
    """What the child is doing."""

    STARTING = "starting"  # for the first time, or after its sleep
    READY = "ready"
    SLEEPING = "sleeping"  # there is none: nobody needed it for a while
    RESTARTING = "restarting"
    STOPPED = "stopped"


class Synth:
    """A synth child that is always there, as far as that can be.

    `target` is what the child runs (`synth.worker.main`) and `options` its last argument. `state`, `ready`, `loading`,
    `last` and `deaths` may be read at any time; `changed()` waits for them to change.
    """

    def __init__(
        self, target: Target, options: object, *, patience: Patience | None = None, clock: Clock | None = None
    ) -> None:
        self._target, self._options = target, options
        self._patience, self._clock = patience or Patience(), clock or SystemClock()
        self._flights: dict[str, Flight] = {}  # in the order in which the child begins them
        self._life: Life | None = None
        self._heard = self._born = self._needed = 0.0
        self._why = ""  # the child is ending, where that is known
        self._useful = False  # this child finished something
        self._change = asyncio.Event()
        self._stopping, self._stopped = asyncio.Event(), asyncio.Event()
        self._stopped.set()  # until run() begins
        self._wanted = asyncio.Event()  # a child, or the end
        self.state = State.STARTING
        self.ready: Ready | None = None
        self.last: Ready | None = None  # what a child said that was ready, also while none is
        self.loading: Loading | None = None
        self.deaths = 0

    @property
    def voices(self) -> tuple[str, ...]:
        """The names that the model knows, also while its child restarts; empty before the first one was ready."""
        return self.last.voices if self.last else ()

    @property
    def pid(self) -> int | None:
        """Of the child that lives now."""
        return self._life.pid if self._life else None

    async def changed(self) -> None:
        """Wait until `state`, `ready` or `loading` changes."""
        await self._change.wait()

    async def until_ready(self) -> Ready:
        """Wait for a child that takes jobs, and wake it if it sleeps; SynthStopped if there will be none."""
        while not self.ready or self._stopping.is_set():
            if self._stopping.is_set() or self.state is State.STOPPED:
                raise SynthStopped
            self._wanted.set()
            await self.changed()
        self._needed = self._clock.now()
        return self.ready

    async def run(self) -> None:
        """Keep a child alive until drain() or close(), or until this is cancelled. ModelUnavailable if there is no use."""
        self._stopped.clear()
        try:
            await self._restarting()
        finally:
            self._stopping.set()
            self._stopped.set()
            self._become(State.STOPPED)

    async def render(
        self,
        job: Job,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_sound: Callable[[Sound], None] = lambda _: None,
    ) -> Finished:
        """One job, from the wait for a child to the finished file. With `job.stream`, `on_sound` hears of it as it grows.

        Cancelling this cancels the job, and removes its file should it be finished at that moment.
        Raises JobFailed, JobCancelled, SynthDied, SynthStopped.
        """
        return cast("Finished", await self._fly(job, on_progress, on_sound))

    async def hear(self, path: str) -> Heard:
        """What is said in a recording (absolute path), and how good it is. Its file is read as hostile, and stays.

        Cancelling this stops it. Raises as `render`; JobFailed says with its `reason` what is wrong with the recording.
        """
        return cast("Heard", await self._fly(Hear(id=uuid.uuid4().hex, path=path)))

    async def make_voice(self, path: str, out: str) -> VoiceMade:
        """A recording (absolute path) as a voice, a history prompt at `out` (absolute, .npz). Otherwise as `hear`."""
        return cast("VoiceMade", await self._fly(MakeVoice(id=uuid.uuid4().hex, path=path, out=out)))

    async def _fly(
        self,
        job: Work,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_sound: Callable[[Sound], None] = lambda _: None,
    ) -> Done:
        """Hand a job to the child, and wait for its end."""
        await self.until_ready()
        while earlier := self._flights.get(job.id):  # cancelled, but not yet given up by the child
            await earlier.over.wait()
            await self.until_ready()
        result = asyncio.get_running_loop().create_future()
        flight = Flight(job=job, on_progress=on_progress, on_sound=on_sound, result=result)
        if not self._flights:
            self._heard = self._clock.now()  # it was silent because it had nothing to do
        self._flights[job.id] = flight
        self._send(job)
        try:
            return await flight.result
        except asyncio.CancelledError:
            self.cancel(job.id)
            flight.abandon()
            raise

    def cancel(self, job_id: str) -> None:
        """Ask the child to stop this job; its render() raises JobCancelled, unless the job ends first."""
        if job_id in self._flights:
            self._send(Cancel(job=job_id))

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 -- on the injected clock, and it does not raise
        """Take no more jobs, let those at hand end within `timeout` seconds, then end the child."""
        self._stop()
        if self._life and self.ready and self._flights:
            self._send(Drain())
            await within(self._clock, timeout, self._stopped.wait())
        await self.close()

    async def close(self) -> None:
        """End the child now. Jobs at hand get SynthDied."""
        self._stop()
        if self._life:
            self._life.kill()
        await self._stopped.wait()

    def _stop(self) -> None:
        self._stopping.set()
        self._wanted.set()
        self._become(self.state)  # whoever waits for a child is told that none will come

    async def _restarting(self) -> None:
        """One life after another."""
        quick_deaths = model_failures = 0
        while not self._stopping.is_set():
            code = await self._live()
            if self.state is State.SLEEPING:
                quick_deaths = model_failures = 0
                await self._wanted.wait()
                self._become(State.STARTING)
                continue
            if self._stopping.is_set():
                break
            model_failures = model_failures + 1 if code == ExitCode.MODEL else 0
            if model_failures >= self._patience.model_tries:
                raise ModelUnavailable(self._why or "the model cannot be loaded; the log says more")
            stable = self._useful or self._clock.now() - self._born >= self._patience.stable_after
            quick_deaths = 1 if stable else quick_deaths + 1
            delay = self._patience.restart_delay(quick_deaths)
            log.warning("the synth process ended (%s); the next one starts in %.1f s", how_it_ended(code), delay)
            if delay:
                await within(self._clock, delay, self._stopping.wait())

    async def _live(self) -> int | None:
        """One life; its exit code, None if it could not begin or is not known."""
        self._why, self._useful, self._born = "", False, self._clock.now()
        self._heard = self._born
        try:
            life = self._life = Life(self._target, self._options, self._hear)
        except OSError:
            log.exception("the system starts no new process")
            return None
        self._become(self.state)  # there is a pid now
        watchdog = asyncio.create_task(self._watch(life), name="synth watchdog")
        code = None
        try:
            code = await life.ended()
            return code
        finally:
            watchdog.cancel()
            at_hand = self.ready.seats if self.ready else 0
            self._life, self.ready, self.loading = None, None, None
            asleep = self.state is State.SLEEPING  # it was ended, and had no job
            self.deaths += not (asleep or self._stopping.is_set())
            self._end_flights(code, at_hand)
            self._become(State.SLEEPING if asleep else State.RESTARTING)

    def _end_flights(self, code: int | None, at_hand: int) -> None:
        """Tell those whose child died. The first `at_hand` jobs were in work; recordings have no seat, and need none."""
        jobs = 0
        for flight in self._flights.values():
            seated = isinstance(flight.job, Job)
            blamed = (jobs < at_hand or not seated) and not self._stopping.is_set()
            jobs += seated
            flight.end(SynthDied(exit_code=code, running=blamed, why=self._why))
        self._flights.clear()

    async def _watch(self, life: Life) -> None:
        """Kill a child that gives no sign of life although it should: a hang must look like a hang."""
        while True:
            await self._clock.sleep(TICK)
            if self._unneeded():
                self._fall_asleep(life)
                return
            silence = self._clock.now() - self._heard
            if not self.ready and silence >= self._patience.ready_within:
                self._why = f"it was not ready after {silence:.0f} s of silence"
            elif self.ready and self._flights and silence >= self._patience.hang_after:
                self._why = f"no sign of life for {silence:.0f} s"
            else:
                continue
            log.error("the synth process %d hangs and is ended: %s", life.pid, self._why)
            life.kill()
            return

    def _unneeded(self) -> bool:
        if self._flights or not self.ready or self._stopping.is_set() or not self._patience.unload_after:
            return False
        return self._clock.now() - self._needed >= self._patience.unload_after

    def _fall_asleep(self, life: Life) -> None:
        """End a child that does nothing. From this moment on whoever asks for one waits for the next."""
        log.info("nobody needed the synth process for %.0f s: it is ended until then", self._patience.unload_after)
        self._wanted.clear()
        self.ready = None
        self._become(State.SLEEPING)
        life.kill()

    def _hear(self, message: Message) -> None:
        """One message of the child."""
        self._heard = self._clock.now()
        match message:
            case Progress() | Sound():
                self._report(message)
            case Finished() | Heard() | VoiceMade() | Failed() | Cancelled():
                self._useful |= isinstance(message, Done)
                self._end(message)
            case Loading():
                self.loading = message
                self._become(self.state)
            case Ready():
                self.ready, self.last, self.loading = message, message, None
                self._needed = self._clock.now()
                self._become(State.READY)
                log.info(
                    "the synth process is ready: %s on %s in %.1f s", message.model, message.device, message.seconds
                )
            case Leaving():
                self._why = message.sentence
                log.error("the synth process gives up (%s): %s", message.code.name, message.sentence)
            case _:
                log.error("the synth process sent what only its parent may send: %r", message)

    def _report(self, message: Progress | Sound) -> None:
        flight = self._flights.get(message.job)
        if not flight or flight.result.done() or (isinstance(message, Sound) and message.path != flight.job.path):
            return
        try:
            flight.report(message)
        except Exception:  # a listener's mistake must not deafen everybody
            log.exception("a listener to a job failed")

    def _end(self, message: Done | Failed | Cancelled) -> None:
        if flight := self._flights.pop(message.job, None):
            self._needed = self._clock.now()
            flight.end(outcome_of(message))

    def _send(self, message: Message) -> None:
        if self._life:
            self._life.send(message)

    def _become(self, state: State) -> None:
        self.state = state
        self._change.set()
        self._change = asyncio.Event()
