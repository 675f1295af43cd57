"""Many lives of one bot: a process that a test starts, kills and starts again, against one loopback Discord."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from bot.app import DATABASE
from bot.loopback.server import Loopback
from tests.bot.accepted import everybody_accepts


class MovedClock:
    """The machine's clock, moved ahead by hand. The bot's process reads the same file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ahead = 0.0
        self.path.write_text("0")

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move both clocks, the loopback's and the bot's."""
        self._ahead += seconds
        aside = self.path.with_suffix(".new")
        aside.write_text(str(self._ahead))
        aside.replace(self.path)


class Lives:
    """The bot's process. `errors` is what the lives wrote to standard error."""

    def __init__(self, discord: Loopback, folder: Path, clock: MovedClock) -> None:
        self._discord, self._folder, self._clock = discord, folder, clock
        self._process: asyncio.subprocess.Process | None = None
        self.errors = folder / "stderr.txt"
        everybody_accepts(discord, folder / DATABASE)

    async def begin(self, die_at: str = "") -> None:
        """Start a life and wait until it is connected, or has died by itself as it was told to."""
        arguments = [str(self._folder), self._discord.api_url, self._discord.gateway_url, str(self._clock.path)]
        with self.errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.fakes.bot", *arguments, *([die_at] if die_at else [])),
                env=os.environ | {"BARKBOT_TOKEN": self._discord.token, "BARKBOT_DISCORD__PROGRESS_EVERY": "0.5"},
                stderr=errors,
            )
        connected = asyncio.create_task(self._discord.gateway.ready(timeout=30))
        ended = asyncio.create_task(self._process.wait())
        await asyncio.wait({connected, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (connected, ended):
            task.cancel()
        await asyncio.gather(connected, ended, return_exceptions=True)

    @property
    def alive(self) -> bool:
        """Whether the present life goes on."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Of the present life."""
        return self._process.pid if self._process is not None else None

    def children(self) -> list[psutil.Process]:
        """The synth processes of the present life."""
        if self._process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self._process.pid).children() if is_synth(child)]
        return []

    async def kill(self) -> None:
        """SIGKILL, and wait until Discord notices too."""
        if self._process is not None and self.alive:
            self._process.kill()
        await self.ended()

    async def kill_child(self) -> None:
        """SIGKILL for the synth process, if there is one."""
        for child in self.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """The exit code of the present life, after its connection is gone as well."""
        if self._process is None:
            return 0
        code = await asyncio.wait_for(self._process.wait(), 60)
        await self._discord.until(lambda: not self._discord.gateway.connected)
        return code


def is_synth(process: psutil.Process) -> bool:
    """Whether this is a synth process, and not Python's resource tracker."""
    with contextlib.suppress(psutil.Error):
        return any("spawn_main" in part for part in process.cmdline())
    return False


@contextlib.asynccontextmanager
async def lives_on(discord: Loopback, folder: Path, clock: MovedClock) -> AsyncIterator[Lives]:
    """No process is left behind, however the test ends."""
    lives = Lives(discord, folder, clock)
    try:
        yield lives
    finally:
        await lives.kill()
