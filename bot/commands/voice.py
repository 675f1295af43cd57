"""`/bark join`, `leave`, `play`, `skip`, `stop`, `pause`, `now` and `read`: voice channels, as people see them."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import discord
from discord import app_commands

from bot import texts
from bot.commands.say import MAX_SEED, OPTION_LENGTH, matching
from bot.flow.ask import Ask
from bot.flow.booth import Booth
from bot.flow.check import Refused
from bot.flow.intake import Intake
from bot.flow.options import Options
from bot.flow.reading import Reading
from bot.flow.visitor import Visitor
from bot.texts import say

MOST = 1000  # of a number in the queue


def add(
    group: app_commands.Group,
    booth: Booth,
    reading: Reading,
    *,
    intake: Intake,
    voices: Callable[[], tuple[str, ...]],
    random_seed: Callable[[], int] | None = None,
) -> None:
    """Adds the commands to `/bark`."""
    _moving(group, booth)
    _queue(group, booth)
    _playing(group, booth, intake, voices, random_seed or functools.partial(random.SystemRandom().randint, 0, MAX_SEED))
    _reading(group, reading)


def _moving(group: app_commands.Group, booth: Booth) -> None:
    @group.command(name="join", description=texts.JOIN)
    async def join(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _done(interaction, await booth.join(Visitor.of(interaction)))

    @group.command(name="leave", description=texts.LEAVE)
    async def leave(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _done(interaction, await booth.leave(Visitor.of(interaction)))


def _queue(group: app_commands.Group, booth: Booth) -> None:
    @group.command(name="skip", description=texts.SKIP)
    @app_commands.describe(number=texts.SKIP_NUMBER)
    async def skip(interaction: discord.Interaction, number: app_commands.Range[int, 1, MOST] | None = None) -> None:
        await _tell(interaction, await booth.skip(Visitor.of(interaction), number))

    @group.command(name="stop", description=texts.STOP)
    async def stop(interaction: discord.Interaction) -> None:
        await _tell(interaction, await booth.stop(Visitor.of(interaction)))

    @group.command(name="pause", description=texts.PAUSE)
    async def pause(interaction: discord.Interaction) -> None:
        await _tell(interaction, booth.pause(Visitor.of(interaction)))

    @group.command(name="now", description=texts.NOW)
    async def now(interaction: discord.Interaction) -> None:
        await _tell(interaction, await booth.now(Visitor.of(interaction)))


def _playing(
    group: app_commands.Group,
    booth: Booth,
    intake: Intake,
    voices: Callable[[], tuple[str, ...]],
    random_seed: Callable[[], int],
) -> None:
    @group.command(name="play", description=texts.PLAY)
    @app_commands.describe(text=texts.SAY_TEXT, voice=texts.SAY_VOICE, seed=texts.SAY_SEED)
    async def play(
        interaction: discord.Interaction,
        text: app_commands.Range[str, 1, OPTION_LENGTH],
        voice: app_commands.Range[str, 1, 100] | None = None,
        seed: app_commands.Range[int, 0, MAX_SEED] | None = None,
    ) -> None:
        where = booth.place(Visitor.of(interaction))
        if isinstance(where, Refused):
            await _tell(interaction, where.words)
            return
        ask = Ask.from_interaction(
            interaction,
            text=text,
            voice=voice,
            seed=random_seed() if seed is None else seed,
            options=Options(speak_in=where),
        )
        verdict = await intake.take(ask, functools.partial(interaction.response.defer, thinking=True))
        if isinstance(verdict, Refused):
            await _tell(interaction, verdict.words)

    @play.autocomplete("voice")
    async def voice_names(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name[:100], value=name) for name in matching(typed, voices())]


def _reading(group: app_commands.Group, reading: Reading) -> None:
    @group.command(name="read", description=texts.READ)
    @app_commands.describe(on=texts.READ_ON, channel=texts.READ_CHANNEL)
    async def read(interaction: discord.Interaction, on: bool, channel: discord.TextChannel | None = None) -> None:  # noqa: FBT001 - an option in Discord
        visitor, place = Visitor.of(interaction), channel.id if channel else interaction.channel_id
        if visitor.guild is None or not interaction.permissions.manage_guild:
            await _tell(interaction, texts.READ_MODERATORS)
        elif on and not reading.possible:
            await _tell(interaction, texts.READ_NEEDS_INTENT)
        elif on:
            await reading.turn(visitor.guild.id, place)
            await interaction.response.send_message(say(texts.READ_IS_ON, channel=f"<#{place}>"))
        else:
            before = await reading.turn(visitor.guild.id, None)
            await interaction.response.send_message(texts.READ_IS_OFF if before else texts.READ_ALREADY_OFF)


async def _tell(interaction: discord.Interaction, words: str) -> None:
    await interaction.response.send_message(words, ephemeral=True)


async def _done(interaction: discord.Interaction, words: str) -> None:
    await interaction.edit_original_response(content=words)
