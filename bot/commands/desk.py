"""Where every command hands in what it asks for."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable

import discord

from bot.commands.refusing import refuse
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.intake import Intake
from bot.flow.options import Options
from bot.house import House


class Desk:
    """The way from an interaction into the queue, with the voices there are and the seeds that nobody chose."""

    def __init__(self, *, intake: Intake, house: House, new_seed: Callable[[], int]) -> None:
        self._intake, self.house, self.new_seed = intake, house, new_seed

    def voices(self, interaction: discord.Interaction) -> tuple[str, ...]:
        """The names of the voices that this person may use here."""
        return self.house.library.names(interaction.user.id, interaction.guild_id)

    async def ask(
        self,
        interaction: discord.Interaction,
        *,
        text: str,
        voice: str | None = None,
        seed: int | None = None,
        options: Options = Options(),
    ) -> None:
        """Ask for audio as the answer to this interaction; it is acknowledged here."""
        seed = self.new_seed() if seed is None else seed
        await self.take(
            interaction, Ask.from_interaction(interaction, text=text, voice=voice, seed=seed, options=options)
        )

    async def take(
        self, interaction: discord.Interaction, ask: Ask | Callable[[sqlite3.Connection], Ask | Refused]
    ) -> None:
        """The same for an ask that is there, or that is made from what the store knows."""
        verdict = await self._intake.take(ask, functools.partial(interaction.response.defer, thinking=True))
        if isinstance(verdict, Refused):
            await refuse(interaction, verdict)

    async def take_deferred(self, ask: Ask) -> Refused | None:
        """The same where Discord had to be answered before there was an ask."""
        return await self._intake.take(ask, _nothing_more)


async def _nothing_more() -> None:
    """The acknowledgement of what is acknowledged."""
