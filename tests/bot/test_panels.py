"""`/bark settings` and `/bark server` in a real client on a loopback Discord, and that asks honour what was set there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import soundfile

from bot.flow.options import Format
from bot.loopback.commands import Refused
from bot.loopback.exchange import Exchange
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.user import User
from bot.loopback.world import Permissions
from bot.settings import Feature, Liveliness, Mine, Server
from tests.bot.harness import bot_on, scripted
from tests.bot.test_gallery import forged, labels, press

GERMAN, ENGLISH = "v2/de_speaker_1", "v2/en_speaker_6"


async def panel(who: User, name: str) -> Message:
    exchange = await who.slash("bark", name)
    await exchange.acknowledged()
    assert exchange.ephemeral
    assert exchange.original is not None
    return exchange.original


async def choose(who: User, message: Message, custom_id: str, *values: object) -> None:
    await (await who.choose(message, custom_id, [str(value) for value in values])).acknowledged()


async def fill(who: User, opened: Exchange, **fields: str | list[str]) -> Exchange:
    exchange = await who.submit(opened, fields)
    await exchange.acknowledged()
    return exchange


def moderator(discord: Loopback) -> User:
    return discord.user("mod", permissions=Permissions.MANAGE_GUILD)


async def refusal(who: User, text: str = "hello", **options: object) -> str:
    """The words that an ask is refused with."""
    exchange = await who.slash("bark", "say", text=text, **options)
    message = await exchange.until(lambda message: message.content)
    assert exchange.ephemeral
    return message.content


async def test_my_settings_are_shown_and_changed_and_the_next_ask_follows_them(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice = discord.user("alice")
        message = await panel(alice, "settings")
        assert "Liveliness: **left open**" in message.content
        await choose(alice, message, "bark-settings:liveliness", "lively")
        await choose(alice, message, "bark-settings:format", "mp3")
        await press(alice, message, "As a voice message")
        await press(alice, message, "Mention me when it comes late")
        await fill(alice, await press(alice, message, "Voice…"), voice="german 1")
        assert "Voice: **German 1**" in message.content
        assert "Liveliness: **lively**" in message.content
        assert "Mention me when it comes late: **no**" in message.content
        await choose(alice, message, "bark-settings:language", "de")
        assert "Stimme: **German 1**" in message.content
        assert app._book.mine(alice.id) == Mine(
            voice=GERMAN,
            liveliness=Liveliness.LIVELY,
            format=Format.MP3,
            voice_message=True,
            language="de",
            mention_late=False,
        )
        await choose(alice, message, "bark-settings:format", "-")
        await press(alice, message, "Als Sprachnachricht")
        answer = await (await alice.slash("bark", "say", text="hello")).until(lambda message: message.attachments)
        assert f"Stimme {GERMAN} " in answer.content
        with soundfile.SoundFile(io.BytesIO(answer.attachments[0].data)) as file:
            assert "text_temp=0.95" in file.comment
        answer = await (await alice.slash("bark", "say", text="hi", voice=ENGLISH)).until(
            lambda message: message.attachments
        )
        assert f"Stimme {ENGLISH} " in answer.content
        await press(alice, message, "Alles zurücksetzen")
        assert app._book.mine(alice.id) == Mine()
        assert "Voice: **left open**" in message.content
        assert discord.complaints == []


async def test_a_voice_that_is_not_there_is_said_with_close_names(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice = discord.user("alice")
        message = await panel(alice, "settings")
        refused = await fill(alice, await press(alice, message, "Voice…"), voice="v2/en_speaker_7")
        words = await refused.until(lambda other: "no voice called" in other.content)
        assert ENGLISH in words.content
        assert app._book.mine(alice.id).voice is None
        assert discord.complaints == []


@pytest.mark.parametrize("custom_id", ["bark-settings:format", "bark-settings:language", "bark-settings:liveliness"])
async def test_forged_choices_are_not_understood(tmp_path: Path, custom_id: str) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        message = await panel(alice, "settings")
        await forged(alice, message, custom_id, ["../../evil"])
        assert app._book.mine(alice.id) == Mine()
        assert [m.content for m in discord.messages._by_id.values()][-1].startswith("That choice is not one I know")
        assert discord.complaints == []


async def test_only_moderators_see_and_change_the_servers_settings(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice, mod = discord.user("alice"), moderator(discord)
        assert "may manage this server" in (await panel(alice, "server")).content
        exchange = await mod.slash("bark", "server", dm=True)
        await exchange.acknowledged()
        assert exchange.original is not None
        assert exchange.original.content == "That is for servers: use it in one."
        message = await panel(mod, "server")
        assert "Channels where I speak: **everywhere**" in message.content
        mod.person.permissions &= ~Permissions.MANAGE_GUILD  # no longer one
        for custom_id, values in (
            ("bark-server:channels", [str(discord.second)]),
            ("bark-server:features", ["sing"]),
            ("bark-server:limits", None),
            ("bark-server:words", None),
            ("bark-server:reset", None),
        ):
            exchange = await forged(mod, message, custom_id, values)
            assert exchange.modal is None
            assert exchange.original is not None
            assert "may manage this server" in exchange.original.content
        own = await panel(alice, "settings")
        await forged(alice, own, "bark-server:limits-set")
        assert app._book.server(discord.guild_id) == Server()
        assert discord.complaints == []


async def test_channels_and_roles(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice, bob, mod = discord.user("alice"), discord.user("bob"), moderator(discord)
        barkers = discord.role("barkers", alice)
        message = await panel(mod, "server")
        with pytest.raises(Refused):  # the menu offers no voices of people
            await choose(mod, message, "bark-server:roles", alice.id)
        await choose(mod, message, "bark-server:channels", discord.second)
        assert f"Channels where I speak: **<#{discord.second}>**" in message.content
        assert await refusal(alice) == f"This server lets me speak in <#{discord.second}> only."
        await (await alice.slash("bark", "say", text="hi", channel=discord.second)).until(lambda m: m.attachments)
        await (await alice.slash("bark", "say", text="hi", dm=True)).until(lambda m: m.attachments)
        await choose(mod, message, "bark-server:channels", discord.general)
        await (await alice.slash("bark", "say", text="hi", channel=discord.thread)).until(lambda m: m.attachments)
        await choose(mod, message, "bark-server:channels")
        await choose(mod, message, "bark-server:roles", barkers)
        assert await refusal(bob) == f"This server lets me speak for <@&{barkers}> only."
        await (await alice.slash("bark", "say", text="hi")).until(lambda m: m.attachments)
        await press(mod, message, "Reset all")
        assert app._book.server(discord.guild_id) == Server()
        assert discord.complaints == []


async def test_features_and_sharing(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        mod = moderator(discord)
        message = await panel(mod, "server")
        await choose(mod, message, "bark-server:features", "sing", "sound", "long")
        server = app._book.server(discord.guild_id)
        assert (set(server.off), server.sharing) == ({Feature.DIALOGUE, Feature.VOICE}, False)
        assert "Turned off: **dialogues, speaking in voice channels**" in message.content
        await forged(mod, message, "bark-server:features", ["sing", "everything"])
        assert discord.complaints == []


async def test_limits_and_words(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice, mod = discord.user("alice"), moderator(discord)
        message = await panel(mod, "server")
        opened = await press(mod, message, "Limits…")
        await fill(
            mod, opened, max_chars="20", waiting_per_user="99", waiting_per_guild="", member_seconds_per_hour="60"
        )
        assert "Seconds of speech for one member an hour: **60**" in message.content
        assert "Longest text, in characters: **20**" in message.content
        assert "Texts in line for one member: **3**" in message.content  # never more than configured
        assert "20 is the most" in await refusal(alice, text="x" * 21)
        wrong = await fill(
            mod, await press(mod, message, "Limits…"), max_chars="many", waiting_per_user="", waiting_per_guild=""
        )
        await wrong.until(lambda other: "“many” is not a whole number" in other.content)
        assert app._book.server(discord.guild_id).max_chars == 20
        opened = await press(mod, message, "Voice and language…")
        await fill(mod, opened, voice=GERMAN, language=["ja"])
        assert "ボットの言語: **日本語**" in message.content
        answer = await (await alice.slash("bark", "say", text="hello")).until(lambda other: other.attachments)
        assert f"声 {GERMAN} " in answer.content
        assert app._book.effective(alice.id, discord.guild_id).language == "ja"
        assert discord.complaints == []


async def test_changes_are_told_in_the_channel_for_notices(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        mod = moderator(discord)
        message = await panel(mod, "server")
        await choose(mod, message, "bark-server:log_channel", discord.second)
        await choose(mod, message, "bark-server:channels", discord.general)
        notices = await discord.until(lambda: discord.channel_messages(discord.second)[1:])
        assert notices[0].content == (
            f"<@{mod.id}> changed this server's settings · Channels where I speak: **<#{discord.general}>**"
        )
        await app._book.change_mine(mod.id, language="fr")
        await choose(mod, message, "bark-server:channels", discord.second)
        notices = await discord.until(lambda: discord.channel_messages(discord.second)[2:])
        assert notices[0].content.endswith(f"réglages de ce serveur · Salons où je parle : **<#{discord.second}>**")
        discord.deny(discord.second, Permissions.SEND_MESSAGES)
        await choose(mod, message, "bark-server:channels")
        assert "partout" in message.content
        assert discord.complaints == []


async def test_panels_work_after_a_restart(tmp_path: Path) -> None:
    async with Loopback() as discord:
        alice, mod = discord.user("alice"), moderator(discord)
        async with bot_on(discord, tmp_path):
            mine, server = await panel(alice, "settings"), await panel(mod, "server")
            await choose(mod, server, "bark-server:channels", discord.second)
            opened = await press(mod, server, "Limits…")
        async with bot_on(discord, tmp_path) as app:
            assert "only" in await refusal(alice)
            await choose(alice, mine, "bark-settings:liveliness", "calm")
            await choose(mod, server, "bark-server:channels")
            await fill(mod, opened, max_chars="500", waiting_per_user="", waiting_per_guild="")
            assert app._book.mine(alice.id).liveliness is Liveliness.CALM
            assert app._book.server(discord.guild_id) == Server(max_chars=500)
            assert "Reset all" in labels(server)
        assert discord.complaints == []
