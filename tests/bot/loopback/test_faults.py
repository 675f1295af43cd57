"""Each fault as a real client sees it. discord.py waits 1 s before it tries a 5xx again: that is the time these take."""

from __future__ import annotations

import asyncio
import errno
import time

import aiohttp
import discord
import pytest

from bot.loopback.faults import CALLBACK, Effect, Fault, Faults
from bot.loopback.server import Loopback
from tests.bot.loopback.kennel import Kennel

POST = "POST /channels/{channel}/messages"
EDIT = "PATCH /webhooks/{application}/{token}/messages/@original"


async def send(discord_: Loopback, client: Kennel) -> discord.Message:
    return await client.get_partial_messageable(discord_.general).send("hello", nonce="1")


def posted(discord_: Loopback) -> int:
    return len(discord_.channel_messages(discord_.general))


async def test_a_429_with_via_is_waited_out(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.rate_limited(POST, times=2, retry_after=0.05))
    began = time.monotonic()
    await send(discord_, client)
    assert time.monotonic() - began >= 0.1
    assert discord_.faults.struck == [(POST, Effect.RATE_LIMIT)] * 2
    assert posted(discord_) == 1


async def test_a_429_without_via_is_raised_at_once(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.rate_limited(POST, via=False))
    with pytest.raises(discord.HTTPException) as caught:
        await send(discord_, client)
    assert caught.value.status == 429
    assert posted(discord_) == 0


async def test_a_503_is_raised_at_once(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.server_error(503, POST))
    with pytest.raises(discord.DiscordServerError) as caught:
        await send(discord_, client)
    assert caught.value.status == 503


async def test_500_502_504_and_524_are_tried_again(discord_: Loopback, client: Kennel):
    statuses = (500, 502, 504, 524)
    channels = [discord_.general, discord_.second, discord_.thread, discord_.user("alice").dm.id]
    for status in statuses:
        discord_.faults.add(Fault.server_error(status, POST))
    await asyncio.gather(*(client.get_partial_messageable(channel).send("hello") for channel in channels))
    assert len(discord_.faults.struck) == len(statuses)
    assert [len(discord_.channel_messages(channel)) for channel in channels] == [1, 1, 1, 1]


async def test_a_lost_answer_did_its_work_and_the_nonce_finds_it(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.lost_answer(POST))
    with pytest.raises((aiohttp.ClientError, OSError)):
        await send(discord_, client)
    assert posted(discord_) == 1
    again = await send(discord_, client)
    assert [message.id for message in discord_.channel_messages(discord_.general)] == [again.id]


async def test_a_reset_did_nothing(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.reset(POST))
    with pytest.raises(OSError, match="reset by peer") as caught:
        await send(discord_, client)
    assert caught.value.errno == errno.ECONNRESET
    assert posted(discord_) == 0


async def test_silence_lasts_until_the_client_gives_up(discord_: Loopback, client: Kennel):
    discord_.faults.add(Fault.silence(POST))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(send(discord_, client), 0.2)
    assert posted(discord_) == 0
    await send(discord_, client)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault.unknown_interaction(), 404, 10062),
        (Fault.already_acknowledged(), 400, 40060),
        (Fault.expired_token(EDIT), 401, 50027),
        (Fault.too_large(EDIT), 413, 40005),
    ],
)
async def test_an_answer_on_demand_reaches_the_command(discord_: Loopback, client: Kennel, fault, status, code):
    discord_.faults.add(fault)
    exchange = await discord_.user("alice").slash("bark", "say", text="hello")
    await asyncio.wait_for(client.failed.wait(), 10)
    error = getattr(client.errors[0], "original", client.errors[0])
    assert (error.status, error.code) == (status, code)
    assert (exchange.acknowledgement is None) == (fault.route == CALLBACK)


def test_chance_is_repeatable_and_keeps_its_rates():
    def strikes(seed: int) -> list[Effect | None]:
        faults = Faults()
        faults.random(seed, {Fault.lost_answer(POST): 0.1, Fault.server_error(502): 0.1})
        return [fault.effect if (fault := faults.take(POST)) else None for _ in range(2000)]

    first = strikes(7)
    assert first == strikes(7) != strikes(8)
    assert 140 < first.count(Effect.LOST_ANSWER) < 260
    assert 130 < first.count(Effect.ANSWER) < 250


def test_chance_leaves_the_gateway_and_other_routes_alone():
    faults = Faults()
    faults.random(1, {Fault.lost_answer(POST): 1.0})
    assert faults.take("GATEWAY INTERACTION_CREATE") is None
    assert faults.take(EDIT) is None
    faults.clear()
    assert faults.take(POST) is None
