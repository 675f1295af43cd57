"""The reply while it is made: place in line, an honest wait, then the stage and percent. One message, edited in place.

Best effort: a lost edit harms nobody. What must not happen is an edit that lands after the answer, so each job has a lock:
an edit looks at the job's state and is sent under it, and so is the last word (`flow/reply.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence

import discord

from bot import i18n, texts
from bot.flow import queue
from bot.flow.job import Job, State
from bot.flow.pace import Pace
from bot.flow.post import ERRORS, Post, Trouble, trouble
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

AT_ONCE = 8  # edits under way together
A_SECOND = 20  # edits beyond those: each takes time that people wait who press and type
EDIT_FOR = 10.0  # seconds for one edit: the answer waits for it


class Board:
    """What each open reply says, and the loop that keeps it true."""

    def __init__(
        self,
        *,
        store: Store,
        post: Post,
        clock: Callable[[], float],
        every: float,
        pace: Callable[[], Pace],
        starting: Callable[[], bool],
        cancel: Callable[[int], None],
        view: Callable[[Job], discord.ui.View],
        halted: Callable[[Job], bool] = lambda _: False,
    ) -> None:
        """`halted`: whether a job has to wait for whoever pressed the kill switch."""
        self.halted = halted
        self._store, self._post, self._clock, self._every = store, post, clock, every
        self._pace, self._starting, self._cancel, self._view = pace, starting, cancel, view
        self._said: dict[int, str] = {}
        self._mute: set[int] = set()  # replies that cannot be edited any more
        self._locks: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: dict[int, tuple[str, float]] = {}  # job -> stage and fraction of the whole
        self.line: tuple[Job, ...] = ()  # what was open at the last round
        self.changed = asyncio.Event()

    def step(self, job: int, stage: str, fraction: float) -> None:
        """A step of the rendering was made."""
        self._running[job] = (stage, fraction)
        self.changed.set()

    def fraction(self, job: int) -> float:
        """How much of a job's rendering is done (0..1)."""
        return self._running.get(job, ("", 0.0))[1]

    @contextlib.asynccontextmanager
    async def last_word(self, job: int) -> AsyncIterator[None]:
        """Hold the job's message: edits under way are over, and none begins."""
        async with self._locks.setdefault(job, asyncio.Lock()):
            yield

    async def run(self) -> None:
        """Edit what changed, at most every `every` seconds."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            spread = await self.refresh()
            await asyncio.sleep(self._every - spread)

    async def refresh(self) -> float:
        """One round over the open replies: as many as fit between two rounds, never all of a long line at once.

        Returns the seconds over which it was spread.
        """
        jobs = await self._store.read(queue.line)
        self._forget_all_but(jobs)
        self.line = tuple(jobs)
        async with asyncio.TaskGroup() as edits:
            due = self._due(jobs)
            for number, (job, words) in enumerate(due):
                await asyncio.sleep(0 if number < AT_ONCE else 1 / A_SECOND)
                edits.create_task(self._edit(job, words), name=f"show progress of {job.id}")
        return max(0, len(due) - AT_ONCE) / A_SECOND

    def _due(self, jobs: Sequence[Job]) -> list[tuple[Job, str]]:
        """What this round says: the jobs being rendered, then who has heard nothing for longest. The rest comes in the next."""
        now, heard = self._clock(), {job: number for number, job in enumerate(self._said)}
        changed = [
            (job, words)
            for job, words in self._words(jobs)
            if self._said.get(job.id) != words and job.id not in self._mute and job.token_lives(now)
        ]
        changed.sort(key=lambda pair: (pair[0].state is not State.RENDERING, heard.get(pair[0].id, -1)))
        room = AT_ONCE + int(A_SECOND * self._every)
        if len(changed) > room:
            self.changed.set()
        return changed[:room]

    def _forget_all_but(self, jobs: Sequence[Job]) -> None:
        open_jobs = {job.id for job in jobs}
        rendering_jobs = {job.id for job in jobs if job.state is State.RENDERING}
        self._said = {job: words for job, words in self._said.items() if job in open_jobs}
        self._mute &= open_jobs
        self._running = {job: step for job, step in self._running.items() if job in rendering_jobs}

    def _words(self, jobs: Sequence[Job]) -> list[tuple[Job, str]]:
        pace, ahead, place, result = self._pace(), 0.0, 0, []
        waiting = sum(job.state is State.QUEUED for job in jobs)
        for job in jobs:
            if job.state is State.RENDERING:
                stage, fraction = self._running.get(job.id, ("semantic", 0.0))
                ahead += job.options.takes * pace.estimate(job.text) * (1 - fraction)
                with i18n.speaking(job.options.locale):
                    result.append((job, rendering(stage, fraction)))
            else:
                place += 1
                ahead += job.options.takes * pace.estimate(job.text)
                with i18n.speaking(job.options.locale):
                    result.append((job, self._line(job, place, waiting, pace.span(ahead))))
        return result

    def _line(self, job: Job, place: int, count: int, span: tuple[float, float]) -> str:
        wait = texts.span(*span)
        if self.halted(job):
            return say(texts.HALTED_WAITING)
        if self._starting():
            return say(texts.STARTING, place=place)
        if job.deaths or job.restarts:
            return say(texts.AGAIN_AFTER_CRASH, wait=wait)
        return say(texts.NEXT, wait=wait) if place == 1 else say(texts.IN_LINE, place=place, count=count, wait=wait)

    async def _edit(self, job: Job, words: str) -> None:
        async with self._slots, self.last_word(job.id):
            current = await self._store.read(queue.get, job.id)
            if current is None or current.state not in (State.QUEUED, State.RENDERING):
                return
            self._said.pop(job.id, None)  # the newest is the last
            self._said[job.id] = words
            try:
                async with asyncio.timeout(EDIT_FOR):
                    await self._post.edit(job, words, view=self._view(job))
            except ERRORS as error:
                log.debug("progress of %r not shown: %s", job, error)
                await self._give_up(job, trouble(error))
            except Exception:  # a mistake of ours, or what is no answer of Discord's: no reason to stop the bot
                log.exception("progress of %r not shown", job)

    async def _give_up(self, job: Job, why: Trouble) -> None:
        """After an edit that failed for good: each further try would count as an invalid request."""
        if why is Trouble.DELETED:  # whoever deletes the reply does not want the answer
            await self._store.insist(queue.cancel, job.id, self._clock(), told=True)
            self._cancel(job.id)
        elif why is not Trouble.PASSING:
            self._mute.add(job.id)


def rendering(stage: str, fraction: float) -> str:
    """The sentence for a job at work."""
    return say(
        texts.RENDERING, bar=texts.bar(fraction), percent=int(fraction * 100), stage=say(texts.STAGES.get(stage, stage))
    )
