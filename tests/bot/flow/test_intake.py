"""Claim by acknowledgement: who answers when the acknowledgement itself goes wrong."""

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest

from bot.app import DATABASE
from bot.flow import queue
from bot.flow.pace import Pace
from bot.loopback.faults import Fault
from bot.loopback.problems import UNKNOWN_WEBHOOK
from bot.loopback.server import Loopback
from tests.bot.harness import answers, bot_on

ACKNOWLEDGE = "POST /interactions/{interaction}/{token}/callback"
LOOK = "GET /webhooks/{application}/{token}/messages/@original"


async def test_two_bots_with_one_token_answer_once(tmp_path: Path) -> None:
    """Both get every event; Discord lets one acknowledge, the other drops it."""
    async with Loopback() as discord, bot_on(discord, tmp_path / "one"), bot_on(discord, tmp_path / "two"):
        exchanges = [await discord.user(f"person {n}").slash("bark", "say", text="hello") for n in range(10)]
        for exchange in exchanges:
            await exchange.until(lambda message: message.attachments)
            assert len(answers(exchange.messages)) == 1


async def test_an_interaction_that_is_no_longer_known_is_dropped(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        discord.faults.add(Fault.unknown_interaction())
        lost = await discord.user("alice").slash("bark", "say", text="hello")
        await discord.until(lambda: discord.faults.struck)
        after = await discord.user("alice").slash("bark", "say", text="again")
        await after.until(lambda message: message.attachments)
        assert await app._store.call(queue.get, lost.id) is None


async def test_an_acknowledgement_whose_answer_was_lost_is_found_out(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        discord.faults.add(Fault.lost_answer(ACKNOWLEDGE))
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        await exchange.until(lambda message: message.attachments)
        assert len(answers(exchange.messages)) == 1


async def test_an_acknowledgement_that_discord_never_took_is_forgotten(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        discord.faults.add(Fault.reset(ACKNOWLEDGE))
        lost = await discord.user("alice").slash("bark", "say", text="hello")
        await discord.until(lambda: discord.faults.struck)
        after = await discord.user("bob").slash("bark", "say", text="hello")
        await after.until(lambda message: message.attachments)
        async with asyncio.timeout(10):
            while await app._store.call(queue.get, lost.id) is not None:  # noqa: ASYNC110 - a row has no event
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    "first_look",
    [Fault.problem(UNKNOWN_WEBHOOK, LOOK), Fault.expired_token(LOOK)],
    ids=["not there yet", "a token that died early"],
)
async def test_an_acknowledgement_is_not_given_up_at_the_first_look(tmp_path: Path, first_look: Fault) -> None:
    """Discord may take the reply a moment after the connection broke, and its clock is not ours."""
    async with Loopback() as discord, bot_on(discord, tmp_path):
        discord.faults.add(Fault.lost_answer(ACKNOWLEDGE))
        discord.faults.add(first_look)
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        await exchange.until(lambda message: message.attachments)
        assert len(answers(exchange.messages)) == 1


async def test_an_acknowledgement_that_hangs_when_the_bot_stops_is_looked_up_by_the_next_life(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Loopback() as discord:
        async with bot_on(discord, tmp_path):
            discord.faults.add(Fault.silence(ACKNOWLEDGE))
            await discord.user("alice").slash("bark", "say", text="hello")
            await discord.until(lambda: discord.faults.struck)
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
        with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as db:
            assert db.execute("SELECT state FROM jobs").fetchall() == [("received",)]


async def test_a_gateway_that_drops_loses_no_interaction(tmp_path: Path) -> None:
    """The event that was lost with the connection is replayed by the resume, and a replay changes nothing."""
    async with Loopback() as discord, bot_on(discord, tmp_path):
        discord.faults.add(Fault.dropped_gateway())
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        await exchange.until(lambda message: message.attachments, timeout=20)
        assert len(answers(exchange.messages)) == 1


async def test_takes_that_wait_count_as_so_many_texts(tmp_path: Path) -> None:
    """Four takes are some six seconds of work, so a server that wants five at most is full with them."""
    async with Loopback() as discord, bot_on(discord, tmp_path, max_wait=5.0) as app:
        first = await discord.user("alice").slash("bark", "takes", text="hold", count=4)
        await first.until(lambda message: "%" in message.content)
        second = await discord.user("bob").slash("bark", "say", text="hold")
        await second.acknowledged()
        assert second.ephemeral
        (app._audio / f"{first.id}.go").touch()
        await first.until(lambda message: len(message.attachments) == 4)


async def test_the_pace_is_that_of_one_take(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await discord.user("alice").slash("bark", "takes", text="slow:1", count=4)
        await exchange.until(lambda message: len(message.attachments) == 4)
        job = await app._store.call(queue.get, exchange.id)
        assert app._renderer.pace.mean == pytest.approx(Pace().learn(job.text, job.took / 4).mean, rel=0.02)
