from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from tests.bot.loopback.kennel import Kennel, running


class HandClock:
    """Unix seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def schema() -> Schema | None:
    """Discord's OpenAPI description where it is at hand: then every test here checks requests and answers against it."""
    path = os.environ.get("DISCORD_OPENAPI")
    return Schema(Path(path)) if path else None


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def discord_(clock: HandClock, schema: Schema | None) -> AsyncIterator[Loopback]:
    async with Loopback(clock=clock, schema=schema) as discord_:
        yield discord_
    assert discord_.complaints == []  # a test that provokes some clears them


@pytest.fixture
async def client(discord_: Loopback) -> AsyncIterator[Kennel]:
    async with running(discord_, Kennel()) as client:
        yield client
