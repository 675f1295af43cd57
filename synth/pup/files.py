"""Files that are whole or not there, and the time a call may take."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file aside, sync it, rename it: a kill leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.part")
    with aside.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, content: Any) -> None:
    """One JSON value, indented."""
    write_whole(path, lambda file: file.write((json.dumps(content, indent=1) + "\n").encode()))


class Deadline:
    """When a call has to stop; what it has not done, the next one goes on with."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` from now; None: never."""
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def over(self) -> bool:
        """Whether the time is up."""
        return self._end is not None and self._clock() >= self._end
