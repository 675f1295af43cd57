"""`/bark dialogue`: several people, each with a voice; typed into the option, or into a window with a line for each."""

from __future__ import annotations

import dataclasses

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.commands.forms import Modal, whisper
from bot.commands.say import FINE, OPTION_LENGTH, Seconds, Seed, Temperature, Text, wishes
from bot.flow.cast import cast_of
from bot.flow.check import Refused
from bot.flow.options import Format, Kind, Options
from bot.flow.script import lines, tidy
from bot.texts import say

CAST_LENGTH = 1000  # characters

Cast = app_commands.Range[str, 1, CAST_LENGTH]


def add(bark: app_commands.Group, desk: Desk) -> None:
    """The command."""

    @bark.command(name="dialogue", description=texts.DIALOGUE)
    @app_commands.describe(text=texts.DIALOGUE_TEXT, cast=texts.DIALOGUE_CAST, seed=texts.SAY_SEED, **FINE)
    @app_commands.rename(form="format")
    async def dialogue(
        interaction: discord.Interaction,
        *,
        text: Text | None = None,
        cast: Cast | None = None,
        seed: Seed | None = None,
        liveliness: Temperature | None = None,
        texture: Temperature | None = None,
        form: Format | None = None,
        max_seconds: Seconds | None = None,
        voice_message: bool | None = None,
    ) -> None:
        options = wishes(Kind.DIALOGUE, liveliness, texture, form, max_seconds, voice_message=voice_message)
        if text is None:
            await interaction.response.send_modal(Turns(desk, cast=cast or "", seed=seed, options=options))
        else:
            await perform(interaction, desk, text=text, cast=cast or "", seed=seed, options=options)


async def perform(
    interaction: discord.Interaction, desk: Desk, *, text: str, cast: str, seed: int | None, options: Options
) -> None:
    """Ask for a dialogue, or say what is wrong with its cast."""
    text = tidy(lines(text), Kind.DIALOGUE)
    found = cast_of(text, cast, desk.voices(interaction), str(interaction.locale)[:2])
    if isinstance(found, Refused):
        await whisper(interaction, found.words)
    else:
        options = dataclasses.replace(options, cast=found, long=True)  # a conversation seldom is short
        await desk.ask(interaction, text=text, seed=seed, options=options)


class Turns(Modal):
    """The window: who says what, and with which voice."""

    def __init__(self, desk: Desk, *, cast: str, seed: int | None, options: Options) -> None:
        super().__init__(title=say(texts.WINDOW_DIALOGUE))
        self._desk, self._seed, self._options = desk, seed, options
        self._turns = discord.ui.TextInput[Turns](
            custom_id="turns",
            style=discord.TextStyle.paragraph,
            placeholder=say(texts.WINDOW_TURNS_HINT),
            max_length=OPTION_LENGTH,
        )
        self._cast = discord.ui.TextInput[Turns](
            custom_id="cast",
            style=discord.TextStyle.paragraph,
            placeholder="Ann=v2/en_speaker_6, Bob=v2/de_speaker_1",
            default=cast or None,
            required=False,
            max_length=CAST_LENGTH,
        )
        self.add_item(discord.ui.Label(text=say(texts.WINDOW_TURNS), component=self._turns))
        self.add_item(discord.ui.Label(text=say(texts.WINDOW_CAST), component=self._cast))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """What was typed is asked for."""
        await perform(
            interaction,
            self._desk,
            text=self._turns.value,
            cast=self._cast.value,
            seed=self._seed,
            options=self._options,
        )
