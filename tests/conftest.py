"""Where the tests keep their files, and their order: those that take longest first, so that two workers end together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LONGEST = (
    "test_crashes.py",
    "test_chaos.py",
    "test_pup_evaluation.py",
    "test_process.py",
    "test_pup_training.py",
    "test_buttons.py",
    "test_build.py",
    "test_speech.py",
)
MEMORY, ROOM = Path("/dev/shm"), 4e9  # noqa: S108 - Linux's disk in memory; the bytes that must be free there


def pytest_configure() -> None:
    """Files lie in memory where there is room. A bot that starts and says a word waits for a real disk some thirty times.

    Nothing is proved less by that: a process that is killed leaves the same file behind either way.
    """
    if not MEMORY.is_dir():
        return
    there = os.statvfs(MEMORY)
    runs_programs = (
        not there.f_flag & os.ST_NOEXEC
    )  # kernels are compiled and loaded from there; containers often forbid it
    if runs_programs and there.f_bavail * there.f_frsize > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order within a file stays."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))
