"""Listens to a file while the synth process still writes it. Standard library only: the bot imports it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO

from synth.growing import aside
from synth.ogg import OggOpus, Packet


class Listener:
    """The packets of one job, in order, each once. What it reads stays readable when the job ends, in whatever way."""

    def __init__(self, path: str | Path) -> None:
        """`path`: of the job."""
        self.stream = OggOpus()
        self._path = Path(path)
        self._file: BinaryIO | None = None
        self._read = 0

    def hear(self, size: int) -> list[Packet]:
        """What is new when `size` bytes can be read (`Sound.bytes`); nothing if the file was removed before the first time.

        To be called for the first `Sound` as it comes: the child may be about to give the file its name.
        """
        file = self._file = self._file or self._opened()
        if not file or size <= self._read:
            return []
        data = file.read(size - self._read)
        self._read += len(data)
        return self.stream.push(data)

    def close(self) -> None:
        """Give the file back. Harmless if done twice."""
        if self._file:
            self._file.close()

    def _opened(self) -> BinaryIO | None:
        for path in (aside(self._path), self._path):  # in this order: it moves from the first to the second
            with contextlib.suppress(FileNotFoundError):
                return path.open("rb", buffering=0)
        return None
