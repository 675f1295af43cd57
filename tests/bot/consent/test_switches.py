"""Off is off: by the operator, on Colab, by the server, without what it takes; and no way for somebody else's voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot import texts
from bot.app import on_colab
from bot.loopback.schema import Schema
from bot.loopback.user import User
from bot.loopback.world import Permissions
from tests.bot.consent.recordings import recording
from tests.bot.consent.village import Village, said, village_in

ATTACHMENT = 11  # Discord's type of an option that takes a file
DIRECT_MESSAGES = 1 << 12


def names(village: Village) -> list[str]:
    return [command["name"] for command in village.discord.commands.all(None)]


def intents(village: Village) -> int:
    return village.discord.gateway.connected[0].intents


async def test_without_the_operator_there_is_nothing_of_it(tmp_path: Path, schema: Schema | None) -> None:
    """No command, no intent, no setting; a forged choice of the setting changes nothing."""
    async with village_in(tmp_path, schema, member_voices=False) as village:
        assert "bark-voice" not in names(village)
        assert not intents(village) & DIRECT_MESSAGES
        mod = village.discord.user("mod", permissions=Permissions.MANAGE_GUILD)
        panel = await village.answer(await mod.slash("bark", "server"))
        assert "Member voices" not in panel.content
        shown = [part for row in panel.components for part in row["components"] if part.get("options")]
        assert "member_voices" not in {option["value"] for option in shown[0]["options"]}
        assert not village.app._book.server(village.discord.guild_id).member_voices


async def test_never_on_colab(tmp_path: Path, schema: Schema | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261120-060000_RC00")
    async with village_in(tmp_path, schema) as village:
        assert "bark-voice" not in names(village)
    assert on_colab({"COLAB_RELEASE_TAG": ""})
    assert not on_colab({"HOME": "/root"})


async def test_without_a_recogniser_there_is_no_ceremony(tmp_path: Path, schema: Schema | None) -> None:
    async with village_in(tmp_path, schema, enrols=False) as village:
        await village.open()
        assert "not installed" in await village.words(village.alice, "bark-voice", "mine")


async def test_a_server_says_so_and_says_where(tmp_path: Path, schema: Schema | None) -> None:
    """Off at first, and a log channel comes before it. No ceremony in direct messages; no command for what is a role's."""
    async with village_in(tmp_path, schema) as village:
        alice, mod = village.alice, village.mod
        assert intents(village) & DIRECT_MESSAGES
        assert "no member voices" in await village.words(alice, "bark-voice", "mine")
        panel = await village.answer(await mod.slash("bark", "server"))
        assert "Member voices: **no**" in panel.content
        chosen = await mod.choose(panel, "bark-server:features", ["sharing", "member_voices"])
        assert "Choose a log channel first" in (await village.answer(chosen)).content
        assert "bark-voice" in names(village)
        await village.open()
        assert "Member voices: **yes**" in (await village.answer(await mod.slash("bark", "server"))).content
        assert await village.words(alice, "bark-voice", "mine", dm=True) == texts.SERVER_ONLY
        assert "A synthetic copy of your voice" in await village.words(alice, "bark-voice", "mine")


async def test_help_names_the_commands_where_they_may_be_used(tmp_path: Path, schema: Schema | None) -> None:
    """In a server that wants member voices, and in direct messages; a moderator sees theirs besides."""
    async with village_in(tmp_path, schema) as village:
        assert "`/bark-voice mine`" not in await helped(village.alice)
        assert "`/bark-voice mine`" in await helped(village.alice, dm=True)
        await village.open()
        assert "`/bark-voice revoke`" in await helped(village.alice)
        assert "/bark-admin" not in await helped(village.alice)
        seen = await helped(village.mod)
        assert "`/bark-voice grants`" in seen
        assert "`/bark-admin halt`" in seen
        for locale in ("de", "es-ES", "fr", "ja"):  # as long as it gets: Discord would complain
            village.mod.person.locale = locale
            assert "`/bark-admin " in await helped(village.mod)


async def helped(who: User, *, dm: bool = False) -> str:
    message = await (await who.slash("bark", "help", dm=dm)).until(lambda message: message.embeds)
    return str(message.embeds[0]["description"])


async def test_no_path_for_somebody_elses_voice(village: Village) -> None:
    """No command takes a sound or a voice's file; a name is never a path or an address."""
    taken = [option["name"] for command in village.discord.commands.all(None) for option in walked(command)]
    assert taken == ["file", "file"]  # of /bark long, a text, and of /bark verify, a clip that is only judged
    for name in ("../member-voices/1.sealed", "1.npz", "https://example.com/voice.npz", "/etc/passwd", "@1", "#1"):
        assert "I have no voice called" in await village.refused(village.bob, voice=name)
    await village.enrol(village.alice)
    for name in ("@1", "1", "#1"):
        assert "I have no voice called" in await village.refused(village.alice, voice=name, dm=True)


def walked(command: dict[str, Any]) -> list[dict[str, Any]]:
    """The options that take files."""
    options = command.get("options") or []
    inner = [found for option in options for found in walked(option)]
    return [option for option in options if option["type"] == ATTACHMENT] + inner


async def test_no_voice_is_called_what_may_not_be_said(village: Village) -> None:
    """A member voice is called after its member: names are looked at before the terms are shown, and when it is made."""
    book, guild = village.app._book, village.discord.guild_id
    impostor, rude = village.discord.user("Ann_Smith"), village.discord.user("S.p.a.m")
    await book.change_server(guild, names=("Ann Smith",), words=("spam",))
    assert "name here is protected" in await village.words(impostor, "bark-voice", "mine")
    words = await village.words(rude, "bark-voice", "mine")
    assert "this server does not let me say" in words
    assert "spam" not in words.casefold()
    challenge = await village.agree(village.alice)
    await book.change_server(guild, names=("Alice",), words=None)
    sent = village.alice.speak(recording(said(challenge)), 9.0)
    assert "name here is protected" in await village.hears(village.alice, sent)
    assert await village.rows("SELECT id FROM member_voices") == []
    assert village.sealed() == []
