"""The order of the tests: files that take longest first, so that two workers end together."""

from __future__ import annotations

import pytest

LONGEST = ("test_chaos.py", "test_crashes.py", "test_pup_evaluation.py", "test_process.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order within a file stays."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))
