"""A file that grows beside its place, and gets there whole: synced, then renamed. Standard library only."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from synth.errors import DiskFull, JobError


class CannotWrite(JobError):
    """The file cannot be written where it was asked for."""


def aside(path: Path) -> Path:
    """Where a file grows: always the same name, so that what a killed process left is found again."""
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def growing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Adds bytes to `aside(path)`; when the block ends well it becomes `path`, else it is removed. DiskFull, CannotWrite.

    What was added can be read there at once. A reader who has it open keeps it, whatever becomes of its name.
    """
    beside = aside(path)
    with told(path):
        beside.unlink(missing_ok=True)  # never written over: somebody may still read it
        file = beside.open("xb", buffering=0)

    def add(data: bytes) -> None:
        with told(path):
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]

    try:
        with file:
            yield add
            with told(path):
                os.fsync(file.fileno())
        with told(path):
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    with told(path):
        _sync_folder(path.parent)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns the system's refusals into sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DiskFull(f"There is no room left for {path}: free some disk space.") from error
        raise CannotWrite(f"{path} cannot be written: {os.strerror(error.errno or 0)}.") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder last. Not every file system can, and the file itself is safe by then."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
