"""The bot's voice client says nothing in the clear, keeps what it has to say, and outlives what ends discord.py's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest

from bot.loopback.rtp import SILENCE
from bot.loopback.server import Loopback
from bot.loopback.voice_session import Close, Op
from bot.voice_client import NotEncrypted, VoiceClient
from tests.bot.loopback.kennel import Kennel, running
from tests.bot.loopback.voices import join, opus_packets, play

SPEECH = opus_packets(0.1)
WORDS = SPEECH + [SILENCE] * 5


@pytest.fixture
async def discord_() -> AsyncIterator[Loopback]:
    async with Loopback() as discord_:
        yield discord_
    assert discord_.complaints == []  # above all: no packet in the clear


@pytest.fixture
async def client(discord_: Loopback) -> AsyncIterator[Kennel]:
    connector = aiohttp.TCPConnector(ssl=discord_.voice.ssl_context())
    async with running(discord_, Kennel(connector=connector)) as client:
        yield client


async def test_the_clear_words_of_discord_pys_own_client_are_noticed(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client, discord.VoiceClient)
    await asyncio.wait_for(play(voice, SPEECH), 5)
    await discord_.until(lambda: len(discord_.voice.packets) == len(WORDS))
    assert [packet.payload for packet in discord_.voice.packets] == WORDS
    assert len(discord_.complaints) == len(SPEECH)
    assert all("in the clear" in complaint for complaint in discord_.complaints)
    discord_.complaints.clear()


async def test_alone_it_gives_up_without_a_packet(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client, VoiceClient)
    voice.patience = 0.1
    assert isinstance(await asyncio.wait_for(play(voice, SPEECH), 5), NotEncrypted)
    with pytest.raises(NotEncrypted):
        voice.send_audio_packet(SPEECH[0], encode=False)
    voice.send_audio_packet(SILENCE, encode=False)
    await voice.disconnect()
    assert discord_.voice.packets == []


async def test_what_was_left_out_leaves_a_gap_in_time_and_none_in_number(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client, VoiceClient)
    for _ in range(3):
        voice.send_audio_packet(SILENCE, encode=False)
    alice = discord_.user("alice").join_voice()
    assert await voice.until_encrypted(5)
    voice.send_audio_packet(SPEECH[0], encode=False)
    await discord_.until(lambda: alice.packets)
    assert (alice.packets[0].sequence, alice.packets[0].timestamp) == (1, 3 * 960)


async def test_the_last_look_is_at_the_packet_itself(discord_: Loopback, client: Kennel):
    discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    assert await voice.until_encrypted(5)
    assert SPEECH[0] not in voice._get_voice_packet(SPEECH[0])
    group = voice._connection.dave_session  # begins anew between the player's look and the encryption
    group.reinit(group.protocol_version, group.user_id, group.channel_id)
    with pytest.raises(NotEncrypted):
        voice._get_voice_packet(SPEECH[0])


async def test_waiting_speech_can_be_stopped(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client, VoiceClient)
    ended = play(voice, SPEECH)
    assert voice.is_playing()
    voice.stop()
    assert await asyncio.wait_for(ended, 5) is None
    assert discord_.voice.packets == []


async def test_a_server_without_encryption_makes_nobody_wait():
    async with Loopback(encryption=False) as plain:
        connector = aiohttp.TCPConnector(ssl=plain.voice.ssl_context())
        async with running(plain, Kennel(connector=connector)) as other:
            voice = await join(plain, other, VoiceClient)
            alice = plain.user("alice").join_voice()
            assert await voice.until_encrypted(0)
            assert await asyncio.wait_for(play(voice, SPEECH), 5) is None
            await plain.until(lambda: len(alice.packets) == len(WORDS))
            assert [packet.payload for packet in alice.packets] == WORDS


@pytest.mark.parametrize("frame", [b"", b"\0proposals of nothing"], ids=["empty", "nonsense"])
async def test_a_frame_it_cannot_use_does_not_end_it(discord_: Loopback, client: Kennel, frame: bytes):
    voice = await join(discord_, client, VoiceClient)
    discord_.voice.session.say_bytes(Op.PROPOSALS, frame)
    alice = discord_.user("alice").join_voice()
    assert await voice.until_encrypted(5)
    await asyncio.wait_for(play(voice, SPEECH), 5)
    await discord_.until(lambda: len(alice.packets) == len(WORDS))


async def test_speech_goes_on_while_its_server_crashes(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    assert await voice.until_encrypted(5)
    speech = opus_packets(0.4)
    ended = play(voice, speech)
    await discord_.until(lambda: len(alice.packets) > 3)
    discord_.voice.close_connection(Close.SERVER_CRASHED)
    assert await asyncio.wait_for(ended, 5) is None
    await discord_.until(lambda: len(alice.packets) == len(speech) + 5)
    assert [packet.payload for packet in alice.packets][: len(speech)] == speech
    assert [stay.resumed for stay in discord_.voice.sessions] == [1]


async def test_a_session_that_cannot_be_resumed_is_begun_anew(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice").join_voice()
    voice = await join(discord_, client, VoiceClient)
    assert await voice.until_encrypted(5)
    discord_.voice.close_connection(Close.SERVER_CRASHED)
    discord_.voice.session.token = "forgotten"
    await discord_.until(lambda: len(discord_.voice.sessions) == 2 and discord_.voice.session.connected)
    await discord_.until(lambda: set(discord_.voice.group.insiders) == {alice.user_id, discord_.application_id})
    assert await voice.until_encrypted(5)
    await asyncio.wait_for(play(voice, SPEECH), 5)
    await discord_.until(lambda: len(alice.packets) == len(WORDS))
    assert discord_.voice.sessions[0].resumed == 0
