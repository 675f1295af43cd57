from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.loopback.schema import Schema
from tests.bot.consent.village import Village, village_in


@pytest.fixture(scope="session")
def schema() -> Schema | None:
    """Discord's description, read once."""
    path = os.environ.get("DISCORD_OPENAPI")
    return Schema(Path(path)) if path else None


@pytest.fixture
async def village(tmp_path: Path, schema: Schema | None) -> AsyncIterator[Village]:
    async with village_in(tmp_path, schema) as village:
        await village.open()
        yield village
