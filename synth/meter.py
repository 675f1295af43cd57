"""How far a download is: a bar on a terminal, and a callback for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

from tqdm import tqdm

Progress = Callable[[str, float], None]  # what is being done, and how far (0..1)


class Meter:
    """Bytes done of all bytes: a bar on a terminal, and the caller's callback."""

    def __init__(self, what: str, total: int, progress: Progress) -> None:
        self._what, self._total, self._done, self._progress = f"fetching {what}", total, 0, progress
        self._bar: Any = tqdm(total=total, desc=what, unit="B", unit_scale=True, disable=None if total else True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def move(self, count: int) -> None:
        """`count` more bytes are there (fewer, where it is negative)."""
        self._done += count
        self._bar.update(count)
        self._progress(self._what, min(1.0, self._done / max(1, self._total)))


class CountedFile:
    """The file that http_get writes to: tells the meter of every change."""

    def __init__(self, file: IO[bytes], meter: Meter) -> None:
        self._file, self._meter = file, meter
        self.seek, self.tell = file.seek, file.tell

    def write(self, data: bytes) -> int:
        """Append to the file."""
        self._meter.move(len(data))
        return self._file.write(data)

    def truncate(self) -> int:
        """Drop what is behind the position: the server begins again."""
        before = Path(self._file.name).stat().st_size
        after = self._file.truncate()
        self._meter.move(after - before)
        return after


class NoBar:
    """In the place of huggingface_hub's own bar for each file."""

    def __init__(self, *_args: object, **_settings: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, count: int) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        """Nothing was opened."""
