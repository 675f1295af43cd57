from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.loopback.schema import Schema
from tests.bot.commands.scene import Scene, scene_in


@pytest.fixture(scope="session")
def schema() -> Schema | None:
    """Discord's description, read once."""
    path = os.environ.get("DISCORD_OPENAPI")
    return Schema(Path(path)) if path else None


@pytest.fixture
async def scene(tmp_path: Path, schema: Schema | None) -> AsyncIterator[Scene]:
    async with scene_in(tmp_path, schema) as scene:
        yield scene
