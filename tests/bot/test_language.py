"""The language of the bot's words: what a person has set, then what their server has, then what their Discord speaks."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from bot.app import App
from bot.flow import queue
from bot.i18n import language_of
from bot.loopback.server import Loopback
from bot.settings import LANGUAGES
from tests.bot.harness import bot_on


def test_each_language_that_can_be_set_is_spoken() -> None:
    assert {language_of(name) for name in LANGUAGES} == set(LANGUAGES)
    assert {language_of(locale) for locale in discord.Locale} == set(LANGUAGES)
    assert [language_of(name) for name in ("", "None", "tlh", "es-ES", "es")] == ["en", "en", "en", "es", "es"]


async def nothing_to_say(loopback: Loopback, name: str) -> str:
    """The words for an empty text."""
    exchange = await loopback.user(name).slash("bark", "say", text=" ")
    return (await exchange.until(lambda message: message.ephemeral)).content


async def test_a_persons_choice_wins_over_their_servers_and_that_over_discords(tmp_path: Path) -> None:
    async with Loopback() as loopback, bot_on(loopback, tmp_path) as app:
        loopback.user("alice").person.locale = "fr"
        assert "rien à dire" in await nothing_to_say(loopback, "alice")
        await app._book.change_server(loopback.guild_id, language="es")
        assert "nada que decir" in await nothing_to_say(loopback, "alice")
        await app._book.change_mine(loopback.user("alice").id, language="de")
        assert "nichts zu sagen" in await nothing_to_say(loopback, "alice")
        assert "nada que decir" in await nothing_to_say(loopback, "bob")
        await app._book.change_mine(loopback.user("alice").id, language="en")
        assert "nothing to say" in await nothing_to_say(loopback, "alice")
        assert loopback.complaints == []


async def commands(loopback: Loopback, _: App) -> None:
    alice = loopback.user("alice")
    words = await (await alice.slash("bark", "cancel")).until(lambda message: message.content)
    assert words.content == "Du hast nichts in der Warteschlange."


async def windows(loopback: Loopback, _: App) -> None:
    alice = loopback.user("alice")
    opened = await alice.slash("bark", "dialogue")
    await opened.acknowledged()
    assert opened.modal is not None
    assert opened.modal["title"] == "Ein Gespräch"
    words = await (await alice.submit(opened, {"turns": "nobody"})).until(lambda message: message.ephemeral)
    assert words.content.startswith("Darin spricht niemand.")


async def answers_and_their_buttons(loopback: Loopback, app: App) -> None:
    alice = loopback.user("alice")
    exchange = await alice.slash("bark", "say", text="hello there")
    message = await exchange.until(lambda message: message.attachments)
    assert message.content.startswith("KI-erzeugte Sprache (Bark) · Stimme")
    job = await app._store.call(queue.get, exchange.id)
    assert job is not None
    assert job.options.locale == "de"
    more = await (await alice.press(message, label="Mehr")).until(lambda message: message.ephemeral)
    assert more.content == "Was möchtest du noch damit machen?"


async def panels(loopback: Loopback, _: App) -> None:
    alice = loopback.user("alice")
    panel = await (await alice.slash("bark", "settings")).until(lambda message: message.content)
    assert panel.content.startswith("**Deine Einstellungen.**")
    await (await alice.choose(panel, "bark-settings:language", ["fr"])).acknowledged()
    assert panel.content.startswith("**Tes réglages.**")  # at once


@pytest.mark.parametrize("way", [commands, windows, answers_and_their_buttons, panels], ids=lambda way: way.__name__)
async def test_it_holds_whichever_way_somebody_comes(tmp_path: Path, way) -> None:
    async with Loopback() as loopback, bot_on(loopback, tmp_path) as app:
        loopback.user("alice").person.locale = "ja"
        await app._book.change_mine(loopback.user("alice").id, language="de")
        await way(loopback, app)
        assert loopback.complaints == []
