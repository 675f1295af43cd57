"""Where people carry the bot with them, and it is no member; and the language in which they are answered."""

import dataclasses
import sqlite3
from pathlib import Path

from bot import texts
from bot.flow import queue
from bot.flow.job import TOKEN_LIFE
from bot.flow.pace import Pace
from bot.loopback.server import Loopback
from bot.store import remember
from tests.bot.harness import bot_on
from tests.lives import MovedClock


async def test_whoever_installed_it_is_answered_where_the_bot_is_no_member(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        exchange = await alice.slash("bark", "say", text="hello", channel=discord.private)
        await exchange.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, exchange.id)
        assert job is not None
        assert job.guild_id is None
        said = alice.write("good dog", channel=discord.private)
        barked = await alice.use_on_message("Bark this", said)
        await barked.until(lambda message: message.attachments)
        assert discord.complaints == []


async def test_whoever_installed_it_deletes_their_answer_where_the_bot_is_no_member(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice, bob = discord.user("alice"), discord.user("bob")
        exchange = await alice.slash("bark", "say", text="hello", channel=discord.private)
        answer = await exchange.until(lambda message: message.attachments)
        refused = await bob.press(answer, label="Delete")
        await refused.until(lambda message: "moderator" in message.content)
        assert not answer.deleted
        await alice.press(answer, label="Delete")
        await discord.until(lambda: answer.deleted)

        job = await app._store.call(queue.get, exchange.id)
        for guild, label in ((discord.guild_id, texts.BUTTONS["play"]), (discord.guild_id + 1, "Delete")):
            view = app._outbox._view(dataclasses.replace(job, guild_id=guild))
            assert label in {button.item.label for button in view.children}, guild
        assert discord.complaints == []


async def test_what_would_take_more_than_the_15_minutes_is_refused_there_and_taken_elsewhere(tmp_path: Path) -> None:
    def slow(db: sqlite3.Connection) -> None:
        remember(db, "pace", dataclasses.asdict(Pace(mean=TOKEN_LIFE / 100, deviation=0.1)))  # 15 min for 80 characters

    async with Loopback() as discord:
        async with bot_on(discord, tmp_path) as app:
            await app._store.call(slow)
        async with bot_on(discord, tmp_path):
            alice = discord.user("alice")
            refused = await alice.slash("bark", "say", text="x" * 80, channel=discord.private)
            words = await refused.until(lambda message: message.content)
            assert words.ephemeral
            assert "about 15 min" in words.content
            assert "where I am no member" in words.content
            short = await alice.slash("bark", "say", text="x", channel=discord.private)
            await short.until(lambda message: message.attachments)
            direct = await alice.slash("bark", "say", text="x" * 80, dm=True)
            await direct.until(lambda message: message.attachments)
        assert discord.complaints == []


async def test_an_answer_that_comes_too_late_there_goes_to_the_asker(tmp_path: Path) -> None:
    """The estimate was wrong: the conversation is closed to the bot, the asker's direct messages may not be."""
    clock = MovedClock(tmp_path / "clock")
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await discord.user("alice").slash("bark", "say", text="hold", channel=discord.private)
        await exchange.until(lambda message: "%" in message.content)
        clock.advance(TOKEN_LIFE)
        (app._audio / f"{exchange.id}.go").touch()
        message = await exchange.until(lambda message: message.attachments)
        assert message.channel_id == discord.user("alice").dm.id
        assert discord.complaints == []


async def test_the_answer_is_in_the_askers_language_also_after_a_restart(tmp_path: Path) -> None:
    async with Loopback() as discord:
        alice, bob = discord.user("alice"), discord.user("bob")
        alice.person.locale, bob.person.locale = "de", "ja"
        async with bot_on(discord, tmp_path) as app:
            held = await alice.slash("bark", "say", text="hold", seed=1)
            await held.until(lambda message: "sucht die Worte" in message.content)
            waiting = await bob.slash("bark", "say", text="two", seed=1)
            await waiting.until(lambda message: "次の順番です" in message.content)
            empty = await (await bob.slash("bark", "say", text=" ")).until(lambda message: message.ephemeral)
            assert empty.content == "話す内容がありません。テキストを書いてください。"
            (app._audio / f"{held.id}.go").touch()
            app._renderer._stopping = True  # what is at hand is finished; the other job is left for the next life
        async with bot_on(discord, tmp_path):
            answer = await waiting.until(lambda message: message.attachments)
            assert answer.content.startswith("AI生成音声 (Bark)")
            assert answer.attachments[0].description.startswith("AI生成音声、声 ")
            answer = await held.until(lambda message: message.attachments)
            assert answer.content.startswith("KI-erzeugte Sprache (Bark) · Stimme ")
            failed = await alice.slash("bark", "say", text="fail:disk-full")
            words = await failed.until(lambda message: message.ephemeral)
            assert words.content.startswith("Die Platte ist voll")
        assert discord.complaints == []
