"""Nothing acknowledged is lost and nothing is answered twice, whoever is killed and whenever: with real processes and SIGKILL."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from bot.app import DATABASE
from bot.flow.job import TOKEN_LIFE
from bot.flow.queue import MAX_RESTARTS
from bot.loopback.exchange import DidNotRespond, Exchange
from bot.loopback.faults import Fault
from bot.loopback.server import Loopback
from tests.bot.harness import answers
from tests.lives import Lives, MovedClock, lives_on

ACKNOWLEDGE = "POST /interactions/{interaction}/{token}/callback"
EDIT = "PATCH /webhooks/{application}/{token}/messages/@original"
SEND = "POST /channels/{channel}/messages"

# The transactions of one life with one job that change something: remember (commands, voices), receive, accept, claim,
# rendered, remember (pace), told. Beyond the last one the kill does not happen and the job is answered.
WRITES = range(1, 9)


@contextlib.asynccontextmanager
async def world(folder: Path, **options: bool) -> AsyncIterator[tuple[Loopback, Lives, MovedClock]]:
    clock = MovedClock(folder / "clock")
    async with Loopback(clock=clock, **options) as discord, lives_on(discord, folder, clock) as lives:
        yield discord, lives, clock


def deferred(exchange: Exchange) -> bool:
    return exchange.acknowledgement is not None and not exchange.ephemeral


def check(exchange: Exchange) -> None:
    """One answer, and the right one."""
    found = answers(exchange.messages)
    assert len(found) == 1, [message.history for message in exchange.messages]
    assert len(found[0].attachments) == 1
    assert f"job={exchange.id};".encode() in found[0].attachments[0].data


def sound(folder: Path) -> None:
    """The database is whole and nothing is left to do."""
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT state, count(*) FROM jobs WHERE told_at IS NULL GROUP BY state").fetchall() == []
        kept = [Path(row[0]).stem for row in db.execute("SELECT path FROM clips")]
    assert {path.name for path in (folder / "audio").iterdir()} <= {
        f"{name}{end}" for name in kept for end in (".ogg", ".npz")
    }


async def wait_until(folder: Path, condition: str) -> None:
    """Until the database says so."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.closing(sqlite3.connect(folder / DATABASE)) as db:
                if db.execute(f"SELECT 1 WHERE {condition}").fetchone():
                    return
            await asyncio.sleep(0)


async def answered_or_dead(exchange: Exchange, lives: Lives) -> None:
    """Whichever comes first."""
    answered = asyncio.ensure_future(exchange.until(lambda message: message.attachments, timeout=30))
    dead = asyncio.ensure_future(lives.ended())
    await asyncio.wait({answered, dead}, return_when=asyncio.FIRST_COMPLETED)
    for task in (answered, dead):
        task.cancel()
    await asyncio.gather(answered, dead, return_exceptions=True)


async def stop(folder: Path, lives: Lives) -> None:
    """In order, once the bot knows of each deferred reply whether Discord took it: until then the row stays for the next life."""
    await wait_until(folder, "NOT EXISTS (SELECT 1 FROM jobs WHERE state = 'received')")
    assert await lives.stop() == 0


@pytest.mark.timeout(300)  # many lives of the bot, one after another
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_the_bot_killed_around_any_write(tmp_path: Path, moment: str) -> None:
    """The same job, with a life that ends around its first, second, third ... write, and a second life that goes on."""
    acknowledged = 0
    async with world(tmp_path) as (discord, lives, _):
        for number in WRITES:
            await lives.begin(f"{moment}:{number}")
            exchange = None
            if lives.alive:
                exchange = await discord.user("alice").slash("bark", "say", text=f"text {number}")
                await answered_or_dead(exchange, lives)
                await lives.kill()
            await lives.begin()
            if exchange is not None and deferred(exchange):
                acknowledged += 1
                await exchange.until(lambda message: message.attachments, timeout=30)
            await stop(tmp_path, lives)
            if exchange is not None and deferred(exchange):
                check(exchange)
            sound(tmp_path)
    assert acknowledged >= 3


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done, answer lost"])
async def test_the_bot_killed_while_discord_takes_the_deferred_reply(tmp_path: Path, *, done: bool) -> None:
    """If Discord took it the next life finds out and answers; if not, the person saw an error and nothing is made."""
    async with world(tmp_path) as (discord, lives, _):
        await lives.begin()
        discord.faults.add(Fault.lost_answer(ACKNOWLEDGE) if done else Fault.silence(ACKNOWLEDGE))
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        await discord.until(lambda: discord.faults.struck)
        await lives.kill()
        await lives.begin()
        other = await discord.user("bob").slash("bark", "say", text="the next one")
        await other.until(lambda message: message.attachments, timeout=30)
        if done:
            await exchange.until(lambda message: message.attachments, timeout=30)
            check(exchange)
        assert deferred(exchange) is done
        await stop(tmp_path, lives)
        sound(tmp_path)


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done, answer lost"])
@pytest.mark.parametrize("route", [EDIT, SEND])
async def test_the_bot_killed_while_discord_takes_the_answer(tmp_path: Path, route: str, *, done: bool) -> None:
    """Both ways of answering: by replacing the reply, and by a message of its own once the token has died."""
    async with world(tmp_path) as (discord, lives, clock):
        await lives.begin()
        exchange = await discord.user("alice").slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content, timeout=30)
        if route == SEND:
            clock.advance(TOKEN_LIFE + 1)
        discord.faults.add(Fault.lost_answer(route) if done else Fault.silence(route))
        (tmp_path / "audio" / f"{exchange.id}.go").touch()
        await discord.until(lambda: discord.faults.struck)
        await lives.kill()
        await lives.begin()
        await exchange.until(lambda message: message.attachments, timeout=30)
        await stop(tmp_path, lives)
        check(exchange)
        sound(tmp_path)


async def test_a_killed_bot_takes_its_synth_process_with_it(tmp_path: Path) -> None:
    async with world(tmp_path) as (discord, lives, _):
        await lives.begin()
        exchange = await discord.user("alice").slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content, timeout=30)
        children = lives.children()
        assert len(children) == 1
        await lives.kill()
        _, left = await asyncio.to_thread(psutil.wait_procs, children, 10)
        assert left == []


async def test_a_text_that_kills_the_whole_bot_is_put_aside(tmp_path: Path) -> None:
    """The sixth life that ends under one job is the last one it gets."""
    async with world(tmp_path) as (discord, lives, _):
        await lives.begin()
        bad = await discord.user("mallory").slash("bark", "say", text="hold")
        for _ in range(MAX_RESTARTS):
            await wait_until(tmp_path, f"EXISTS (SELECT 1 FROM jobs WHERE id = {bad.id} AND state = 'rendering')")
            await lives.kill()
            await lives.begin()
        words = await bad.until(lambda message: message.ephemeral, timeout=30)
        assert f"{MAX_RESTARTS} times" in words.content
        await stop(tmp_path, lives)


async def test_sigterm_finishes_what_is_at_hand_and_keeps_the_rest(tmp_path: Path) -> None:
    async with world(tmp_path) as (discord, lives, _):
        await lives.begin()
        first = await discord.user("alice").slash("bark", "say", text="hold")
        await first.until(lambda message: "%" in message.content, timeout=30)
        second = await discord.user("bob").slash("bark", "say", text="later")
        await second.acknowledged()
        stopping = asyncio.create_task(lives.stop())
        (tmp_path / "audio" / f"{first.id}.go").touch()
        assert await stopping == 0
        check(first)
        assert answers(second.messages) == []
        await lives.begin()
        await second.until(lambda message: message.attachments, timeout=30)
        await stop(tmp_path, lives)
        check(second)


FAULTS = {
    Fault.rate_limited(retry_after=0.05): 0.03,
    Fault.server_error(502): 0.01,
    Fault.server_error(503): 0.01,
    Fault.server_error(500): 0.01,
    Fault.lost_answer(): 0.02,
    Fault.reset(): 0.01,
}


async def some_changes(discord: Loopback, number: int) -> None:
    """Until Discord has changed a few more times: a random moment in whatever is going on."""
    left = iter(range(number))
    with contextlib.suppress(TimeoutError):
        await discord.until(lambda: next(left, None) is None, timeout=1)


def rendered(folder: Path) -> tuple[int, int]:
    """How many texts have become audio, and how many still wait for that."""
    sql = "SELECT count(*) FILTER (WHERE path IS NOT NULL), count(*) FILTER (WHERE state IN ('received', 'queued', 'rendering')) FROM jobs"
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as db:
        done, waiting = db.execute(sql).fetchone()
    return done, waiting


async def one_more_rendered(folder: Path, before: int) -> None:
    """Until a text has become audio since then, or none waits."""
    async with asyncio.timeout(60):
        while (now := rendered(folder))[0] <= before and now[1] > 0:  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0)


async def chaos(
    folder: Path, *, seed: int, offered: int, kills: int, people: int, deduplication: bool = True
) -> list[Exchange]:
    """`offered` texts from `people`, `kills` random kills of bot and child, faults on every route, and long outages in between.

    Between two kills one text becomes audio, so that nothing is put aside for having been there at three deaths.
    """
    chance = random.Random(seed)
    fates = ["bot", "child"] * (kills // 2)
    chance.shuffle(fates)
    when = dict(zip(sorted(chance.sample(range(5, offered - 5), len(fates))), fates, strict=True))
    exchanges: list[Exchange] = []
    async with world(folder, nonce_deduplication=deduplication) as (discord, lives, clock):
        await lives.begin()
        discord.faults.random(seed, FAULTS)
        for number in range(offered):
            exchange = await discord.user(f"person {number % people}").slash("bark", "say", text=f"text {number}")
            exchanges.append(exchange)
            if number % 7 == 0:  # now and then people wait for the bot to notice
                with contextlib.suppress(DidNotRespond):
                    await exchange.acknowledged(timeout=5)
            if number % 60 == 59:  # a long outage: what waited through it is answered by messages of its own
                # not while the bot lives: a request on its way would fall out of the nonce's minutes within a millisecond
                await lives.kill()
                clock.advance(TOKEN_LIFE + 1)
                await lives.begin()
            if number in when:
                await some_changes(discord, chance.randrange(12))
                before, _ = rendered(folder)
                await (lives.kill_child() if when[number] == "child" else lives.kill())
                if not lives.alive:
                    await lives.begin()
                await one_more_rendered(folder, before)
        for exchange in filter(deferred, exchanges):
            await exchange.until(lambda message: message.attachments, timeout=180)
        discord.faults.clear()
        await stop(folder, lives)
        sound(folder)
    return exchanges


@pytest.mark.timeout(300)
async def test_without_the_nonce_rule_duplicates_are_seen(tmp_path: Path) -> None:
    """The control: on a Discord that ignores nonces the same chaos answers somebody twice, and this file would notice."""
    async with world(tmp_path, nonce_deduplication=False) as (discord, lives, clock):
        await lives.begin()
        exchange = await discord.user("alice").slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content, timeout=30)
        clock.advance(TOKEN_LIFE + 1)
        discord.faults.add(Fault.lost_answer(SEND))
        (tmp_path / "audio" / f"{exchange.id}.go").touch()
        await discord.until(lambda: len(answers(exchange.messages)) > 1, timeout=30)
        with pytest.raises(AssertionError):
            check(exchange)
