"""End-to-end encryption of voice: the bot's client in a group with other people's, who hear what it says and nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.loopback.faults import Effect, Fault
from bot.loopback.listener import Listener
from bot.loopback.rtp import SILENCE
from bot.loopback.server import Loopback
from bot.loopback.voice_session import Close, Op
from bot.voice_client import VoiceClient
from tests.bot.loopback.kennel import Kennel, running
from tests.bot.loopback.voices import join, opus_packets, play

SPEECH = opus_packets(0.1)
WORDS = SPEECH + [SILENCE] * 5  # with what the player adds at its end


@pytest.fixture
async def client(discord_: Loopback) -> AsyncIterator[Kennel]:
    connector = aiohttp.TCPConnector(ssl=discord_.voice.ssl_context())
    async with running(discord_, Kennel(connector=connector)) as client:
        yield client


async def say(discord_: Loopback, voice: VoiceClient, *hearers: Listener) -> None:
    """Says the words and waits until each hearer has exactly them."""
    before = [len(hearer.packets) for hearer in hearers]
    assert await voice.until_encrypted(5)
    assert await asyncio.wait_for(play(voice, SPEECH), 5) is None
    for hearer, start in zip(hearers, before, strict=True):
        await discord_.until(lambda h=hearer, n=start: len(h.packets) >= n + len(WORDS))
        assert [packet.payload for packet in hearer.packets][start:] == WORDS


def inside(discord_: Loopback, *people: int) -> bool:
    group = discord_.voice.group
    return set(group.insiders) == set(people) and group.settled


@pytest.mark.parametrize("maker", ["the listener", "the bot"])
async def test_a_listener_who_comes_later_hears_the_very_packets(discord_: Loopback, client: Kennel, maker: str):
    voice = await join(discord_, client, VoiceClient)
    assert not await voice.until_encrypted(0.05)  # alone there is no group
    alice = discord_.user("alice").join_voice()
    alice.commits = maker == "the listener"
    await say(discord_, voice, alice)
    assert alice.lost == 0
    assert discord_.voice.group.committers == [alice.user_id if alice.commits else discord_.application_id]


async def test_a_listener_who_was_first_hears_the_very_packets(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice").join_voice()
    live: list[bytes] = []
    alice.heard = lambda packet: live.append(packet.payload)
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice)
    assert live == WORDS
    frames = [packet.payload for packet in discord_.voice.packets[: len(SPEECH)]]
    assert not set(frames) & set(SPEECH)
    assert all(frame.endswith(b"\xfa\xfa") for frame in frames)


async def test_two_listeners_and_one_who_comes_late(discord_: Loopback, client: Kennel):
    alice, bob = (discord_.user(name).join_voice() for name in ("alice", "bob"))
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice, bob)
    carol = discord_.user("carol").join_voice()
    await discord_.until(
        lambda: inside(discord_, discord_.application_id, *(one.user_id for one in (alice, bob, carol)))
    )
    await say(discord_, voice, alice, bob, carol)
    assert [one.lost for one in (alice, bob, carol)] == [0, 0, 0]


@pytest.mark.parametrize("maker", ["the listener", "the bot"])
async def test_who_was_there_before_loses_no_word_to_others_who_come_and_go(
    discord_: Loopback, client: Kennel, maker: str
):
    alice = discord_.user("alice").join_voice()
    alice.commits = maker == "the listener"
    voice = await join(discord_, client, VoiceClient)
    await discord_.until(lambda: alice.ready)
    assert await voice.until_encrypted(5)
    speech = opus_packets(0.4)
    ended = play(voice, speech)
    for count, somebody in enumerate(("bob", "carol"), start=2):
        await discord_.until(lambda least=2 * count: len(alice.packets) > least)
        discord_.user(somebody).join_voice().commits = False
    await discord_.until(lambda: len(discord_.voice.group.insiders) == 4 and discord_.voice.group.settled)
    discord_.user("bob").leave_voice()
    assert await asyncio.wait_for(ended, 5) is None
    await discord_.until(lambda: len(alice.packets) == len(speech) + 5)
    assert [packet.payload for packet in alice.packets][: len(speech)] == speech
    assert alice.lost == 0


async def test_a_client_without_dave_is_refused(discord_: Loopback):
    guild, channel = str(discord_.guild_id), str(discord_.voice_channel)
    events = dict(await discord_.voice.move({"guild_id": guild, "channel_id": channel}))
    server, state = events["VOICE_SERVER_UPDATE"], events["VOICE_STATE_UPDATE"]
    who = {"server_id": guild, "session_id": state["session_id"], "token": server["token"], "user_id": state["user_id"]}
    async with aiohttp.ClientSession() as session:
        url = f"wss://{server['endpoint']}/?v=8"
        async with session.ws_connect(url, ssl=discord_.voice.ssl_context()) as websocket:
            await websocket.send_json({"op": Op.IDENTIFY, "d": who | {"max_dave_protocol_version": 0}})
            assert (await websocket.receive_json())["op"] == Op.HELLO
            assert (await websocket.receive()).data == Close.E2EE_REQUIRED


@pytest.mark.parametrize("maker", ["the listener", "the bot"])
async def test_who_has_left_can_decrypt_no_more(discord_: Loopback, client: Kennel, maker: str):
    alice, bob = (discord_.user(name).join_voice() for name in ("alice", "bob"))
    alice.commits = maker == "the listener"
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice, bob)
    heard = len(discord_.voice.packets)
    assert bob.session.epoch == discord_.voice.group.epoch
    discord_.user("bob").leave_voice()
    await discord_.until(lambda: inside(discord_, discord_.application_id, alice.user_id))
    await say(discord_, voice, alice)
    after = [packet.payload for packet in discord_.voice.packets][heard:]
    assert after[-5:] == [SILENCE] * 5
    assert [bob.decrypt(discord_.application_id, frame) for frame in after[:-5]] == [None] * len(SPEECH)


async def test_the_last_listener_leaves_and_somebody_else_comes(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice)
    discord_.user("alice").leave_voice()
    await discord_.until(lambda: discord_.voice.group.members[discord_.application_id].package)  # the group starts anew
    assert not voice.is_safe
    bob = discord_.user("bob").join_voice()
    await say(discord_, voice, bob)
    assert discord_.voice.group.epoch == 1


async def test_the_bot_leaves_and_comes_back(discord_: Loopback, client: Kennel):
    alice, bob = (discord_.user(name).join_voice() for name in ("alice", "bob"))
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice, bob)
    await voice.disconnect()
    await discord_.until(lambda: inside(discord_, alice.user_id, bob.user_id))
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice, bob)


@pytest.mark.parametrize("fault", [Fault.invalid_commit(), Fault.invalid_welcome()], ids=["commit", "welcome"])
async def test_what_the_bot_cannot_use_it_flags_and_is_added_again(discord_: Loopback, client: Kennel, fault: Fault):
    discord_.faults.add(fault)
    alice = discord_.user("alice").join_voice()
    alice.commits = fault.route == "VOICE WELCOME"
    voice = await join(discord_, client, VoiceClient)
    await discord_.until(lambda: discord_.voice.group.flagged)
    alice.commits = True
    await say(discord_, voice, alice)
    assert discord_.faults.struck == [(fault.route, Effect.GARBLE)]
    assert discord_.voice.group.flagged == [discord_.application_id]


async def test_a_late_external_sender_makes_the_first_word_late_but_not_lost(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.late_external_sender(0.2))
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    ended = play(voice, SPEECH)  # without waiting for the group
    assert await asyncio.wait_for(ended, 5) is None
    await discord_.until(lambda: len(alice.packets) == len(WORDS))
    assert [packet.payload for packet in alice.packets] == WORDS
    first, *others = list(alice.packets)[: len(SPEECH)]
    assert [packet.sequence - first.sequence for packet in others] == list(range(1, len(SPEECH)))


async def test_down_to_transport_encryption_and_up_again(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice)
    group = discord_.voice.group
    group.downgrade()
    await discord_.until(lambda: not group.required)
    await asyncio.wait_for(until_version(voice, 0), 5)
    await say(discord_, voice, alice)
    assert discord_.voice.packets[-6].payload == SPEECH[-1]
    group.upgrade()
    await discord_.until(lambda: group.required)
    await asyncio.wait_for(until_version(voice, 1), 5)
    await say(discord_, voice, alice)
    assert discord_.voice.packets[-6].payload != SPEECH[-1]


async def test_a_bot_that_came_during_a_call_without_encryption_takes_part_in_the_upgrade(
    discord_: Loopback, client: Kennel
):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice)
    group = discord_.voice.group
    group.downgrade()
    await discord_.until(lambda: not group.required)
    await voice.disconnect()
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice)
    group.upgrade()
    await discord_.until(lambda: group.required)
    await asyncio.wait_for(until_version(voice, 1), 5)
    await say(discord_, voice, alice)


async def until_version(voice: VoiceClient, version: int) -> None:
    while voice._connection.dave_protocol_version != version:
        await voice._changed.wait()


async def test_a_crashed_voice_server_is_resumed_in_the_same_group(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    await say(discord_, voice, alice)
    discord_.voice.close_connection(Close.SERVER_CRASHED)
    await discord_.until(lambda: not discord_.voice.session.connected)
    bob = discord_.user("bob").join_voice()  # while the bot is away: the resume brings what it missed
    await discord_.until(lambda: inside(discord_, discord_.application_id, alice.user_id, bob.user_id))
    await discord_.until(lambda: len(discord_.voice.group.executed) == 2)
    await say(discord_, voice, alice, bob)
    assert len(discord_.voice.sessions) == 1
    assert discord_.voice.session.resumed == 1


@pytest.mark.parametrize("end", [Close.INVALID_SESSION, None], ids=["invalid session", "network"])
async def test_a_connection_that_ends_in_mid_speech_loses_no_word_after_it(
    discord_: Loopback, client: Kennel, end: Close | None
):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    assert await voice.until_encrypted(5)
    speech = opus_packets(0.4)
    ended = play(voice, speech)
    await discord_.until(lambda: len(alice.packets) >= 3)
    discord_.voice.close_connection(end)
    assert await asyncio.wait_for(ended, 10) is None
    played = len(speech) + 5
    await discord_.until(lambda: sum(len(stay.stream.packets) for stay in discord_.voice.sessions) == played)
    heard = [packet.payload for packet in alice.packets if packet.payload != SILENCE]
    rest = len(discord_.voice.packets) - 5  # on the new connection
    assert rest > 0
    assert heard[-rest:] == speech[-rest:]
