"""One life of the synth child, seen from the parent: spawned, spoken to, heard, and buried. `process.py` gives it the next.

Queue and pipe belong to this life alone: a child killed in `get()` keeps the queue's lock for ever, and a pipe that only
the child can write to ends in a clean end of file when it dies. Standard library only: the bot imports this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any

from synth.protocol import ExitCode, Message, decode, encode

log = logging.getLogger(__name__)

Target = Callable[["SimpleQueue[bytes]", "Connection", Any], None]
"""What the child runs, a function that can be imported by name: (inbox, events, options)."""

LONGEST_MESSAGE = 1 << 20  # bytes; a list of a thousand voices is 30 kB
AFTERLIFE = 5.0  # seconds between the end of the pipe and the end of the process, either way round, before a SIGKILL
SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|_KEY$|_KEY_|APIKEY|^DATABASE_URL$|_AUTH$", re.IGNORECASE)
NEEDED = frozenset(
    {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "TOKENIZERS_PARALLELISM"}
)  # by whoever fetches models
BOT_TOKEN = re.compile(r"[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}")  # whatever it is called


class Life:
    """A child process from its start to its end. Made in a running event loop; `ended()` must be awaited once.

    `hear` gets every message, in order, on the loop. What is no message ends the life: bytes can no longer be trusted.
    """

    def __init__(self, target: Target, options: object, hear: Callable[[Message], None]) -> None:
        """OSError where the system has no room for another process."""
        context = multiprocessing.get_context("spawn")
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._exited, self._silent = asyncio.Event(), asyncio.Event()
        self._deaf = False
        with _empty_main(), _without_secrets():  # around the queue too: the first one starts Python's resource tracker
            self._inbox: SimpleQueue[bytes] = context.SimpleQueue()
            self._events, theirs = context.Pipe(duplex=False)
            self._process = context.Process(
                target=target, args=(self._inbox, theirs, options), name="synth", daemon=True
            )
            try:
                self._process.start()
            except BaseException:
                self._events.close()
                self._inbox.close()
                raise
            finally:
                theirs.close()  # or the pipe would never end
        self.pid = self._process.pid or 0
        # A queue's put() blocks when nobody reads: it must not be the event loop that waits for a hanging child.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="synth-writer")
        self._reader = threading.Thread(target=self._read, name="synth-reader", daemon=True)
        self._reader.start()
        self._loop.add_reader(self._process.sentinel, self._on_exit)

    def send(self, message: Message) -> None:
        """Hand a message over; it is lost if the child dies first."""
        with contextlib.suppress(RuntimeError):  # the life is over and its writer gone
            self._writer.submit(self._inbox.put, encode(message))

    def kill(self) -> None:
        """SIGKILL, unless it is dead already."""
        with contextlib.suppress(ValueError):  # buried
            self._process.kill()

    async def ended(self) -> int | None:
        """Wait for the death and give everything back; the exit code, negative for a signal, None if unknown.

        Cancelling this kills the child.
        """
        try:
            await _first(self._exited, self._silent)
            # Dead, but its last messages may still be in the pipe; or silent, but not dead yet.
            await _both(self._exited, self._silent, within=AFTERLIFE)
        finally:
            self.kill()
            code = await self._bury()
        return code

    async def _bury(self) -> int | None:
        try:
            await _both(self._exited, self._silent, within=AFTERLIFE)
        finally:
            self._deaf = True
            self._loop.remove_reader(self._process.sentinel)
            self._inbox.close()  # a writer that waits for room gets an error now
            self._writer.shutdown(wait=False, cancel_futures=True)
        self._process.join(1.0)  # the sentinel comes a moment before the exit code
        code = self._process.exitcode
        if code is None:
            log.error("the synth process %d does not die: it is stuck in the kernel", self.pid)
        else:
            self._process.close()
        return code

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._exited.set()

    def _read(self) -> None:
        """In a thread: a half-written message blocks whoever reads it."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            with self._events, contextlib.suppress(EOFError, OSError):
                while True:
                    self._loop.call_soon_threadsafe(self._receive, self._events.recv_bytes(LONGEST_MESSAGE))
            self._loop.call_soon_threadsafe(self._silent.set)

    def _receive(self, data: bytes) -> None:
        if self._deaf:
            return
        try:
            message = decode(data)
        except ValueError:
            log.exception("the synth process %d wrote what is no message, and is ended", self.pid)
            self._deaf = True
            self.kill()
        else:
            self._hear(message)


async def _first(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _both(one: asyncio.Event, other: asyncio.Event, *, within: float) -> None:
    """Until both are set, or `within` seconds have passed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await one.wait()
            await other.wait()


@contextlib.contextmanager
def _empty_main() -> Iterator[None]:
    """Spawning runs the parent's main module again in the child, with all that it imports. The child needs none of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_secrets() -> Iterator[None]:
    """A child gets its parent's environment. What it has no use for and others could use is not for it, above all the bot's token."""
    hidden = {name: os.environ.pop(name) for name, value in list(os.environ.items()) if _is_secret(name, value)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _is_secret(name: str, value: str) -> bool:
    return (name not in NEEDED and bool(SECRET.search(name))) or bool(BOT_TOKEN.search(value))


def how_it_ended(exit_code: int | None) -> str:
    """An exit code in words: its name, or the signal's."""
    if exit_code is None:
        return "unknown"
    with contextlib.suppress(ValueError):
        return signal.Signals(-exit_code).name if exit_code < 0 else ExitCode(exit_code).name
    return f"exit code {exit_code}"
