"""The bot as a process of its own that a test can kill: the real App with the scripted synth child.

    python -m tests.fakes.bot FOLDER API GATEWAY CLOCK [DIE_AT]          (token in BARKBOT_TOKEN)

CLOCK is a file that holds how many seconds the clock is ahead; the test moves it by hand. With DIE_AT (`before:7`, `after:7`)
the process kills itself around its n-th write to the database.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import config, log
from bot.app import DATABASE, App, signals
from bot.loopback.point import point_discord_at
from bot.store import Store
from tests.bot.harness import scripted, settings


class MortalStore(Store):
    """A store in which the process ends by SIGKILL around the n-th transaction that changes something.

    Before: all of it is done and nothing committed. After: it is committed, and nobody has heard of it.
    """

    moment, number = "", 0
    count = 0

    def _transaction(self, function: Callable[..., Any], *args: Any) -> Any:
        before = self.count

        def counted(db: sqlite3.Connection, *args: Any) -> Any:
            unchanged = db.total_changes
            result = function(db, *args)
            self.count += db.total_changes > unchanged
            self._perhaps_die("before", before)
            return result

        result = super()._transaction(counted, *args)
        self._perhaps_die("after", before)
        return result

    def _perhaps_die(self, moment: str, before: int) -> None:
        if self.count > before and (moment, self.count) == (self.moment, self.number):
            os.kill(os.getpid(), signal.SIGKILL)


class FileClock:
    """The machine's clock, and ahead of it by what a file says."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + float(self._path.read_text() or 0)


async def main(folder: Path, api: str, gateway: str, clock: Path, die_at: str = "") -> None:
    """One life of the bot."""
    log.set_up("WARNING")
    logging.getLogger("bot").setLevel(logging.INFO)
    token = config.take_token()
    store = MortalStore.open(folder / DATABASE, again=0.05)
    if die_at:
        store.moment, number = die_at.split(":")
        store.number = int(number)
    limits = {"waiting_per_user": 1000, "waiting_per_guild": 10_000, "max_wait": 1e9}
    with point_discord_at(api, gateway):
        app = App(config=settings(folder, **limits), token=token, store=store, synth=scripted(), clock=FileClock(clock))
        with signals(app.stop):
            await app.run()
    store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), *sys.argv[5:]))
