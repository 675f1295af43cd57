"""The whole: closing, other processes, waiting, pointing discord.py at it."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import sys
import time

import aiohttp
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.loopback.faults import Fault
from bot.loopback.point import point_discord_at
from bot.loopback.pulse import Pulse
from bot.loopback.server import Loopback
from bot.loopback.snowflake import EPOCH, TIME_SHIFT, Snowflakes
from tests.bot.loopback.kennel import Kennel, running


async def start_bot(discord_: Loopback) -> asyncio.subprocess.Process:
    """The same bot, in a process of its own."""
    command = (sys.executable, "-m", "tests.bot.loopback.kennel", discord_.api_url, discord_.gateway_url)
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | {"TOKEN": discord_.token})
    await discord_.gateway.ready(timeout=30)
    return process


async def test_a_bot_in_another_process_can_be_killed_and_come_back(discord_: Loopback):
    alice = discord_.user("alice")
    for life in range(2):
        process = await start_bot(discord_)
        exchange = await alice.slash("bark", "say", text=f"life {life}")
        await exchange.until(lambda message: message.attachments)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await discord_.until(lambda: not discord_.gateway.connected)
    assert discord_.gateway.identified == 2
    assert len(discord_.channel_messages(discord_.general)) == 2


async def test_closing_is_fast_also_with_clients_that_hang():
    async with aiohttp.ClientSession() as session:
        async with Loopback() as closing:
            websocket = await session.ws_connect(closing.gateway_url)
            await websocket.receive(timeout=10)
            closing.faults.add(Fault.silence())
            hanging = asyncio.create_task(session.get(closing.api_url + "/users/@me"))
            await closing.until(lambda: closing.faults.struck)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        with pytest.raises(aiohttp.ClientError):
            await hanging
        assert (await websocket.receive(timeout=10)).data == 1001
        await websocket.close()


async def test_it_listens_on_this_machine_alone(discord_: Loopback):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v10", discord_.api_url)
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/gateway", discord_.gateway_url)
    assert [address[0] for address in discord_._runner.addresses] == ["127.0.0.1"]


def test_the_token_has_the_shape_of_a_real_one():
    discord_ = Loopback()
    user, _, secret = discord_.token.split(".")
    assert int(base64.b64decode(user + "==")) == discord_.application_id
    assert len(secret) == 38
    assert Loopback().token != discord_.token


async def test_pointing_is_undone(discord_: Loopback):
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    with point_discord_at(discord_.api_url, discord_.gateway_url):
        assert Route("GET", "/users/@me").url == f"{discord_.api_url}/users/@me"
        assert str(DiscordWebSocket.DEFAULT_GATEWAY) == discord_.gateway_url
    assert before == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)


async def test_waiting_for_a_message_that_never_comes_says_what_is_there(discord_: Loopback):
    async with running(discord_, Kennel()):
        exchange = await discord_.user("alice").slash("bark", "hide")
        await exchange.acknowledged()
        with pytest.raises(TimeoutError, match="only you"):
            await exchange.until(lambda message: message.attachments, timeout=0.3)


async def test_a_pulse_wakes_those_whose_condition_came_true():
    pulse, seen = Pulse(), []
    waiter = asyncio.create_task(pulse.until(lambda: len(seen) == 2 and seen, timeout=10))
    for number in range(2):
        assert not waiter.done()
        seen.append(number)
        pulse.beat()
        await asyncio.sleep(0)
    assert await waiter == [0, 1]
    with pytest.raises(TimeoutError):
        await pulse.until(lambda: False, timeout=0.01)


def test_ids_tell_the_time_and_grow_while_it_stands_still():
    now = EPOCH / 1000 + 12.5
    new_id = Snowflakes(lambda: now)
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {one >> TIME_SHIFT for one in ids} == {12_500}
