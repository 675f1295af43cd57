"""`/bark say`, `sing`, `sound` and `takes`: the options as people see them, and the way into the queue."""

from __future__ import annotations

import dataclasses
from typing import Any

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.flow.options import Format, Kind, Options
from bot.flow.script import lines

MAX_SEED = 2**32 - 1
CHOICES = 25  # Discord shows at most this many
CHOICE_LENGTH = 100  # characters of one, of its name and of its value
OPTION_LENGTH = 4000  # the guard for `text`; how much is really taken is configured and said in words
MOST_TAKES = 4
MOST_SECONDS = 300

Text = app_commands.Range[str, 1, OPTION_LENGTH]
Voice = app_commands.Range[str, 1, 100]
Seed = app_commands.Range[int, 0, MAX_SEED]
Temperature = app_commands.Range[float, 0.1, 1.5]
Seconds = app_commands.Range[int, 1, MOST_SECONDS]
Count = app_commands.Range[int, 2, MOST_TAKES]

COMMON = {"voice": texts.SAY_VOICE, "seed": texts.SAY_SEED}
FINE = {  # what only some people want stands last: Discord shows it once it is chosen
    "liveliness": texts.LIVELINESS,
    "texture": texts.TEXTURE,
    "form": texts.FORMAT,
    "max_seconds": texts.MAX_SECONDS,
    "voice_message": texts.VOICE_MESSAGE,
}


def group() -> app_commands.Group:
    """The group `/bark`: in servers, in direct messages, and for people who carry it with them."""
    return app_commands.Group(
        name="bark",
        description=texts.COMMAND,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
    )


def add(bark: app_commands.Group, desk: Desk) -> None:
    """The commands for one text in one voice."""
    _speech(bark, desk, Kind.SAY, texts.SAY, texts.SAY_TEXT)
    _speech(bark, desk, Kind.SING, texts.SING, texts.SING_TEXT)
    _speech(bark, desk, Kind.SOUND, texts.SOUND, texts.SOUND_TEXT)
    _takes(bark, desk)


def _speech(bark: app_commands.Group, desk: Desk, kind: Kind, description: str, text_description: str) -> None:
    @bark.command(name=kind.value, description=description)
    @app_commands.describe(text=text_description, **COMMON, **FINE)
    @app_commands.rename(form="format")
    async def speak(
        interaction: discord.Interaction,
        *,
        text: Text,
        voice: Voice | None = None,
        seed: Seed | None = None,
        liveliness: Temperature | None = None,
        texture: Temperature | None = None,
        form: Format | None = None,
        max_seconds: Seconds | None = None,
        voice_message: bool | None = None,
    ) -> None:
        options = wishes(kind, liveliness, texture, form, max_seconds, voice_message=voice_message)
        spoken = lines(text) if kind is Kind.SING else text
        await desk.ask(interaction, text=spoken, voice=voice, seed=seed, options=options)

    offer_voices(speak, desk)


def _takes(bark: app_commands.Group, desk: Desk) -> None:
    @bark.command(name="takes", description=texts.TAKES)
    @app_commands.describe(text=texts.SAY_TEXT, count=texts.TAKES_COUNT, **COMMON, **FINE)
    @app_commands.rename(form="format")
    async def takes(
        interaction: discord.Interaction,
        *,
        text: Text,
        count: Count = 2,
        voice: Voice | None = None,
        seed: Seed | None = None,
        liveliness: Temperature | None = None,
        texture: Temperature | None = None,
        form: Format | None = None,
        max_seconds: Seconds | None = None,
        voice_message: bool | None = None,
    ) -> None:
        options = wishes(Kind.SAY, liveliness, texture, form, max_seconds, voice_message=voice_message)
        await desk.ask(
            interaction, text=text, voice=voice, seed=seed, options=dataclasses.replace(options, takes=count)
        )

    offer_voices(takes, desk)


def wishes(
    kind: Kind,
    liveliness: float | None,
    texture: float | None,
    form: Format | None,
    max_seconds: int | None,
    *,
    voice_message: bool | None,
) -> Options:
    """The options of the flow for those that Discord shows."""
    return Options(
        kind=kind,
        text_temp=liveliness,
        waveform_temp=texture,
        format=form,
        max_seconds=max_seconds,
        voice_message=voice_message,
    )


def offer_voices(command: app_commands.Command[Any, ..., Any], desk: Desk) -> None:
    """Let the voice field of a command offer what fits what was typed."""

    @command.autocomplete("voice")
    async def names(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        offers = desk.house.offers(interaction, typed)
        return [
            app_commands.Choice(name=offer.label, value=offer.name)
            for offer in offers
            if len(offer.name) <= CHOICE_LENGTH
        ]
