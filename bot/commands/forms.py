"""Modals and buttons in the language of whoever uses them, and the one place where a mistake of ours becomes words."""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast

import discord

from bot import i18n, texts
from bot.commands.brake import lets
from bot.flow.post import ERRORS
from bot.texts import say

log = logging.getLogger(__name__)

T = TypeVar("T")


class Polyglot(Protocol):
    """The client, as far as this file knows it."""

    def language(self, interaction: discord.Interaction) -> str:
        """Which language to speak to the person of an interaction."""


def speak(interaction: discord.Interaction) -> None:
    """From now on this task speaks the language of whoever did this. The first thing wherever an interaction comes in."""
    i18n.speak(cast("Polyglot", interaction.client).language(interaction))


class Modal(discord.ui.Modal):
    """A window to type in."""

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        """Only who opened it can send it: who is too fast may not."""
        speak(interaction)
        return await lets(interaction)

    async def on_error(  # type: ignore[override]  # discord.py's own Modal has no item either
        self, interaction: discord.Interaction, error: Exception
    ) -> None:
        """Words for whoever sent it."""
        await failed(interaction, error, type(self).__name__)


def guarded(
    callback: Callable[[T, discord.Interaction], Coroutine[Any, Any, None]],
) -> Callable[[T, discord.Interaction], Coroutine[Any, Any, None]]:
    """The same for the callback of a DynamicItem or for a client's event: discord.py only logs what goes wrong there."""

    @functools.wraps(callback)
    async def run(item: T, interaction: discord.Interaction) -> None:
        speak(interaction)
        try:
            if await lets(interaction):
                await callback(item, interaction)
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for an answer
            await failed(interaction, error, f"{type(item).__name__} {_custom_id(interaction)!r}")

    return run


def _custom_id(interaction: discord.Interaction) -> str:
    """What was pressed or filled in; whoever forges it may have written anything."""
    data: dict[str, Any] = dict(interaction.data or {})
    return str(data.get("custom_id", ""))[:100]


async def failed(interaction: discord.Interaction, error: BaseException, what: str) -> None:
    """Write down what went wrong, and tell the person who waits, in words that help."""
    if interaction.type is discord.InteractionType.autocomplete:
        if not isinstance(error, discord.NotFound):  # the person typed on; the answer came too late to matter
            log.error("%s failed", what, exc_info=error)
        return
    log.error("%s failed", what, exc_info=error)
    words = say(texts.STORE_FULL if isinstance(error, sqlite3.OperationalError) else texts.UNEXPECTED)
    try:
        await whisper(interaction, words)
    except ERRORS as failure:
        log.warning("and its asker could not be told: %s", failure)


async def whisper(interaction: discord.Interaction, words: str) -> None:
    """Words for the person of this interaction alone."""
    if interaction.response.is_done():
        await interaction.followup.send(words, ephemeral=True)
    else:
        await interaction.response.send_message(words, ephemeral=True)
