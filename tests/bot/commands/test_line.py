"""`/bark queue` and `/bark cancel`."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.commands.line import excerpt, safe
from bot.flow import queue
from bot.flow.job import State
from bot.loopback.exchange import Exchange
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on


async def words(exchange: Exchange) -> str:
    message = await exchange.until(lambda message: message.content)
    assert message.ephemeral
    return message.content


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what a board knows has no event
            await asyncio.sleep(0)


async def test_the_queue_shows_where_everybody_is_and_quotes_only_ones_own(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice, bob = discord.user("alice"), discord.user("bob")
        assert "would begin at once" in await words(await alice.slash("bark", "queue"))
        first = await bob.slash("bark", "say", text="hold")
        await first.until(lambda message: "%" in message.content)
        second = await alice.slash("bark", "say", text="my *own* @everyone text")
        await second.until(lambda message: "Next in line" in message.content)
        shown = (await words(await alice.slash("bark", "queue"))).splitlines()
        assert shown[0].startswith("**In line: 2**, about ")
        assert shown[1].startswith("`1` being made, ")
        assert "hold" not in shown[1]
        assert shown[2].startswith("`2` ready in about ")
        assert r"my \*own\* @" + "\u200b" + "everyone text" in shown[2]
        assert shown[3] == "Ahead of yours: 1. You have 1 of 3 in line. This server has 2 of 20 in line."
        assert "server" not in await words(await alice.slash("bark", "queue", dm=True))
        (app._audio / f"{first.id}.go").touch()
        await second.until(lambda message: message.attachments)
        assert discord.complaints == []


async def test_what_waits_and_what_is_being_made_can_be_taken_back(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice, bob = discord.user("alice"), discord.user("bob")
        assert await words(await alice.slash("bark", "cancel")) == "You have nothing in line."
        first = await alice.slash("bark", "say", text="hold")
        await first.until(lambda message: "%" in message.content)
        second = await alice.slash("bark", "say", text="the second one, which has a rather long text of its own")
        await until(lambda: len(app._board.line) == 2)

        offered = await alice.autocomplete("bark", "cancel", focused=("job", ""))
        assert offered == [
            {"name": "“the second one, which has a rather long…” · waits", "value": str(second.id)},
            {"name": "“hold” · being made", "value": str(first.id)},
        ]
        assert [choice["value"] for choice in await alice.autocomplete("bark", "cancel", focused=("job", "HOLD"))] == [
            str(first.id)
        ]
        assert await bob.autocomplete("bark", "cancel", focused=("job", "")) == []

        assert "not in line any more" in await words(await bob.slash("bark", "cancel", job=str(first.id)))
        assert "not in line any more" in await words(await alice.slash("bark", "cancel", job="hold"))
        assert "Cancelled: “the second" in await words(await alice.slash("bark", "cancel"))
        assert (await second.until(lambda message: message.content == "Cancelled.")).id == second.original.id
        assert "Cancelled: “hold”" in await words(await alice.slash("bark", "cancel", job=str(first.id)))
        await first.until(lambda message: message.content == "Cancelled.")
        third = await alice.slash("bark", "say", text="three")  # the synth process is free again
        await third.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, first.id)
        assert job is not None
        assert job.state is State.CANCELLED
        assert discord.complaints == []


def test_an_excerpt_is_one_short_line_without_marks() -> None:
    assert excerpt("one\ntwo  " + "x" * 50) == "“one two " + "x" * 32 + "…”"
    assert safe("`a` @here **b**") == r"“\`a\` @" + "\u200b" + r"here \*\*b\*\*”"
