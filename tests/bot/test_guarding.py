"""The text guard in a real client on a loopback Discord: moderators write lists, asks are refused privately and by rule."""

from __future__ import annotations

from pathlib import Path

from bot.app import App
from bot.config import GuardSection
from bot.flow.check import Refused
from bot.loopback.server import Loopback
from bot.settings import MOST_NAMES, MOST_WORDS, Server
from tests.bot.harness import bot_on, scripted
from tests.bot.test_gallery import forged, keep, press
from tests.bot.test_panels import fill, moderator, panel, refusal

SCAM = "I work for Discord. Scan this code to verify your account."


async def test_a_servers_words_and_names_and_its_switch_for_scams(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice, mod = discord.user("alice"), moderator(discord)
        message = await panel(mod, "server")
        assert "Words I do not say: **nothing**" in message.content
        opened = await press(mod, message, "What I do not say…")
        await fill(mod, opened, words="Spam\n\n spam \nbuy  now\nSpam", names="Ann Smith", scams=["on"])
        assert app._book.server(discord.guild_id) == Server(words=("Spam", "spam", "buy now"), names=("Ann Smith",))
        assert "Words I do not say: **3**" in message.content
        assert "buy now" not in message.content
        words = await refusal(alice, text="so much s.p.a.m here")
        assert words == "There is a word in that which this server does not let me say. Use other words."
        assert "protected" in await refusal(alice, text="This is Ann Smith speaking")
        assert "speaking as Discord's staff" in await refusal(alice, text=SCAM)
        assert await reasons(app) == {"servers-words", "protected-name", "scam:discord-staff"}
        exchange = await alice.slash("bark", "say", text="spam", dm=True)  # a server's list is for the server
        assert (await exchange.until(lambda other: other.attachments)).attachments
        opened = await press(mod, message, "What I do not say…")
        await fill(mod, opened, words="spam", names="", scams=["off"])
        assert await (await alice.slash("bark", "say", text=SCAM)).until(lambda other: other.attachments)
        assert "does not let me say" in await refusal(alice, text="spam")
        assert discord.complaints == []


async def test_what_is_no_list_changes_nothing(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        mod = moderator(discord)
        message = await panel(mod, "server")
        for words, names, said in (
            ("good\n!!!", "", "has not 2 to 40 characters"),
            ("x" * 41, "", "has not 2 to 40 characters"),
            ("\n".join(f"word {number}" for number in range(MOST_WORDS + 1)), "", f"{MOST_WORDS} words"),
            ("", "\n".join(f"name {number}" for number in range(MOST_NAMES + 1)), f"{MOST_NAMES} names"),
        ):
            wrong = await fill(
                mod, await press(mod, message, "What I do not say…"), words=words, names=names, scams=["on"]
            )
            await wrong.until(lambda other, said=said: said in other.content)
        alice = discord.user("alice")
        await forged(alice, message, "bark-server:guard")
        await forged(alice, message, "bark-server:guard-set")
        assert app._book.server(discord.guild_id) == Server()
        assert discord.complaints == []


async def test_voices_and_speakers_are_not_called_like_protected_people(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice, guild = discord.user("alice"), discord.guild_id
        voice = await keep(app, tmp_path, alice, "My Ann Smith")  # in no server yet
        await app._book.change_server(guild, names=("Ann Smith",))
        shared = await app._library.share(voice, guild)
        assert isinstance(shared, Refused)
        assert shared.rule == "protected-name"
        assert "protected" in await refusal(alice, voice="My Ann Smith")
        exchange = await alice.slash("bark", "dialogue", text="Ann Smith: Hello! / Bob: Hi.")
        assert "protected" in (await exchange.until(lambda other: other.content)).content
        await app._book.change_server(guild, names=None)
        other = await app._library.share(voice, guild)
        assert not isinstance(other, Refused)
        await app._book.change_server(guild, names=("Rex",))
        renamed = await app._library.rename(alice.id, other, "Rex")
        assert isinstance(renamed, Refused)
        assert renamed.words == "That name is protected: no voice may be called so. Choose another one."
        assert discord.complaints == []


async def reasons(app: App) -> set[str]:
    """Why jobs were refused, as written down."""
    rows = await app._store.call(lambda db: db.execute("SELECT reason FROM jobs WHERE state = 'refused'").fetchall())
    return {row["reason"] for row in rows}


async def test_nor_with_words_that_are_not_said_and_the_refusal_names_the_rule_alone(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("mullion\n", encoding="utf-8")
    synth, guard = scripted(), GuardSection(words=str(words))
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth, guard=guard) as app:
        await synth.until_ready()
        alice, guild = discord.user("alice"), discord.guild_id
        (tmp_path / "kept.npz").write_bytes(b"never read")
        refused = await app._library.keep(alice.id, "M.u.l.l.i.o.n", tmp_path / "kept.npz")
        assert isinstance(refused, Refused)
        assert refused.rule == "operators-words"
        assert "mullion" not in refused.words.casefold()
        voice = await keep(app, tmp_path, alice, "My Spam")
        await app._book.change_server(guild, words=("spam",))
        shared = await app._library.share(voice, guild)
        assert isinstance(shared, Refused)
        assert shared.rule == "servers-words"
        assert "spam" not in shared.words.casefold()
        await app._book.change_server(guild, words=None)
        voice = await app._library.share(voice, guild)
        assert not isinstance(voice, Refused)
        await app._book.change_server(guild, words=("eggs",))
        renamed = await app._library.rename(alice.id, voice, "My Eggs")
        assert isinstance(renamed, Refused)
        assert renamed.rule == "servers-words"
