"""Voice with an unmodified client and without DAVE: TLS, handshake, packets, being thrown out, coming back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import discord
import nacl.secret
import pytest

from bot.loopback.rtp import HEADER, SILENCE, Stream
from bot.loopback.server import Loopback
from bot.loopback.voice_session import Close, Op
from bot.loopback.world import Permissions
from tests.bot.loopback.kennel import Kennel, running
from tests.bot.loopback.voices import Packets, join, opus_packets, play


@pytest.fixture
async def discord_(schema) -> AsyncIterator[Loopback]:
    async with Loopback(schema=schema, encryption=False) as discord_:
        yield discord_
    assert discord_.complaints == []


@pytest.fixture
async def client(discord_: Loopback) -> AsyncIterator[Kennel]:
    connector = aiohttp.TCPConnector(ssl=discord_.voice.ssl_context())
    async with running(discord_, Kennel(connector=connector)) as client:
        yield client


async def test_what_is_played_arrives_bit_for_bit_and_in_order(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client)
    sent = opus_packets(0.4)
    await asyncio.wait_for(play(voice, sent), 10)
    await discord_.until(lambda: len(discord_.voice.packets) >= len(sent) + 5)
    packets = discord_.voice.packets
    assert [packet.payload for packet in packets] == [*sent, *[SILENCE] * 5]
    first = packets[0]
    assert [packet.sequence - first.sequence for packet in packets] == list(range(len(packets)))
    assert [packet.timestamp for packet in packets[: len(sent)]] == [960 * number for number in range(len(sent))]
    await voice.disconnect()
    assert discord_.voice.session.speaking[:2] == [0, 1]
    assert discord_.world.voice_states == {}


async def test_the_bot_knows_where_the_asker_sits(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice")
    alice.join_voice()
    channel = client.get_channel(discord_.voice_channel)
    await discord_.until(lambda: alice.id in discord_.world.voice_states)
    await (await alice.slash("bark", "hide")).acknowledged()  # after the voice state: events keep their order
    assert list(channel.voice_states) == [alice.id]
    alice.leave_voice()
    await (await alice.slash("bark", "hide")).acknowledged()
    assert list(channel.voice_states) == []


async def test_a_moderator_throws_the_bot_out(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client)
    ended = play(voice, opus_packets(5))
    await discord_.until(lambda: discord_.voice.packets)
    await discord_.kick_from_voice()
    await asyncio.wait_for(ended, 10)
    assert client.guilds[0].voice_client is None
    assert discord_.world.voice_states == {}


async def test_a_client_whose_session_became_invalid_comes_back_and_plays_on(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client)
    voice.play(Packets(opus_packets(10)))
    await discord_.until(lambda: discord_.voice.packets)
    discord_.voice.close_connection(Close.INVALID_SESSION)
    await discord_.until(lambda: len(discord_.voice.sessions) == 2 and discord_.voice.packets)
    assert voice.is_connected()
    await voice.disconnect()


async def test_a_crashed_voice_server_is_resumed_with_the_same_session(discord_: Loopback):
    # By hand: discord.py 2.7.1 waits after op 7 for a session description that a resume does not bring.
    guild, channel = str(discord_.guild_id), str(discord_.voice_channel)
    events = dict(await discord_.voice.move({"guild_id": guild, "channel_id": channel}))
    server, state = events["VOICE_SERVER_UPDATE"], events["VOICE_STATE_UPDATE"]
    url = f"wss://{server['endpoint']}/?v=8"
    who = {"server_id": guild, "session_id": state["session_id"], "token": server["token"]}
    context = discord_.voice.ssl_context()
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, ssl=context) as websocket:
            await websocket.send_json({"op": Op.IDENTIFY, "d": who | {"user_id": state["user_id"]}})
            assert [(await websocket.receive_json())["op"] for _ in range(2)] == [Op.HELLO, Op.READY]
            discord_.voice.close_connection(Close.SERVER_CRASHED)
            assert (await websocket.receive()).data == 4015
        async with session.ws_connect(url, ssl=context) as websocket:
            await websocket.send_json({"op": Op.RESUME, "d": who})
            assert [(await websocket.receive_json())["op"] for _ in range(2)] == [Op.HELLO, Op.RESUMED]
    assert [stay.resumed for stay in discord_.voice.sessions] == [1]


async def test_a_refused_connection_raises_with_its_code(discord_: Loopback, client: Kennel):
    discord_.voice.refuse_with = Close.E2EE_REQUIRED
    channel = client.get_channel(discord_.voice_channel)
    with pytest.raises(discord.ConnectionClosed) as caught:
        await channel.connect(reconnect=False, timeout=10)
    assert caught.value.code == 4017


async def test_without_the_right_to_connect_nothing_answers(discord_: Loopback, client: Kennel):
    discord_.deny(discord_.voice_channel, Permissions.CONNECT)
    channel = client.get_channel(discord_.voice_channel)
    with pytest.raises(TimeoutError):
        await channel.connect(reconnect=False, timeout=0.2)
    assert discord_.voice.sessions == []


async def test_blocked_udp_times_out(discord_: Loopback, client: Kennel):
    discord_.voice.port.answering = False
    channel = client.get_channel(discord_.voice_channel)
    with pytest.raises(TimeoutError):
        await channel.connect(reconnect=False, timeout=0.5)


def seal(stream: Stream, sequence: int) -> bytes:
    """A packet as the voice documentation lays it out."""
    header = HEADER.pack(0x80, 0x78, sequence, 960 * sequence, stream.ssrc)
    tail = sequence.to_bytes(4, "big")
    body = nacl.secret.Aead(stream.key).encrypt(b"opus", header, tail + bytes(20)).ciphertext
    return header + body + tail


def test_a_packet_with_the_wrong_key_or_out_of_turn_is_noticed():
    stream = Stream(ssrc=1)
    sealed = [seal(stream, sequence) for sequence in (5, 6, 8)]
    assert [stream.accept(packet, 0.0)[1] for packet in sealed] == ["", "", "voice packet 8 came where 7 was due"]
    assert "decrypted" in Stream(ssrc=1).accept(sealed[0], 0.0)[1]
    assert [packet.payload for packet in stream.packets] == [b"opus"] * 3
