"""What is asked for with `/bark play` is heard, encrypted, packet for packet what is posted, and before it is finished."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from bot.flow.job import State
from bot.loopback.rtp import SILENCE
from tests.bot.ears import CUE, Ears, ears_in, packets_of, posted, speech


@pytest.fixture
async def ears(tmp_path: Path):
    async with ears_in(tmp_path) as ears:
        yield ears


async def test_what_is_heard_is_what_is_posted(ears: Ears) -> None:
    """In order, 20 ms apart, with five frames of silence at the end, and nothing in between."""
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hello there", seed=7)
    file = await posted(exchange)
    await ears.turns("played")
    await ears.discord.until(lambda: alice.packets and alice.packets[-1].payload == SILENCE)
    assert speech(alice) == packets_of(file)
    heard = [packet for packet in alice.packets if packet.payload != SILENCE][len(CUE) :]
    steps = {after.timestamp - before.timestamp for before, after in itertools.pairwise(heard)}
    assert steps == {960}
    assert {after.sequence - before.sequence for before, after in itertools.pairwise(heard)} == {1}
    assert [packet.payload for packet in alice.packets][-5:] == [SILENCE] * 5
    assert alice.lost == 0
    assert ears.discord.world.voice_states[ears.discord.application_id]["self_deaf"]


async def test_it_is_heard_while_it_is_made(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold")
    await ears.heard(alice, 15)
    assert not any(message.attachments for message in exchange.messages)
    ears.go(exchange)
    file = await posted(exchange)
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


async def test_asks_are_heard_in_their_order_each_once(ears: Ears) -> None:
    alice = ears.sit("alice")
    ears.sit("bob")
    first = await ears.play("alice", "one", seed=1)
    second = await ears.play("bob", "two", seed=2)
    files = [await posted(exchange) for exchange in (first, second)]
    await ears.turns("played", "played")
    assert speech(alice) == packets_of(files[0]) + packets_of(files[1])


async def test_a_killed_child_goes_on_where_it_stopped(ears: Ears) -> None:
    """The same seed makes the same file: the second try begins with what was heard, and is heard from there."""
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=3)
    await ears.heard(alice, 15)
    ears.app._synth._life.kill()
    await ears.discord.until(lambda: alice.packets[-1].payload == SILENCE)
    ears.go(exchange)
    file = await posted(exchange)
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


async def test_what_cannot_be_made_stops_and_is_said(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "fail:out-of-memory")
    message = await exchange.until(lambda message: message.ephemeral)
    assert "more memory" in message.content
    await ears.turns("dropped")
    second = await ears.play("alice", "next", seed=5)
    file = await posted(second)
    await ears.turns("dropped", "played")
    assert speech(alice)[-len(packets_of(file)) :] == packets_of(file)


async def test_a_text_that_kills_is_heard_once_at_most(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "crash")
    await exchange.until(lambda message: message.ephemeral, timeout=30)
    await ears.turns("dropped")
    assert len(speech(alice)) <= 26  # half of it
    job = await ears.job(exchange)
    assert job is not None
    assert job.state is State.QUARANTINED


async def test_a_finished_one_is_heard_by_its_button(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.discord.user("alice").slash("bark", "say", text="hello", format="mp3")
    message = await exchange.until(lambda message: message.attachments)
    press = await ears.discord.user("alice").press(message, label="▶ Play in voice")
    words = await press.until(lambda message: message.ephemeral and message.content)
    assert "will be heard" in words.content
    await ears.turns("played")
    assert len(speech(alice)) > 40


async def test_files_that_are_not_kept_stay_until_they_were_heard(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        ears.app._outbox._keep = 0.0
        alice = ears.sit("alice")
        first = await ears.play("alice", "hold", seed=1)
        await ears.heard(alice, 15)
        assert await ears.said("alice", "pause") == "Paused. /bark pause again goes on."
        second = await ears.play("alice", "two", seed=2)
        ears.go(first)
        file = await posted(second)
        assert (tmp_path / "audio" / f"{second.id}.ogg").exists()
        assert await ears.said("alice", "pause") == "It goes on."
        await ears.turns("played", "played")
        assert speech(alice)[-len(packets_of(file)) :] == packets_of(file)
        async with asyncio.timeout(10):
            while list((tmp_path / "audio").glob("*.ogg")):  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.01)


async def test_the_first_time_in_a_server_is_announced_once(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        ears.sit("alice")
        await ears.said("alice", "join")
        await ears.told("AI-generated speech")
        await ears.said("alice", "leave")
        await ears.said("alice", "join")
        await posted(await ears.play("alice", "hello"))
        words = [m.content for m in ears.discord.channel_messages(ears.discord.general) if "no person has" in m.content]
        assert len(words) == 1


async def test_the_channel_shows_what_is_spoken(ears: Ears) -> None:
    alice = ears.sit("alice")
    channel = ears.discord.world.voice_channel
    exchange = await ears.play("alice", "hold **on** <@123> @everyone to me")
    await ears.discord.until(lambda: channel.status)
    assert channel.status == "🔊 Bark: hold on everyone to me"
    await ears.heard(alice)
    ears.go(exchange)
    await posted(exchange)
    await ears.discord.until(lambda: channel.status is None)
