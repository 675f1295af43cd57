"""`/bark join`, `leave`, `play`, `skip`, `stop`, `pause`, `now`, and `/bark-admin read`: voice channels, as people see them."""

from __future__ import annotations

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.commands.forms import whisper
from bot.commands.refusing import Gate
from bot.commands.say import COMMON, Seed, Text, Voice, offer_voices
from bot.flow.booth import Booth
from bot.flow.check import Refused
from bot.flow.options import Format, Options
from bot.flow.reading import Reading
from bot.flow.visitor import Visitor
from bot.settings import Feature
from bot.texts import say

MOST = 1000  # of a number in the queue


def add(bark: app_commands.Group, desk: Desk, booth: Booth, gate: Gate) -> None:
    """The commands."""
    _moving(bark, booth, gate)
    _playing(bark, desk, booth)
    _queue(bark, booth)


def _moving(bark: app_commands.Group, booth: Booth, gate: Gate) -> None:
    @bark.command(name="join", description=texts.JOIN)
    async def join(interaction: discord.Interaction) -> None:
        if not await gate.lets(interaction, Feature.VOICE):
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _done(interaction, await booth.join(Visitor.of(interaction)))

    @bark.command(name="leave", description=texts.LEAVE)
    async def leave(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _done(interaction, await booth.leave(Visitor.of(interaction)))


def _queue(bark: app_commands.Group, booth: Booth) -> None:
    @bark.command(name="skip", description=texts.SKIP)
    @app_commands.describe(number=texts.SKIP_NUMBER)
    async def skip(interaction: discord.Interaction, number: app_commands.Range[int, 1, MOST] | None = None) -> None:
        await whisper(interaction, await booth.skip(Visitor.of(interaction), number))

    @bark.command(name="stop", description=texts.STOP)
    async def stop(interaction: discord.Interaction) -> None:
        await whisper(interaction, await booth.stop(Visitor.of(interaction)))

    @bark.command(name="pause", description=texts.PAUSE)
    async def pause(interaction: discord.Interaction) -> None:
        await whisper(interaction, booth.pause(Visitor.of(interaction)))

    @bark.command(name="now", description=texts.NOW)
    async def now(interaction: discord.Interaction) -> None:
        await whisper(interaction, await booth.now(Visitor.of(interaction)))


def _playing(bark: app_commands.Group, desk: Desk, booth: Booth) -> None:
    @bark.command(name="play", description=texts.PLAY)
    @app_commands.describe(text=texts.SAY_TEXT, **COMMON)
    async def play(
        interaction: discord.Interaction, text: Text, voice: Voice | None = None, seed: Seed | None = None
    ) -> None:
        where = booth.place(Visitor.of(interaction))
        if isinstance(where, Refused):
            await whisper(interaction, where.words)
        else:  # a format that can be heard while it is made
            options = Options(speak_in=where, format=Format.OGG)
            await desk.ask(interaction, text=text, voice=voice, seed=seed, options=options)

    offer_voices(play, desk)


def add_reading(admin: app_commands.Group, reading: Reading) -> None:
    """`/bark-admin read`: for moderators."""

    @admin.command(name="read", description=texts.READ)
    @app_commands.describe(on=texts.READ_ON, channel=texts.READ_CHANNEL)
    async def read(interaction: discord.Interaction, on: bool, channel: discord.TextChannel | None = None) -> None:  # noqa: FBT001 - an option in Discord
        visitor, place = Visitor.of(interaction), channel.id if channel else interaction.channel_id
        if visitor.guild is None or not interaction.permissions.manage_guild:
            await whisper(interaction, say(texts.READ_MODERATORS))
        elif on and not reading.possible:
            await whisper(interaction, say(texts.READ_NEEDS_INTENT))
        elif on:
            await reading.turn(visitor.guild.id, place)
            await interaction.response.send_message(say(texts.READ_IS_ON, channel=f"<#{place}>"))
        else:
            before = await reading.turn(visitor.guild.id, None)
            await interaction.response.send_message(say(texts.READ_IS_OFF) if before else say(texts.READ_ALREADY_OFF))


async def _done(interaction: discord.Interaction, words: str) -> None:
    await interaction.edit_original_response(content=words)
