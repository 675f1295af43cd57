"""Step 4, render: one loop claims jobs, hands them to the synth process, and writes down what came of them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from bot.flow import clips, made, queue
from bot.flow.job import Job
from bot.flow.pace import Pace
from bot.flow.progress import Board
from bot.flow.script import script
from bot.store import Store, recall, remember
from synth import protocol
from synth.process import JobCancelled, JobFailed, State, Synth, SynthDied, SynthStopped

log = logging.getLogger(__name__)

REQUEST = 24 << 20  # bytes of all files of one message: Discord takes 25 MiB, words included
GIVING_BACK = 5.0  # seconds for that: with a full disk it would take for ever, and the next start does the same


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How jobs are rendered where the asker did not say. `voice` None: the model's first."""

    voice: str | None
    text_temp: float
    waveform_temp: float
    min_eos_p: float


class Renderer:
    """The loop between the queue and the synth process."""

    def __init__(
        self,
        *,
        store: Store,
        synth: Synth,
        board: Board,
        clock: Callable[[], float],
        folder: Path,
        lease: str,
        settings: Settings,
        settled: Callable[[], None],
        voice_files: Callable[[Job], dict[str, str]] = lambda _: {},
        lend: Callable[[Job], AbstractAsyncContextManager[dict[str, str]]] = lambda _: contextlib.nullcontext({}),
        heard: Callable[[protocol.Sound], None] = lambda _: None,
        silent: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`lend`: member voices for as long as a job is rendered.

        `heard`: there is more sound of a job; `silent`: there will be no more of this try, whose outcome is written down.
        """
        self._heard, self._silent = heard, silent
        self._store, self._synth, self._board, self._clock = store, synth, board, clock
        self._folder, self._lease, self._settings, self._settled = folder, lease, settings, settled
        self._voice_files, self._lend = voice_files, lend
        self._task: asyncio.Task[Any] | None = None
        self._stopping = False
        self._works: set[asyncio.Task[None]] = set()  # jobs at hand
        self._at_hand: dict[int, Job] = {}
        self._halted: set[int] = set()  # those at hand that go back to the queue
        self.wake = asyncio.Event()
        self.pace = Pace()

    async def run(self) -> None:
        """Render what waits, as many jobs at once as the synth process takes, until `stop`."""
        self._task = asyncio.current_task()
        self.pace = Pace(**await self._store.insist(recall, "pace", dataclasses.asdict(self.pace)))
        async with asyncio.TaskGroup() as group:
            with contextlib.suppress(SynthStopped):
                while not self._stopping:
                    await self._turn(group)

    async def _turn(self, group: asyncio.TaskGroup) -> None:
        """Claim and begin one job, or wait until that may be possible. A synth process that sleeps is let sleep till then.

        A job that was at hand when a process died may have killed it: it is rendered alone, so that it takes nobody
        with it again.
        """
        self.wake.clear()
        if self._synth.state is State.SLEEPING and not await self._store.insist(queue.waiting):
            await self.wake.wait()
            return
        ready = await self._synth.until_ready()
        if self._stopping:
            return
        job = None
        if len(self._works) < ready.seats:
            job = await self._store.insist(queue.claim, self._lease, self._clock())
        if job is None:
            await self.wake.wait()
            return
        self._board.changed.set()
        others = set(self._works) if job.deaths else set()
        work = group.create_task(self._render(job, ready, after=others), name=f"render {job.id}")
        self._works.add(work)
        work.add_done_callback(self._ended)
        if job.deaths:
            await asyncio.wait({work})

    def _ended(self, work: asyncio.Task[None]) -> None:
        self._works.discard(work)
        self._settled()
        self._board.changed.set()
        self.wake.set()

    def halt(self, stops: Callable[[Job], bool]) -> None:
        """The kill switch: what is at hand and has to stop goes back to the queue."""
        for job in filter(stops, list(self._at_hand.values())):
            self._halted.add(job.id)
            self._synth.cancel(str(job.id))

    def free_seats(self) -> int:
        """Seats of the synth process that no job takes."""
        return self._synth.ready.seats - len(self._works) if self._synth.ready else 0

    async def stop(self, patience: float) -> None:
        """Claim nothing more; the jobs at hand have `patience` seconds to finish, else they go back to the queue."""
        self._stopping = True
        self.wake.set()
        if self._works:
            await asyncio.wait(self._works, timeout=patience)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=GIVING_BACK)

    async def _render(self, job: Job, ready: protocol.Ready, after: set[asyncio.Task[None]]) -> None:
        voice = job.voice or self._settings.voice or next(iter(ready.voices), None)
        self._at_hand[job.id] = job
        try:
            if after:
                await asyncio.wait(after)
            async with self._lend(job) as lent:
                finished = await self._made(job, voice, lent)
        except JobFailed as failure:
            log.warning("%r failed: %s %s", job, failure.reason, failure.detail)
            await self._store.insist(queue.fail, job.id, failure.reason, self._clock())
        except JobCancelled:
            await (
                self._store.insist(queue.give_back, job.id)
                if job.id in self._halted
                else self._store.insist(queue.cancel, job.id, self._clock())
            )
        except SynthDied as death:
            log.warning("the synth process died under %r: %s", job, death)
            await (
                self._store.insist(queue.died, job.id, self._clock())
                if death.running
                else self._store.insist(queue.give_back, job.id)
            )
        except SynthStopped:
            await self._store.insist(queue.give_back, job.id)
        except asyncio.CancelledError:
            await self._store.insist(queue.give_back, job.id)
            raise
        except Exception:
            log.exception("%r failed in a way nobody foresaw", job)
            await self._store.insist(queue.fail, job.id, protocol.Reason.INTERNAL, self._clock())
        else:
            await self._write_down(job, voice, finished)
        finally:
            self._at_hand.pop(job.id, None)
            self._halted.discard(job.id)
            self._silent(job.id)

    async def _made(self, job: Job, voice: str | None, lent: dict[str, str]) -> protocol.Finished:
        if job.id in self._halted:  # before the synth process knew of it
            raise JobCancelled
        return await self._synth.render(self._order(job, voice, lent), self._progress, self._heard)

    def _order(self, job: Job, voice: str | None, lent: dict[str, str]) -> protocol.Job:
        options, usual = job.options, self._settings
        lines = script(job.text, options.kind, options.cast)
        return protocol.Job(
            id=str(job.id),
            text=" ".join(line.text for line in lines),
            lines=tuple(protocol.Line(text=line.text, voice=line.voice) for line in lines) if len(lines) > 1 else (),
            path=str(self._folder / f"{job.id}{options.suffix}"),
            seed=job.seed,
            voice=voice if len(lines) > 1 else lines[0].voice or voice,
            voice_files=self._voice_files(job) | lent,
            takes=options.takes,
            tokens=not options.cue,  # they are the voice, in a form that could be kept
            text_temp=options.text_temp or usual.text_temp,
            waveform_temp=options.waveform_temp or usual.waveform_temp,
            min_eos_p=usual.min_eos_p,
            max_seconds=options.max_seconds,
            max_bytes=min(job.size_limit, REQUEST // options.takes),
            stream=options.speak_in is not None and options.suffix == ".ogg" and options.takes == 1,
            cue=options.cue,
        )

    def _progress(self, progress: protocol.Progress) -> None:
        self._board.step(int(progress.job), progress.stage, progress.done / progress.total if progress.total else 0.0)

    async def _write_down(self, job: Job, voice: str | None, finished: protocol.Finished) -> None:
        self.pace = self.pace.learn(job.text, finished.cost / job.options.takes)
        files = clips.paths(dataclasses.replace(job, path=finished.path))
        hashes = await asyncio.to_thread(made.digests, files)
        still_wanted = await self._store.insist(
            queue.rendered,
            job,
            path=finished.path,
            voice=voice,
            seconds=finished.seconds,
            took=finished.took,
            cost=finished.cost,
            model=finished.model,
            now=self._clock(),
            hashes=hashes,
        )
        await self._store.insist(remember, "pace", dataclasses.asdict(self.pace))
        log.info("%r: %.1f s of audio in %.1f s", job, finished.seconds, finished.took)
        if not still_wanted:  # cancelled a moment before
            await asyncio.to_thread(clips.remove, files)
