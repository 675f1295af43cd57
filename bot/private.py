"""What the bot writes is for its own user alone: texts, voices and audio of people are in it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
OTHERS = 0o077  # the rights of everybody else


def by_default() -> None:
    """From now on every file and folder that this process and its children make."""
    os.umask(OTHERS)


def folder(path: Path) -> None:
    """Make this folder if it is not there; one that others could look into is closed. OSError."""
    path.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    _close(path, FOLDER)


def file(path: Path) -> None:
    """Make this file, empty, if it is not there; one that others could read is closed. OSError."""
    path.touch(FILE)
    _close(path, FILE)


def _close(path: Path, mode: int) -> None:
    if path.stat().st_mode & OTHERS:
        with contextlib.suppress(OSError):  # some file systems know no such rights
            path.chmod(mode)
