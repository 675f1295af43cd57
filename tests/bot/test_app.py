"""How a life of the bot ends when it cannot go on, or is told to stop before it has begun."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import DATABASE, App
from bot.errors import TokenError
from bot.loopback.faults import Fault
from bot.loopback.point import point_discord_at
from bot.loopback.server import Loopback
from bot.store import Store
from tests.bot.accepted import everybody_accepts
from tests.bot.harness import bot_on, scripted, settings


@contextlib.asynccontextmanager
async def life_on(discord: Loopback, folder: Path) -> AsyncIterator[tuple[App, asyncio.Task[None]]]:
    """An app, and the task that runs it."""
    store = Store.open(folder / DATABASE)
    everybody_accepts(discord, folder / DATABASE)
    with point_discord_at(discord.api_url, discord.gateway_url):
        app = App(config=settings(folder), token=discord.token, store=store, synth=scripted())
        life = asyncio.create_task(app.run())
        try:
            yield app, life
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            store.close()


async def test_a_token_that_is_reset_ends_the_life_and_the_job_at_hand_waits_for_the_next(tmp_path: Path) -> None:
    """Nothing is left running, and the job is not blamed."""
    async with Loopback() as discord:
        before = asyncio.all_tasks()
        async with life_on(discord, tmp_path) as (app, life):
            await app.connected.wait()
            exchange = await discord.user("alice").slash("bark", "say", text="hold")
            await exchange.until(lambda message: "%" in message.content)
            discord.gateway.drop(4004)
            with pytest.raises(TokenError, match="reset"):
                await asyncio.wait_for(life, 10)
            left = {task.get_name() for task in asyncio.all_tasks() - before - {life}}
            assert not {name for name in left if name.split()[0] in {"render", "renderer", "synth", "board", "outbox"}}
        with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as db:
            assert db.execute("SELECT state, deaths FROM jobs").fetchall() == [("queued", 0)]


async def test_a_stop_while_discord_does_not_answer_the_login_is_obeyed(tmp_path: Path) -> None:
    async with Loopback() as discord:
        discord.faults.add(Fault.silence("GET /users/@me", times=None))
        async with life_on(discord, tmp_path) as (app, life):
            await discord.until(lambda: discord.faults.struck)
            app.stop.set()
            await asyncio.wait_for(life, 5)


async def test_keys_that_were_typed_on_are_not_answered(tmp_path: Path) -> None:
    """Whoever types quicker than the bot answers wants the choices for the last key; others get theirs."""
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await synth.until_ready()
        alice, bob = discord.user("alice"), discord.user("bob")
        keys = [
            await alice.type_into("bark", "say", focused=("voice", "german"[:length]), text="x") for length in range(7)
        ]
        other = await bob.type_into("bark", "say", focused=("voice", "e"), text="x")
        for last in (keys[-1], other):
            await last.acknowledged()
            assert last.choices
        assert keys[0].acknowledgement is None
        assert discord.complaints == []
