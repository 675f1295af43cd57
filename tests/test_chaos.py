"""The chaos of test_crashes.py, in a file of its own: it takes as long as all of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_crashes import chaos, check, deferred


@pytest.mark.timeout(600)  # half a minute alone, several where others want the cores
async def test_300_texts_from_30_people_and_20_kills(tmp_path: Path) -> None:
    exchanges = await chaos(tmp_path, seed=1, offered=300, kills=20, people=30)
    acknowledged = [exchange for exchange in exchanges if deferred(exchange)]
    print(f"{len(acknowledged)} of {len(exchanges)} acknowledged")
    assert len(acknowledged) > 150
    for exchange in acknowledged:
        check(exchange)
