"""`/bark settings`: a panel that only its owner sees, with what they have set, and menus and buttons that change it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import discord
import pydantic
from discord import app_commands

from bot import texts
from bot.commands.forms import speak
from bot.commands.pages import plain
from bot.commands.switch import Press, Switch, button, menu, modal, open_window, show, text_field, view_of
from bot.flow.check import unknown_voice
from bot.flow.options import Format
from bot.house import House
from bot.settings import LANGUAGES, Liveliness, Mine
from bot.texts import say

PREFIX = "bark-settings"
OPEN = "-"  # chosen: leave it open
CHOICES: dict[str, tuple[str, ...]] = {"liveliness": tuple(Liveliness), "format": tuple(Format), "language": LANGUAGES}
TURNED = ("voice_message", "mention_late")  # on or off


def add(group: app_commands.Group, switch: Switch, house: House) -> None:
    """The command, and what is pressed in its answer."""
    panel = Panel(house)
    switch.add(PREFIX, panel.press)

    @group.command(name="settings", description=texts.SETTINGS)
    async def settings(interaction: discord.Interaction) -> None:
        content, view = panel.shown(interaction)
        await interaction.response.send_message(content, view=view, ephemeral=True)


class Panel:
    """What is shown, and what a press does."""

    def __init__(self, house: House) -> None:
        self._house = house

    def shown(self, interaction: discord.Interaction) -> tuple[str, discord.ui.View]:
        """The message."""
        mine = self._house.book.mine(interaction.user.id)
        voice = voice_shown(self._house, interaction, mine.voice)
        lines = [say(texts.SETTINGS_TITLE), line("voice", voice)]
        lines += [line(name, shown(getattr(mine, name))) for name in (*CHOICES, *TURNED)]
        menus = [[choice_menu(PREFIX, name, getattr(mine, name), values)] for name, values in CHOICES.items()]
        return "\n".join(lines), view_of(*menus, self._buttons(mine))

    def _buttons(self, mine: Mine) -> Iterable[Any]:
        yield button(say(texts.SETTINGS_VOICE), f"{PREFIX}:voice")
        for name in TURNED:
            yield button(say(texts.SETTING_NAMES[name]), f"{PREFIX}:{name}", on=bool(getattr(mine, name)))
        yield button(say(texts.SETTINGS_RESET), f"{PREFIX}:reset", danger=True)

    async def press(self, interaction: discord.Interaction, press: Press) -> None:
        """Something was pressed, chosen or filled in."""
        mine = self._house.book.mine(interaction.user.id)
        if press.action in CHOICES and press.values:
            value = None if press.values[0] == OPEN else press.values[0]
            await self._set(interaction, **{press.action: value})
        elif press.action in TURNED:
            await self._set(interaction, **{press.action: not getattr(mine, press.action)})
        elif press.action == "reset":
            await self._set(interaction, **dict.fromkeys(Mine.model_fields))
        elif press.action == "voice":
            await open_window(interaction, voice_modal(self._house, interaction, f"{PREFIX}:voice-set", mine.voice))
        elif press.action == "voice-set":
            await self._set_voice(interaction, press.fields.get("voice", "").strip())

    async def _set_voice(self, interaction: discord.Interaction, name: str) -> None:
        key = key_of(self._house, interaction, name)
        if key is None:
            await refuse_voice(self._house, interaction, name)
        else:
            await self._set(interaction, voice=key or None)

    async def _set(self, interaction: discord.Interaction, **changes: Any) -> None:
        try:
            await self._house.book.change_mine(interaction.user.id, **changes)
        except pydantic.ValidationError:  # a forged choice
            await interaction.response.send_message(say(texts.NOT_UNDERSTOOD), ephemeral=True)
            return
        speak(interaction)  # the language may be another one now
        content, view = self.shown(interaction)
        await show(interaction, content, view)


# -- for the server's panel too


def line(name: str, value: str) -> str:
    """One setting with its value."""
    return say(texts.SETTING, name=say(texts.SETTING_NAMES[name]), value=value)


def shown(value: object) -> str:
    """A value in words."""
    if value is None:
        return say(texts.SETTING_OPEN)
    if isinstance(value, bool):
        return say(texts.SETTING_YES if value else texts.SETTING_NO)
    name = str(value.value if isinstance(value, enum.Enum) else value)
    return say(texts.SETTING_CHOICES[name]) if name in texts.SETTING_CHOICES else name


def choice_menu(prefix: str, name: str, value: object, values: Iterable[str]) -> Any:
    """A menu of values, with one for leaving it open."""
    title = say(texts.SETTING_NAMES[name])
    options = [discord.SelectOption(label=f"{title}: {say(texts.SETTING_OPEN)}", value=OPEN, default=value is None)]
    options += [
        discord.SelectOption(label=f"{title}: {shown(each)}", value=str(each), default=each == value) for each in values
    ]
    return menu(f"{prefix}:{name}", title, options)


def voice_shown(house: House, interaction: discord.Interaction, key: str | None) -> str:
    """The voice of a setting in words."""
    if key is None:
        return say(texts.SETTING_OPEN)
    voice = house.library.by_key(interaction.user.id, interaction.guild_id, key)
    return discord.utils.escape_markdown(plain(voice)) if voice else say(texts.VOICE_GONE).rstrip(".。")


def voice_modal(house: House, interaction: discord.Interaction, custom_id: str, key: str | None, *more: Any) -> Any:
    """A modal that asks for a voice's name."""
    voice = house.library.by_key(interaction.user.id, interaction.guild_id, key) if key else None
    value = voice.name if voice else ""
    title = say(texts.SETTING_NAMES["voice"])
    field = text_field("voice", title, value, hint=say(texts.SETTINGS_VOICE_HINT))
    return modal(custom_id, title, field, *more)


def key_of(house: House, interaction: discord.Interaction, name: str) -> str | None:
    """The key of the voice that was typed, as a name or as it is called; "": none was typed; None: there is none."""
    if not name:
        return ""
    user, guild = interaction.user.id, interaction.guild_id
    if voice := house.library.find(user, guild, name):
        return voice.key
    titles = (preset for preset in house.library.presets().values() if preset.title.casefold() == name.casefold())
    preset = next(titles, None)
    return preset.key if preset else None


async def refuse_voice(house: House, interaction: discord.Interaction, name: str) -> None:
    """Say that there is no such voice, with the closest names."""
    names = house.library.names(interaction.user.id, interaction.guild_id)
    await interaction.response.send_message(unknown_voice(name, names), ephemeral=True)
