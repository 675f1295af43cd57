"""`/bark privacy`: what is kept about oneself and until when, a copy of it, and its deletion.

Whoever presses is whose data it is: the ids of the buttons name nobody.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable, Sequence

import discord
from discord import app_commands

from bot import texts
from bot.commands.switch import Press, Switch, button, view_of
from bot.privacy.erase import Erased
from bot.privacy.holdings import Holding
from bot.privacy.keep import DAY, Keep
from bot.privacy.office import Office
from bot.texts import say

MESSAGE = 2000  # characters
PREFIX = "bark-privacy"
FILE = "bark-data.zip"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Papers:
    """Where the operator has published them; empty: nowhere."""

    privacy: str = ""
    terms: str = ""

    def links(self) -> list[discord.ui.Button[discord.ui.View]]:
        """A button for each."""
        named = ((texts.PRIVACY_POLICY, self.privacy), (texts.PRIVACY_TERMS, self.terms))
        return [discord.ui.Button(label=say(words), url=url) for words, url in named if url]


def add(bark: app_commands.Group, switch: Switch, office: Office, papers: Papers) -> None:
    """The command, and what is pressed in its answer."""
    panel = Panel(office, papers)
    switch.add(PREFIX, panel.press)

    @bark.command(name="privacy", description=texts.PRIVACY)
    async def privacy(interaction: discord.Interaction) -> None:
        content, view = await panel.shown(interaction.user.id)
        await interaction.response.send_message(content, view=view, ephemeral=True)


class Panel:
    """What is shown, and what a press does."""

    def __init__(self, office: Office, papers: Papers) -> None:
        self._office, self._papers = office, papers

    async def shown(self, user: int) -> tuple[str, discord.ui.View]:
        """The message."""
        held = await self._office.held(user)
        buttons = [
            button(say(texts.PRIVACY_EXPORT), f"{PREFIX}:export", disabled=not held),
            button(say(texts.PRIVACY_DELETE), f"{PREFIX}:delete", danger=True, disabled=not held),
        ]
        return overview(held, self._office.keep), view_of(buttons, self._papers.links())

    async def press(self, interaction: discord.Interaction, press: Press) -> None:
        """Something was pressed."""
        match press.action:
            case "export":
                await self._export(interaction)
            case "delete":
                await self._ask(interaction)
            case "sure":
                await self._delete(interaction)
            case "back":
                content, view = await self.shown(interaction.user.id)
                await interaction.response.edit_message(content=content, view=view)

    async def _export(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        packed = await self._office.export(interaction.user.id, interaction.filesize_limit)
        file = discord.File(io.BytesIO(packed), FILE)
        await interaction.edit_original_response(content=say(texts.PRIVACY_EXPORTED), attachments=[file])

    async def _ask(self, interaction: discord.Interaction) -> None:
        """Once more, so that nobody deletes by a slip. Both ways out are of one size."""
        buttons = [
            button(say(texts.PRIVACY_SURE), f"{PREFIX}:sure", danger=True),
            button(say(texts.PRIVACY_BACK), f"{PREFIX}:back"),
        ]
        await interaction.response.edit_message(content=say(texts.PRIVACY_ASK), view=view_of(buttons))

    async def _delete(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        erased = await self._office.erase(interaction.user.id)
        await interaction.edit_original_response(content=farewell(erased, self._office.keep), view=None)


def overview(held: Sequence[tuple[Holding, int]], keep: Keep) -> str:
    """What is kept, a line each."""
    if not held:
        return say(texts.PRIVACY_NOTHING)
    plain = _page([[(say(texts.HELD[holding.what]), holding.until, count)] for holding, count in held], keep)
    return plain if len(plain) <= MESSAGE else _page(list(_together(held)), keep)


def _together(held: Sequence[tuple[Holding, int]]) -> Iterable[list[tuple[str, str, int]]]:
    """Kinds that are kept equally long: there are more of them than lines in a message."""
    for until in dict.fromkeys(holding.until for holding, _ in held):
        yield [(say(texts.HELD[holding.what]), until, count) for holding, count in held if holding.until == until]


def _page(groups: Iterable[list[tuple[str, str, int]]], keep: Keep) -> str:
    lines = []
    for group in groups:
        *others, (what, until, count) = group
        before = "".join(f"{name} **{number}**, " for name, _, number in others)
        told = say(texts.HELD_UNTIL[until], **spans(keep))
        lines.append(say(texts.PRIVACY_LINE, what=before + what, count=count, until=told))
    return "\n".join([say(texts.PRIVACY_TITLE), *lines, say(texts.PRIVACY_NOTE)])


def farewell(erased: Erased, keep: Keep) -> str:
    """What was deleted, and what stays and why."""
    lines = [say(texts.PRIVACY_DELETED)]
    if erased.cancelled:
        lines.append(say(texts.PRIVACY_CANCELLED, count=len(erased.cancelled)))
    stays = [say(texts.HELD_STAYS[reason], **spans(keep)) for reason in erased.stays]
    return "\n".join([*lines, *stays, say(texts.PRIVACY_POSTED)])


def spans(keep: Keep) -> dict[str, str]:
    """How long each thing is kept, in words."""
    return {field.name: span(getattr(keep, field.name)) for field in dataclasses.fields(keep)}


def span(seconds: float) -> str:
    """`24 h`, `30 days`."""
    days = seconds / DAY
    return say(texts.PRIVACY_DAYS, n=round(days)) if days >= 2 else texts.duration(seconds)
