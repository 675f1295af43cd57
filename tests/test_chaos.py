"""The chaos of test_crashes.py, in a file of its own: it takes as long as all of that. A thousand texts: make soak."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_crashes import chaos, check, deferred


@pytest.mark.timeout(600)  # a quarter of a minute alone, several where others want the cores
async def test_150_texts_from_30_people_and_10_kills(tmp_path: Path) -> None:
    exchanges = await chaos(tmp_path, seed=1, offered=150, kills=10, people=30)
    acknowledged = [exchange for exchange in exchanges if deferred(exchange)]
    print(f"{len(acknowledged)} of {len(exchanges)} acknowledged")
    assert len(acknowledged) > 75
    for exchange in acknowledged:
        check(exchange)
