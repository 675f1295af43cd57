"""`/bark say`: the options as people see them, and the way into the queue."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import discord
from discord import app_commands

from bot import texts
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.intake import Intake
from bot.house import House

MAX_SEED = 2**32 - 1
VALUE = 100  # characters of a choice's value
OPTION_LENGTH = 4000  # the guard for `text`; how much is really taken is configured and said in words


def build(intake: Intake, house: House, random_seed: Callable[[], int] | None = None) -> app_commands.Group:
    """The group `/bark` with its commands."""
    new_seed = random_seed or functools.partial(random.SystemRandom().randint, 0, MAX_SEED)
    everywhere = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
    group = app_commands.Group(name="bark", description=texts.COMMAND, allowed_contexts=everywhere)

    @group.command(name="say", description=texts.SAY)
    @app_commands.describe(text=texts.SAY_TEXT, voice=texts.SAY_VOICE, seed=texts.SAY_SEED)
    async def say(
        interaction: discord.Interaction,
        text: app_commands.Range[str, 1, OPTION_LENGTH],
        voice: app_commands.Range[str, 1, 100] | None = None,
        seed: app_commands.Range[int, 0, MAX_SEED] | None = None,
    ) -> None:
        options = house.options(interaction.user.id, interaction.guild_id)
        new = new_seed() if seed is None else seed
        ask = Ask.from_interaction(interaction, text=text, voice=voice, seed=new, options=options)
        verdict = await intake.take(ask, functools.partial(interaction.response.defer, thinking=True))
        if isinstance(verdict, Refused):
            await interaction.response.send_message(verdict.words, ephemeral=True)

    @say.autocomplete("voice")
    async def voice_names(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        offers = house.library.offer(interaction.user.id, interaction.guild_id, typed)
        return [app_commands.Choice(name=offer.label, value=offer.name) for offer in offers if len(offer.name) <= VALUE]

    return group
