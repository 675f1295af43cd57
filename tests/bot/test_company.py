"""Coming, staying and going: what keeps the bot out, what moves it, and when it leaves by itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bot.flow.room import WATCH
from bot.loopback.voice_session import Close
from bot.loopback.world import Permissions
from tests.bot.ears import Ears, ears_in, packets_of, posted, speech


@pytest.fixture
async def ears(tmp_path: Path):
    async with ears_in(tmp_path) as ears:
        yield ears


async def there(ears: Ears, channel: int | None = None) -> None:
    """Until the bot is in this voice channel."""
    wanted = str(channel or ears.discord.voice_channel)
    states, me = ears.discord.world.voice_states, ears.discord.application_id
    await ears.discord.until(lambda: states.get(me, {}).get("channel_id") == wanted)


async def away(ears: Ears) -> None:
    """Until it is in none."""
    await ears.discord.until(lambda: ears.discord.application_id not in ears.discord.world.voice_states)


async def test_it_says_what_is_missing(ears: Ears) -> None:
    assert "You are in no voice channel" in await ears.said("alice", "join")
    assert "You are in no voice channel" in await ears.said("alice", "play", text="hello")
    ears.sit("alice")
    channel = ears.discord.voice_channel
    ears.discord.deny(channel, Permissions.CONNECT)
    words = await ears.said("alice", "join")
    assert words == f"I cannot speak in <#{channel}>: I need Connect there. A moderator can give it to my role."
    ears.discord.deny(channel, Permissions.SPEAK | Permissions.VIEW_CHANNEL)
    assert "I need View Channel, Speak there" in await ears.said("alice", "play", text="hello")
    ears.discord.deny(channel, Permissions(0))
    assert "I am in" in await ears.said("alice", "join")


async def test_a_full_channel_is_said_to_be_full(ears: Ears) -> None:
    small = ears.discord.add_voice_channel("small", limit=1)
    ears.sit("alice", small)
    assert f"<#{small}> is full: it takes 1" in await ears.said("alice", "join")


async def test_it_does_not_run_from_its_listeners(ears: Ears) -> None:
    other = ears.discord.add_voice_channel("other")
    alice = ears.sit("alice")
    bob = ears.sit("bob", other)
    await posted(await ears.play("alice", "hello"))
    await ears.heard(alice)
    assert "I am busy in" in await ears.said("bob", "play", text="here!")
    ears.discord.user("alice").leave_voice()
    exchange = await ears.play("bob", "hello you", seed=4)
    file = await posted(exchange)
    await ears.turns("played", "played")
    assert speech(bob) == packets_of(file)


async def test_alone_it_waits_a_while_then_leaves_and_says_what_was_not_heard(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold")
    await ears.heard(alice)
    ears.discord.user("alice").leave_voice()
    await ears.clock.asleep(60.0)
    ears.clock.advance(59.0)
    await there(ears)
    ears.clock.advance(1.0)
    await away(ears)
    await ears.told("Nobody was left")
    await ears.turns("dropped")
    ears.go(exchange)
    await posted(exchange)


async def test_who_comes_back_hears_the_rest(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=6)
    await ears.heard(alice, 10)
    ears.discord.user("alice").leave_voice()
    await ears.clock.asleep(60.0)
    ears.go(exchange)
    file = await posted(exchange)
    again = ears.sit("alice")
    await ears.turns("played")
    rest = speech(again)
    assert rest == packets_of(file)[-len(rest) :]
    assert len(rest) > 20


async def test_with_nothing_to_say_it_leaves_in_silence(ears: Ears) -> None:
    ears.sit("alice")
    await ears.said("alice", "join")
    await ears.clock.asleep(300.0)
    ears.clock.advance(300.0)
    await away(ears)
    assert [m.content for m in ears.discord.channel_messages(ears.discord.general) if "not heard" in m.content] == []


async def test_thrown_out_it_keeps_the_queue_and_says_how_to_go_on(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=8)
    await ears.heard(alice, 10)
    await ears.discord.kick_from_voice()
    words = await ears.told("I was disconnected")
    assert "1 still to be heard" in words
    await ears.turns("waiting")
    assert "The queue waits" in await ears.said("alice", "now")
    ears.go(exchange)
    file = await posted(exchange)
    await ears.said("alice", "join")
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


async def test_thrown_out_it_comes_back_for_a_new_wish(ears: Ears) -> None:
    alice = ears.sit("alice")
    await ears.said("alice", "join")
    await ears.discord.kick_from_voice()
    await away(ears)
    file = await posted(await ears.play("alice", "hello"))
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


async def test_moved_it_goes_on_there(ears: Ears) -> None:
    other = ears.discord.add_voice_channel("other")
    ears.sit("bob", other)
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=9)
    await ears.heard(alice, 10)
    bob = ears.discord.voice.rooms.listeners[ears.discord.user("bob").id]
    ears.discord.move_bot(other)
    ears.go(exchange)
    file = await posted(exchange)
    await ears.turns("played")
    rest = speech(bob)
    assert len(rest) > 20
    assert rest == packets_of(file)[-len(rest) :]
    await ears.discord.until(lambda: ears.room.channel is not None and ears.room.channel.id == other)


async def test_a_new_region_is_followed(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=2)
    await ears.heard(alice, 10)
    ears.discord.change_region()
    ears.go(exchange)
    file = await posted(exchange)
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


@pytest.mark.parametrize("code", [Close.SERVER_CRASHED, Close.INVALID_SESSION, None])
async def test_a_broken_connection_is_mended(ears: Ears, code: Close | None) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=2)
    await ears.heard(alice, 10)
    ears.discord.voice.close_connection(code)
    ears.go(exchange)
    file = await posted(exchange)
    await ears.turns("played")
    assert set(packets_of(file)) - set(speech(alice)) == set() or len(speech(alice)) > 40


async def test_a_dead_player_is_noticed(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold", seed=2)
    await ears.heard(alice, 10)
    stuck = threading.Event()
    ears.room.voice.send_audio_packet = lambda *_, **__: stuck.wait(30)
    for _ in range(2):
        await ears.clock.asleep(WATCH)
        ears.clock.advance(WATCH)
    await ears.discord.until(lambda: len(ears.discord.voice.sessions) == 2)
    stuck.set()
    ears.go(exchange)
    file = await posted(exchange)
    await ears.turns("played")
    assert speech(alice)[-20:] == packets_of(file)[-20:]


async def test_it_tries_several_times_to_connect_then_says_so(ears: Ears) -> None:
    ears.sit("alice")
    ears.discord.voice.refuse_with = Close.E2EE_REQUIRED
    exchange = await ears.play("alice", "hello")
    for pause in (1.0, 3.0, 9.0):
        await ears.clock.asleep(pause)
        ears.clock.advance(pause)
    words = await ears.told("I could not connect")
    assert "Not heard: 1" in words
    await ears.turns("dropped")
    await posted(exchange)
    ears.discord.voice.refuse_with = None
    assert "I am in" in await ears.said("alice", "join")


async def test_on_a_stage_it_asks_to_speak_and_waits(ears: Ears) -> None:
    stage = ears.discord.add_voice_channel("stage", stage=True)
    alice = ears.sit("alice", stage)
    exchange = await ears.play("alice", "hello")
    await ears.told("I have asked to speak")
    file = await posted(exchange)
    await ears.turns("waiting")
    state = ears.discord.world.voice_states[ears.discord.application_id]
    assert state["request_to_speak_timestamp"]
    state["suppress"] = False
    ears.discord.gateway.dispatch("VOICE_STATE_UPDATE", state)
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


async def test_with_the_right_it_steps_onto_the_stage(ears: Ears) -> None:
    ears.discord.world.bot.permissions |= Permissions.MUTE_MEMBERS
    role = {"guild_id": str(ears.discord.guild_id)}
    from bot.loopback.payloads import role as role_payload

    world = ears.discord.world
    role["role"] = role_payload(world.role_id, "barkbot", int(world.bot.permissions))
    ears.discord.gateway.dispatch("GUILD_ROLE_UPDATE", role)
    stage = ears.discord.add_voice_channel("stage", stage=True)
    alice = ears.sit("alice", stage)
    file = await posted(await ears.play("alice", "hello"))
    await ears.turns("played")
    assert speech(alice) == packets_of(file)


async def test_a_server_that_has_left_the_bot_is_forgotten(ears: Ears) -> None:
    alice = ears.sit("alice")
    await ears.play("alice", "hold")
    await ears.heard(alice)
    ears.discord.gateway.dispatch("GUILD_DELETE", {"id": str(ears.discord.guild_id)})
    await ears.turns("dropped")
