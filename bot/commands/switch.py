"""Presses, choices and modals by what their custom ids begin with. Nothing is remembered: they work after a restart.

A custom id is `<prefix>:<action>[:<more>]`. Who may do what is for the handler to check, at each press: an id may be forged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self

import discord

from bot import texts
from bot.texts import say


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """What somebody did: the action, what the id says besides, the values chosen, the fields filled in."""

    action: str
    rest: str
    values: tuple[str, ...] = ()
    fields: dict[str, str] = dataclasses.field(default_factory=dict)  # a select menu in a modal: its first value, or ""

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """From an interaction's data."""
        _, _, rest = str(data.get("custom_id", "")).partition(":")
        action, _, rest = rest.partition(":")
        chosen = data.get("values")
        values = tuple(map(str, chosen)) if isinstance(chosen, list) else ()
        return cls(action=action, rest=rest, values=values, fields=fields_of(data))


Handler = Callable[[discord.Interaction, Press], Awaitable[None]]


class Switch:
    """The handlers by prefix."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def add(self, prefix: str, handler: Handler) -> None:
        """Custom ids that begin with `prefix:` go to this handler."""
        self._handlers[prefix] = handler

    async def hear(self, interaction: discord.Interaction) -> None:
        """Any interaction: takes those that belong to a handler."""
        if interaction.type not in (discord.InteractionType.component, discord.InteractionType.modal_submit):
            return
        data: dict[str, Any] = dict(interaction.data or {})
        handler = self._handlers.get(str(data.get("custom_id", "")).partition(":")[0])
        if handler is not None:
            await handler(interaction, Press.of(data))


async def show(interaction: discord.Interaction, content: str, view: discord.ui.View) -> None:
    """In the panel's own message, which only its person sees. An id that was forged onto a message that all see does not change it."""
    if interaction.message is not None and interaction.message.flags.ephemeral:
        await interaction.response.edit_message(content=content, view=view)
    else:
        await interaction.response.send_message(content, view=view, ephemeral=True)


async def open_window(interaction: discord.Interaction, window: discord.ui.Modal) -> None:
    """A modal, where Discord lets one follow: not upon another, as only a forged one asks for."""
    if interaction.type is discord.InteractionType.modal_submit:
        await interaction.response.send_message(say(texts.NOT_UNDERSTOOD), ephemeral=True)
    else:
        await interaction.response.send_modal(window)


def view_of(*rows: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """A view that discord.py does not remember: what is pressed in it comes to the switch."""
    view = discord.ui.View(timeout=None)
    for number, row in enumerate(row for row in map(list, rows) if row):
        for item in row:
            item.row = number
            view.add_item(item)
    view.stop()
    return view


def button(label: str, custom_id: str, *, on: bool = False, danger: bool = False, disabled: bool = False) -> Any:
    """A button; `on` ones look pressed."""
    style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
    return discord.ui.Button[Any](
        label=label[:80], custom_id=custom_id, style=discord.ButtonStyle.success if on else style, disabled=disabled
    )


def menu(
    custom_id: str, placeholder: str, options: Iterable[discord.SelectOption], *, least: int = 1, most: int = 1
) -> Any:
    """A select menu of words."""
    shown = list(options)[:25]
    return discord.ui.Select[Any](
        custom_id=custom_id, placeholder=placeholder, options=shown, min_values=least, max_values=min(most, len(shown))
    )


def modal(custom_id: str, title: str, *items: discord.ui.Item[Any]) -> discord.ui.Modal:
    """A modal that discord.py does not remember."""
    window = discord.ui.Modal(title=title[:45], custom_id=custom_id, timeout=None)
    for item in items:
        window.add_item(item)
    window.stop()
    return window


def text_field(
    custom_id: str, label: str, value: str = "", *, hint: str = "", required: bool = False, most: int = 100
) -> Any:
    """One line to fill in, with its label."""
    field = discord.ui.TextInput[Any](
        custom_id=custom_id, default=value or None, placeholder=hint[:100] or None, required=required, max_length=most
    )
    return discord.ui.Label[Any](text=label[:45], component=field)


def fields_of(data: Any) -> dict[str, str]:
    """What was filled in, by the names of the fields, however deep in rows and labels. What is no form holds nothing."""
    found: dict[str, str] = {}
    left = [data.get("components")] if isinstance(data, dict) else []
    while left:  # no recursion: how deep it goes is for the sender to say
        part = left.pop()
        if isinstance(part, list):
            left += reversed(part)
        elif isinstance(part, dict):
            name, chosen = str(part.get("custom_id", "")), part.get("values")
            if isinstance(part.get("value"), str):
                found[name] = part["value"]
            elif isinstance(chosen, list):
                found[name] = str(next(iter(chosen), ""))
            left.append(part.get("components") or part.get("component"))
    return found
