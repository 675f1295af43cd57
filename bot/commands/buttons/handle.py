"""The button as discord.py knows it: found by its custom id, in messages of any age."""

from __future__ import annotations

import re
from typing import Any, Protocol, Self, cast

import discord

from bot.commands.buttons.mark import TEMPLATE
from bot.commands.forms import guarded


class Counter(Protocol):
    """Where presses go."""

    async def press(self, interaction: discord.Interaction, custom_id: str) -> None:
        """Do what the button says, or say why not."""


class Handle(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """A button with one of our custom ids. It holds nothing; the client's `presses` do the work."""

    def __init__(
        self,
        custom_id: str,
        label: str = "?",
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        row: int | None = None,
    ) -> None:
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=custom_id, row=row))

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button that was pressed."""
        return cls(match.string)

    @guarded
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """It was pressed."""
        await cast("Counter", interaction.client.presses).press(interaction, self.custom_id)
