"""Claim by acknowledgement: who answers when the acknowledgement itself goes wrong."""

from pathlib import Path

from bot.flow import queue
from bot.loopback.faults import Fault
from bot.loopback.server import Loopback
from tests.bot.harness import answers, bot_on

ACKNOWLEDGE = "POST /interactions/{interaction}/{token}/callback"


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
        await discord.until(lambda: app._intake._unsure == set())
        assert await app._store.call(queue.get, lost.id) is None


async def test_a_gateway_that_drops_loses_no_interaction(tmp_path: Path) -> None:
    """The event that was lost with the connection is replayed by the resume, and a replay changes nothing."""
    async with Loopback() as discord, bot_on(discord, tmp_path):
        discord.faults.add(Fault.dropped_gateway())
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        await exchange.until(lambda message: message.attachments, timeout=20)
        assert len(answers(exchange.messages)) == 1
