"""How long the parent waits for what, and by which clock. Standard library only."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable
from typing import Protocol


class Clock(Protocol):
    """Seconds that never go back, and sleep. Tests move one by hand."""

    def now(self) -> float:
        """Seconds since some moment."""

    async def sleep(self, seconds: float) -> None:
        """Until that much later."""


class SystemClock:
    """The machine's monotonic clock."""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(asyncio.sleep)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """Waits, in seconds."""

    ready_within: float = 180.0  # since the last `Loading`: large weights are mapped and moved in one silent step
    hang_after: float = (
        120.0  # without a message while a job runs; the longest step, a fine pass on a slow CPU, is 10 s
    )
    unload_after: float = 0.0  # without a job, or a wait for a child: then it is ended until the next one; 0: never
    backoff: float = 1.0  # before the second restart in a row; doubled each time. The first one is immediate
    backoff_cap: float = 60.0
    stable_after: float = 300.0  # a child that lived so long, or finished a job, starts the count anew
    model_tries: int = 2  # starts that end with `ExitCode.MODEL` before it is taken as final

    def restart_delay(self, quick_deaths: int) -> float:
        """Before the next start, after so many deaths in a row."""
        if quick_deaths <= 1:
            return 0.0
        return min(self.backoff * 2.0 ** min(quick_deaths - 2, 32), self.backoff_cap)


async def within(clock: Clock, seconds: float, wait: Awaitable[object]) -> None:
    """Await something, but no longer than that. Says nothing about which it was."""
    tasks = [asyncio.ensure_future(wait), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
