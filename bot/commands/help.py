"""`/bark help`: what there is, and the marks that Bark understands, each with an example and a window to try it in."""

from __future__ import annotations

import itertools
import re
from typing import Any, Self

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.commands.forms import Modal, guarded
from bot.commands.say import OPTION_LENGTH
from bot.texts import say

COLOUR = 0x8A5CF6
TAGS = {  # as texts.MARKS and texts.EXAMPLES name them
    "laughs": "[laughs]",
    "laughter": "[laughter]",
    "sighs": "[sighs]",
    "music": "[music]",
    "gasps": "[gasps]",
    "clears-throat": "[clears throat]",
    "dots": "...",
    "dash": "—",
    "note": "♪",
    "capitals": "CAPITALS",
}
PREFILLED = {"note": "♪  ♪", "capitals": ""}  # what the window holds, where it is not the tag itself


class Item(discord.ui.DynamicItem[Any], template=""):
    """What is below the help. discord.py keeps nothing of these in memory: a click carries all there is to know."""

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: discord.ui.Item[Any], match: re.Match[str]
    ) -> Self:
        """The item of a click."""
        return cls(*match.groups())


def add(
    bark: app_commands.Group,
    admin: app_commands.Group,
    desk: Desk,
    client: discord.Client,
    members: app_commands.Group | None = None,
) -> None:
    """The command, and its menu and buttons, which outlive a restart. `members`: what there is for member voices."""
    client.add_dynamic_items(*_items(desk))

    @bark.command(name="help", description=texts.HELP)
    async def show(interaction: discord.Interaction) -> None:
        groups = [bark]
        if members is not None and _has_member_voices(interaction, desk):
            groups.append(members)
        if interaction.guild_id is not None and interaction.permissions.manage_guild:
            groups.append(admin)
        await interaction.response.send_message(embeds=overview(*groups), view=marks(desk), ephemeral=True)


def _has_member_voices(interaction: discord.Interaction, desk: Desk) -> bool:
    """Whether this person may use `/bark-voice` here: where a server wants it, and with the bot alone."""
    if interaction.guild_id is None:
        return bool(interaction.context.dm_channel)
    return desk.house.book.server(interaction.guild_id).member_voices


def overview(*groups: app_commands.Group) -> list[discord.Embed]:
    """The commands, as they are called in the reader's language, and the marks."""
    rows = []
    for command in itertools.chain.from_iterable(group.walk_commands() for group in groups):
        if isinstance(command, app_commands.Command):
            called = texts.called(command.qualified_name)
            rows.append(say(texts.HELP_LINE, command=called, description=say(command.description)))
    menus = {"here": say(texts.BARK_THIS), "voice": say(texts.BARK_THIS_IN_VOICE), "report": say(texts.REPORT_THIS)}
    rows.append(say(texts.HELP_MENUS, **menus))
    tags = [say(texts.HELP_MARK, mark=TAGS[name], meaning=say(meaning)) for name, meaning in texts.MARKS.items()]
    return [
        discord.Embed(colour=COLOUR, title=say(texts.HELP_TITLE), description="\n".join(rows)),
        discord.Embed(colour=COLOUR, title=say(texts.HELP_MARKS_TITLE), description="\n".join(tags)),
    ]


def marks(desk: Desk, chosen: str = "") -> discord.ui.View:
    """The menu below the help; with a mark chosen, a button to try it."""
    menu, try_it = _items(desk)
    view = discord.ui.View(timeout=None)
    view.add_item(menu(chosen))
    if chosen:
        view.add_item(try_it(chosen))
    return view


def _items(desk: Desk) -> tuple[type[Item], type[Item]]:
    """Menu and button, bound to the desk where what is typed is handed in: discord.py makes one for each click."""

    class Menu(Item, template="bark-help:marks"):
        def __init__(self, chosen: str = "") -> None:
            options = [
                discord.SelectOption(label=TAGS[name], value=name, description=say(meaning), default=name == chosen)
                for name, meaning in texts.MARKS.items()
            ]
            super().__init__(
                discord.ui.Select(custom_id="bark-help:marks", placeholder=say(texts.HELP_CHOOSE), options=options)
            )

        @guarded
        async def callback(self, interaction: discord.Interaction) -> None:
            name = self.item.values[0]
            example = say(texts.EXAMPLES[name])
            words = say(texts.HELP_EXAMPLE, mark=TAGS[name], meaning=say(texts.MARKS[name]), example=example)
            await interaction.response.edit_message(content=words, view=marks(desk, name))

    class Try(Item, template=rf"bark-help:try:(?P<mark>{'|'.join(TAGS)})"):
        def __init__(self, mark: str) -> None:
            label = say(texts.HELP_TRY, mark=TAGS[mark])
            super().__init__(discord.ui.Button(label=label, custom_id=f"bark-help:try:{mark}"))
            self._mark = mark

        @guarded
        async def callback(self, interaction: discord.Interaction) -> None:
            await interaction.response.send_modal(TryIt(desk, PREFILLED.get(self._mark, f"{TAGS[self._mark]} ")))

    return Menu, Try


class TryIt(Modal):
    """A window with the mark in it."""

    def __init__(self, desk: Desk, text: str) -> None:
        super().__init__(title=say(texts.WINDOW_MARK))
        self._desk = desk
        self._text = discord.ui.TextInput[TryIt](
            custom_id="text", style=discord.TextStyle.paragraph, default=text or None, max_length=OPTION_LENGTH
        )
        self.add_item(discord.ui.Label(text=say(texts.WINDOW_TEXT), component=self._text))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """What was typed is said."""
        await self._desk.ask(interaction, text=self._text.value)
