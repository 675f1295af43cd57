"""Short clips to hear voices by: rendered once, at the first demand, and kept until the model changes.

They come after everybody's jobs: one at a time, begun only while the synth process has a seat that no job takes, and given up
for a job that comes and finds none.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import shutil
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path

from bot import private, texts
from bot.kept import Kept
from bot.presets import SENTENCES
from bot.voices import Library, Voice
from synth import protocol
from synth.process import JobCancelled, JobFailed, Synth, SynthDied, SynthStopped

log = logging.getLogger(__name__)

SAMPLE = "sample"  # who borrows a voice's file: there is one at a time
SEED = 1  # always the same: a voice is compared with others by one try each
LONGEST = 10.0  # seconds of a clip
PATIENCE = 300.0  # seconds in which a seat must become free: well within the life of an interaction's token
LOOK_AGAIN = 2.0  # seconds after which it is looked at the seats, also if no job has ended
UPLOAD = 8 << 20  # bytes; a clip of some seconds has a hundredth


class NoPreview(Exception):
    """There is no clip of this voice. Why: a sentence of texts.py without holes, to be said to each who asked."""


class Previews:
    """The clips, by model and voice."""

    def __init__(
        self,
        *,
        synth: Synth,
        library: Library,
        folder: Path,
        seats: Callable[[], int],
        sentences: Mapping[str, str] = SENTENCES,
    ) -> None:
        self._synth, self._library, self._folder, self._seats = synth, library, folder, seats
        self._sentences = sentences
        self._deadly: set[Path] = set()  # the synth process died under these: not again in this life
        self._turn = asyncio.Lock()
        self._making: dict[Path, asyncio.Task[Path]] = {}
        self._seat = asyncio.Event()
        self._at_hand: str | None = None  # the id of the job

    async def ready(self, voice: Voice) -> Path | None:
        """The clip, if it is there already."""
        path = self._path(voice)
        return path if path is not None and await asyncio.to_thread(path.is_file) else None

    async def make(self, voice: Voice) -> Path:
        """The clip, rendered if it is not there. NoPreview. Cancelling this leaves the work to others who want it."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._synth.until_ready()
                path = self._path(voice)
                if path is None:
                    raise NoPreview(texts.STOPPING)
                if path not in self._making:
                    self._making[path] = task = asyncio.create_task(
                        self._render(voice, path), name=f"preview {path.name}"
                    )
                    task.add_done_callback(functools.partial(self._made, path))
                return await asyncio.shield(self._making[path])
        except TimeoutError:
            raise NoPreview(texts.PREVIEW_BUSY) from None
        except SynthStopped:
            raise NoPreview(texts.STOPPING) from None

    def give_way(self) -> None:
        """A job is about to be begun: if there is one seat only for both, the sample waits."""
        if self._at_hand is not None and self._seats() < 2:
            self._synth.cancel(self._at_hand)

    def seat_free(self) -> None:
        """A job has ended: there may be a seat."""
        self._seat.set()

    def keep_only(self, model: str) -> None:
        """Remove the clips of all other models."""
        private.folder(self._folder)
        for path in self._folder.iterdir():
            if path.name != _file_name(model):
                shutil.rmtree(path, ignore_errors=True)

    def forget(self, voice: Kept) -> None:
        """Remove the clips of a voice that is gone."""
        for path in self._folder.glob(f"*/{_clip_name(voice)}"):
            path.unlink(missing_ok=True)

    async def close(self) -> None:
        """End what is being made."""
        left = list(self._making.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _made(self, path: Path, task: asyncio.Task[Path]) -> None:
        self._making.pop(path, None)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more

    async def _render(self, voice: Voice, path: Path) -> Path:
        async with self._turn:
            if await asyncio.to_thread(path.is_file):
                return path
            if path in self._deadly:
                raise NoPreview(texts.FAILED["internal"])
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            while self._seats() < 1 or not await self._try(voice, path):
                self._seat.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._seat.wait(), LOOK_AGAIN)
            return path

    async def _try(self, voice: Voice, path: Path) -> bool:
        """Render it; False if it gave way. NoPreview, SynthStopped."""
        order = self._order(voice, path)
        self._at_hand = order.id
        try:
            await self._synth.render(order)
        except JobCancelled:
            return False
        except JobFailed as failure:
            log.warning("no preview of %s: %s %s", voice.key, failure.reason, failure.detail)
            raise NoPreview(_why(failure.reason)) from None
        except SynthDied as death:
            self._deadly.add(path)
            log.warning("no preview of %s: %s", voice.key, death)
            raise NoPreview(texts.FAILED["internal"]) from None
        finally:
            self._at_hand = None
            self._library.give_back(SAMPLE)
        return True

    def _order(self, voice: Voice, path: Path) -> protocol.Job:
        language = None if isinstance(voice, Kept) else voice.language
        return protocol.Job(
            id=f"preview {path.name}",
            text=self._sentences[language or "en"],
            path=str(path.resolve()),
            seed=SEED,
            voice=voice.name,
            voice_files={voice.name: self._library.lend(voice, SAMPLE)} if isinstance(voice, Kept) else {},
            max_seconds=LONGEST,
            max_bytes=UPLOAD,
        )

    def _path(self, voice: Voice) -> Path | None:
        """Where the clip is or will be; None as long as the model is not known."""
        ready = self._synth.ready
        return self._folder / _file_name(ready.model) / _clip_name(voice) if ready else None


def _why(reason: str) -> str:
    """The sentence for what the synth process says; its figures are of no use here."""
    known, usual = texts.FAILED.get(reason, "{"), texts.FAILED["internal"]
    return usual if "{" in known else known


def _clip_name(voice: Voice) -> str:
    return f"{_file_name(voice.key)}.ogg"


def _file_name(name: str) -> str:
    """The name as one part of a path, whatever it holds. No two names give the same."""
    return urllib.parse.quote(name, safe="") if name.strip(".") else f"%2E{len(name)}"
