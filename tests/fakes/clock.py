"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio


class HandClock:
    """Monotonic seconds, moved by `advance`; sleepers wake when their moment is reached."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._another = asyncio.Event()

    def now(self) -> float:
        """The seconds it shows."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Until it shows that much more."""
        if seconds <= 0:
            return
        wake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, wake))
        self._another.set()
        await wake

    def advance(self, seconds: float) -> None:
        """Move on, and wake who is due."""
        self._now += seconds
        due = [wake for moment, wake in self._sleepers if moment <= self._now]
        self._sleepers = [(moment, wake) for moment, wake in self._sleepers if moment > self._now]
        for wake in due:
            if not wake.done():
                wake.set_result(None)

    async def asleep(self, seconds: float) -> None:
        """Until somebody has exactly so long to sleep."""
        while not any(moment - self._now == seconds and not wake.done() for moment, wake in self._sleepers):
            self._another.clear()
            await self._another.wait()
