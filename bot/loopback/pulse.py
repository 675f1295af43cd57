"""Waiting for a condition without polling: whoever changes the world beats, whoever waits looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Pulse:
    """Wakes all waiters at each `beat()`."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def beat(self) -> None:
        """Something changed."""
        for waiter in tuple(self._waiters):
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], T], *, timeout: float) -> T:  # noqa: ASYNC109 - each look needs its rest
        """The first true value of `condition`, looked at now and after each beat; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not (value := condition()):
                await self.next()
        return value

    def next(self) -> asyncio.Future[None]:
        """Is done at the next beat. Whoever takes it before looking misses none."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        return waiter
