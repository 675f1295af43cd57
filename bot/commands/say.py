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

MAX_SEED = 2**32 - 1
CHOICES = 25  # Discord shows at most this many
OPTION_LENGTH = 4000  # the guard for `text`; how much is really taken is configured and said in words


def build(
    intake: Intake, voices: Callable[[], tuple[str, ...]], random_seed: Callable[[], int] | None = None
) -> app_commands.Group:
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
        ask = Ask.from_interaction(interaction, text=text, voice=voice, seed=new_seed() if seed is None else seed)
        verdict = await intake.take(ask, functools.partial(interaction.response.defer, thinking=True))
        if isinstance(verdict, Refused):
            await interaction.response.send_message(verdict.words, ephemeral=True)

    @say.autocomplete("voice")
    async def voice_names(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name[:100], value=name) for name in matching(typed, voices())]

    return group


def matching(typed: str, voices: tuple[str, ...], limit: int = CHOICES) -> list[str]:
    """The voices for what was typed so far: those that begin with it, then those that hold all its words."""
    words = typed.casefold().replace("/", " ").replace("_", " ").split()

    def rank(name: str) -> int:
        plain = name.casefold()
        if plain.startswith(typed.casefold()):
            return 0
        return 1 if all(word in plain for word in words) else 2

    ranked = sorted(((rank(name), number, name) for number, name in enumerate(voices)))
    return [name for place, _, name in ranked if place < 2][:limit]
