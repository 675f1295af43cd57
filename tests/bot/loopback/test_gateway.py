"""The gateway: events to every session, resume with what was missed, invalid sessions, heartbeats."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import discord
import pytest

from bot.loopback.exchange import DidNotRespond
from bot.loopback.faults import Effect, Fault
from bot.loopback.server import Loopback
from bot.loopback.session import Op
from tests.bot.loopback.conftest import HandClock
from tests.bot.loopback.kennel import Kennel, running


async def test_ready_brings_the_guild_its_channels_and_its_people(discord_: Loopback, client: Kennel):
    guild = client.guilds[0]
    assert client.user.id == discord_.application_id
    assert guild.id == discord_.guild_id
    assert guild.get_channel(discord_.general).type is discord.ChannelType.text
    assert guild.get_channel(discord_.voice_channel).type is discord.ChannelType.voice
    assert guild.get_thread(discord_.thread).parent_id == discord_.general
    (session,) = discord_.gateway.connected
    assert session.intents == discord.Intents(guilds=True, voice_states=True).value


async def test_a_dropped_connection_resumes_and_gets_what_it_missed(discord_: Loopback, client: Kennel):
    discord_.gateway.drop()
    await discord_.until(lambda: not discord_.gateway.connected)
    exchange = await discord_.user("alice").slash("bark", "say", text="hello")
    assert not exchange.lost
    await exchange.until(lambda message: message.attachments)
    assert (discord_.gateway.identified, discord_.gateway.resumed) == (1, 1)
    assert client.seen == [exchange.id]


@pytest.mark.parametrize("code", [4000, 4009])
async def test_a_close_code_that_allows_it_is_resumed(discord_: Loopback, client: Kennel, code: int):
    discord_.gateway.drop(code)
    await asyncio.wait_for(client.resumed.wait(), 10)
    assert (discord_.gateway.identified, discord_.gateway.resumed) == (1, 1)


async def test_a_request_to_reconnect_is_followed(discord_: Loopback, client: Kennel):
    discord_.gateway.reconnect()
    await asyncio.wait_for(client.resumed.wait(), 10)
    assert discord_.gateway.identified == 1


async def test_the_connection_breaks_just_before_an_interaction_and_the_resume_replays_it(
    discord_: Loopback, client: Kennel
):
    discord_.faults.add(Fault.dropped_gateway())
    exchange = await discord_.user("alice").slash("bark", "say", text="hello")
    await exchange.until(lambda message: message.attachments)
    assert discord_.faults.struck == [("GATEWAY INTERACTION_CREATE", Effect.DROP)]
    assert client.seen == [exchange.id]


async def test_an_invalid_session_loses_the_interaction_and_identifies_anew(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.invalid_session())
    exchange = await discord_.user("alice").slash("bark", "say", text="hello")
    assert exchange.lost
    await discord_.until(lambda: discord_.gateway.identified == 2)
    assert client.seen == []


async def test_an_invalid_session_that_may_be_resumed_is_resumed(discord_: Loopback, client: Kennel):
    discord_.gateway.invalidate(resumable=True)
    await asyncio.wait_for(client.resumed.wait(), 20)
    assert discord_.gateway.identified == 1


async def test_two_bots_with_one_token_both_hear_of_it_and_one_is_second(discord_: Loopback, client: Kennel):
    async with running(discord_, Kennel()) as twin:
        await discord_.gateway.ready(2)
        exchange = await discord_.user("alice").slash("bark", "say", text="hello")
        await exchange.until(lambda message: message.attachments)
        failed = [asyncio.create_task(bot.failed.wait()) for bot in (client, twin)]
        _, pending = await asyncio.wait(failed, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        pending.pop().cancel()
    assert client.seen == twin.seen == [exchange.id]
    (error,) = [getattr(error, "original", error) for error in client.errors + twin.errors]
    assert (error.status, error.code) == (400, 40060)
    assert discord_.complaints.pop().startswith("second acknowledgement")


async def test_another_life_of_the_bot_finds_everything_as_it_was(discord_: Loopback):
    for number in range(2):
        async with running(discord_, Kennel()):
            exchange = await discord_.user("alice").slash("bark", "say", text=f"life {number}")
            await exchange.until(lambda message: message.attachments)
    assert len(discord_.channel_messages(discord_.general)) == 2


class Wire:
    """A gateway connection by hand."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def identify(self, token: str) -> None:
        await self.send(Op.IDENTIFY, {"token": token, "intents": 1, "properties": {}})

    async def send(self, op: Op, data: Any) -> None:
        await self.websocket.send_json({"op": op, "d": data})

    async def next(self) -> Any:
        message = await self.websocket.receive(timeout=10)
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else message.data


async def test_a_wrong_token_closes_with_4004(discord_: Loopback):
    async with aiohttp.ClientSession() as session, session.ws_connect(discord_.gateway_url) as websocket:
        wire = Wire(websocket)
        assert (await wire.next())["op"] == Op.HELLO
        await wire.identify("wrong")
        assert await wire.next() == 4004


async def test_silence_for_two_heartbeats_closes_with_4009():
    async with (
        Loopback(heartbeat_interval=0.05) as discord_,
        aiohttp.ClientSession() as session,
        session.ws_connect(discord_.gateway_url) as websocket,
    ):
        wire = Wire(websocket)
        assert (await wire.next())["d"]["heartbeat_interval"] == 50
        assert await wire.next() == 4009


async def test_a_resume_of_a_session_nobody_knows_is_invalid(discord_: Loopback):
    async with aiohttp.ClientSession() as session, session.ws_connect(discord_.gateway_url) as websocket:
        wire = Wire(websocket)
        await wire.next()
        await wire.send(Op.RESUME, {"token": discord_.token, "session_id": "none", "seq": 3})
        assert await wire.next() == {"op": Op.INVALID_SESSION, "d": False, "s": None, "t": None}


async def test_members_are_told_when_asked_for(discord_: Loopback):
    alice = discord_.user("alice")
    async with aiohttp.ClientSession() as session, session.ws_connect(discord_.gateway_url) as websocket:
        wire = Wire(websocket)
        await wire.identify(discord_.token)
        asked = {"guild_id": str(discord_.guild_id), "user_ids": [str(alice.id)], "limit": 0, "nonce": "n"}
        await wire.send(Op.REQUEST_MEMBERS, asked)
        hello, ready, guild, chunk = [await wire.next() for _ in range(4)]
    assert [hello["op"], ready["t"], guild["t"]] == [Op.HELLO, "READY", "GUILD_CREATE"]
    assert chunk["d"]["nonce"] == "n"
    assert [member["user"]["username"] for member in chunk["d"]["members"]] == ["alice"]


async def identified(discord_: Loopback, session: aiohttp.ClientSession) -> Wire:
    wire = Wire(await session.ws_connect(discord_.gateway_url))
    await wire.identify(discord_.token)
    await discord_.gateway.ready()
    return wire


async def test_a_bot_that_never_comes_back_does_not_respond_in_3_s(discord_: Loopback, clock: HandClock):
    discord_.commands.sync(None, [{"name": "bark", "description": "Bark"}])
    async with aiohttp.ClientSession() as session:
        await identified(discord_, session)
        discord_.gateway.drop()
        await discord_.until(lambda: not discord_.gateway.connected)
        exchange = await discord_.user("alice").slash("bark")
        assert not exchange.lost  # it could still resume
        clock.now += 3.01
        with pytest.raises(DidNotRespond):
            await exchange.acknowledged()


@pytest.mark.parametrize(("code", "kept"), [(1000, 0), (1001, 0), (4000, 1)])
async def test_a_client_that_says_goodbye_ends_its_session(discord_: Loopback, code: int, kept: int):
    async with aiohttp.ClientSession() as session:
        wire = await identified(discord_, session)
        await wire.websocket.close(code=code)
        await discord_.until(lambda: not discord_.gateway.connections)
        assert len(discord_.gateway.sessions) == kept


async def test_nonsense_closes_with_4002(discord_: Loopback):
    async with aiohttp.ClientSession() as session:
        wire = await identified(discord_, session)
        await wire.send(Op.RESUME, {"token": discord_.token})
        while not isinstance(code := await wire.next(), int):
            pass
    assert code == 4002
    assert discord_.complaints.pop().startswith("malformed gateway frame")
