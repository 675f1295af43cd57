"""`/bark server`: the settings of a server, for members who may manage it. That is checked at each press.

Discord knows permissions for whole commands only, not for one of a group: so it is this file that asks for them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import discord
import pydantic
from discord import app_commands

from bot import texts
from bot.commands import guarding
from bot.commands.forms import speak
from bot.commands.settings import OPEN, choice_menu, key_of, line, refuse_voice, shown, voice_modal, voice_shown
from bot.commands.switch import Press, Switch, button, menu, modal, open_window, show, text_field, view_of
from bot.flow.check import Limits, clean
from bot.flow.post import ERRORS
from bot.house import House
from bot.settings import CHOOSABLE, LANGUAGES, LOWERED, Feature, Server
from bot.texts import say

log = logging.getLogger(__name__)

PREFIX = "bark-server"
SHARING = "sharing"
MEMBERS = "member_voices"
PLACES = [discord.ChannelType.text, discord.ChannelType.forum, discord.ChannelType.voice, discord.ChannelType.news]


def add(group: app_commands.Group, switch: Switch, house: House, allowed: Limits) -> None:
    """The command, and what is pressed in its answer. `allowed`: the configuration's limits."""
    panel = Panel(house, allowed)
    switch.add(PREFIX, panel.press)

    @group.command(name="server", description=texts.SERVER)
    async def server(interaction: discord.Interaction) -> None:
        if refusal := refused(interaction):
            await interaction.response.send_message(refusal, ephemeral=True)
            return
        content, view = panel.shown(interaction)
        await interaction.response.send_message(content, view=view, ephemeral=True)


def refused(interaction: discord.Interaction) -> str:
    """Why this person may not change settings here; empty if they may."""
    if interaction.guild_id is None:
        return say(texts.SERVER_ONLY)
    return "" if interaction.permissions.manage_guild else say(texts.MODERATORS_ONLY)


class Panel:
    """What is shown, and what a press does."""

    def __init__(self, house: House, allowed: Limits) -> None:
        self._house, self._book, self._allowed = house, house.book, allowed
        self._windows = {"limits": self._limits_modal, "words": self._words_modal, "guard": self._guard_modal}
        self._filled = {
            "limits-set": self._set_limits,
            "words-set": self._set_words,
            "guard-set": self._set_guard,
        }

    def shown(self, interaction: discord.Interaction) -> tuple[str, discord.ui.View]:
        """The message."""
        server = self._book.server(interaction.guild_id)
        values = self._values(interaction, server)
        lines = [say(texts.SERVER_TITLE), *(line(name, value) for name, value in values.items())]
        return "\n".join(lines)[:2000], view_of(*_menus(server, members=self._house.consent.on), _buttons())

    def _values(self, interaction: discord.Interaction, server: Server) -> dict[str, str]:
        """Every setting in words, by name."""
        limits = self._book.limits(interaction.guild_id)
        nothing = say(texts.SETTING_NOTHING)
        return {
            "channels": ", ".join(f"<#{number}>" for number in server.channels) or say(texts.SETTING_EVERYWHERE),
            "roles": ", ".join(f"<@&{number}>" for number in server.roles) or say(texts.SETTING_EVERYBODY),
            **{name: str(getattr(limits, name) or say(texts.SETTING_NO_LIMIT)) for name in LOWERED},
            "voice": voice_shown(self._house, interaction, server.voice),
            "language": shown(server.language),
            "log_channel": f"<#{server.log_channel}>" if server.log_channel else nothing,
            "sharing": shown(server.sharing),
            **({MEMBERS: shown(server.member_voices)} if self._house.consent.on else {}),
            **{name: str(len(getattr(server, name)) or nothing) for name in ("words", "names")},
            "scams": shown(server.scams),
            "off": ", ".join(say(texts.FEATURES[feature]) for feature in server.off) or nothing,
        }

    async def press(self, interaction: discord.Interaction, press: Press) -> None:
        """Something was pressed, chosen or filled in."""
        if refusal := refused(interaction):
            await interaction.response.send_message(refusal, ephemeral=True)
            return
        if window := self._windows.get(press.action):
            await open_window(interaction, window(interaction))
        elif filled := self._filled.get(press.action):
            await filled(interaction, press.fields)
        else:
            await self._choose(interaction, press)

    async def _choose(self, interaction: discord.Interaction, press: Press) -> None:
        match press.action:
            case "channels" | "roles" | "log_channel":
                await self._set_ids(interaction, press.action, press.values)
            case "features":
                await self._set_features(interaction, press.values)
            case "reset":
                await self._set(interaction, **dict.fromkeys(Server.model_fields))

    async def _set_features(self, interaction: discord.Interaction, values: tuple[str, ...]) -> None:
        changes: dict[str, Any] = {"sharing": SHARING in values}
        if self._house.consent.on:  # else it is not in the menu, and stays as it is
            if MEMBERS in values and self._book.server(interaction.guild_id).log_channel is None:
                await interaction.response.send_message(say(texts.CONSENT_LOG_FIRST), ephemeral=True)
                return
            changes[MEMBERS] = MEMBERS in values
        await self._set(interaction, **changes, off=[feature.value for feature in Feature if feature not in values])

    async def _set_ids(self, interaction: discord.Interaction, name: str, values: tuple[str, ...]) -> None:
        """Those that were chosen. What this server has not, no menu of Discord's has offered: notices would go to another server."""
        of_here = _roles_of(interaction) if name == "roles" else _channels_of(interaction)
        if not of_here.issuperset(values):
            await interaction.response.send_message(say(texts.NOT_UNDERSTOOD), ephemeral=True)
            return
        ids = [int(value) for value in values]
        await self._set(interaction, **{name: next(iter(ids), None) if name == "log_channel" else ids or None})

    def _limits_modal(self, interaction: discord.Interaction) -> discord.ui.Modal:
        server = self._book.server(interaction.guild_id)
        fields = []
        for name in LOWERED:
            value, limit = getattr(server, name), getattr(self._allowed, name)
            hint = say(texts.SERVER_LIMITS_HINT, limit=limit) if limit else say(texts.SERVER_LIMITS_OPEN)
            fields.append(text_field(name, say(texts.SETTING_NAMES[name]), str(value or ""), hint=hint, most=6))
        return modal(f"{PREFIX}:limits-set", say(texts.SERVER_LIMITS), *fields)

    async def _set_limits(self, interaction: discord.Interaction, fields: dict[str, str]) -> None:
        typed = {name: fields.get(name, "").strip() for name in LOWERED}
        for value in typed.values():
            if value and not (value.isdecimal() and int(value) >= 1):
                words = say(texts.SERVER_WRONG_NUMBER, value=clean(value))
                await interaction.response.send_message(words, ephemeral=True)
                return
        await self._set(interaction, **{name: int(value) if value else None for name, value in typed.items()})

    def _words_modal(self, interaction: discord.Interaction) -> Any:
        server = self._book.server(interaction.guild_id)
        choose = choice_menu(PREFIX, "language", server.language, LANGUAGES)
        choose.custom_id = "language"
        choose.required = False
        label = discord.ui.Label[Any](text=say(texts.SETTING_NAMES["language"]), component=choose)
        return voice_modal(self._house, interaction, f"{PREFIX}:words-set", server.voice, label)

    async def _set_words(self, interaction: discord.Interaction, fields: dict[str, str]) -> None:
        name, language = fields.get("voice", "").strip(), fields.get("language", "")
        key = key_of(self._house, interaction, name)
        if key is None:
            await refuse_voice(self._house, interaction, name)
        else:
            await self._set(interaction, voice=key or None, language=None if language in ("", OPEN) else language)

    def _guard_modal(self, interaction: discord.Interaction) -> discord.ui.Modal:
        return guarding.window(f"{PREFIX}:guard-set", self._book.server(interaction.guild_id))

    async def _set_guard(self, interaction: discord.Interaction, fields: dict[str, str]) -> None:
        try:
            changes = guarding.typed(fields)
        except ValueError as wrong:
            await interaction.response.send_message(str(wrong), ephemeral=True)
            return
        await self._set(interaction, **changes)

    async def _set(self, interaction: discord.Interaction, **changes: Any) -> None:
        guild = interaction.guild_id or 0
        try:
            after = await self._book.change_server(guild, by=interaction.user.id, **changes)
        except pydantic.ValidationError:  # a forged choice
            await interaction.response.send_message(say(texts.NOT_UNDERSTOOD), ephemeral=True)
            return
        speak(interaction)  # the language may be another one now
        content, view = self.shown(interaction)
        await show(interaction, content, view)
        await self._notice(interaction, after, changes)

    async def _notice(self, interaction: discord.Interaction, server: Server, changes: dict[str, Any]) -> None:
        """The change, in the channel for notices. Where that is not possible the log has it."""
        if server.log_channel is None:
            return
        values = self._values(interaction, server)
        told = " · ".join(line(name, values[name]) for name in changes)
        words = say(texts.SERVER_CHANGED, user=f"<@{interaction.user.id}>", change=told)
        channel = interaction.client.get_partial_messageable(server.log_channel, guild_id=interaction.guild_id)
        try:
            await channel.send(words[:2000], allowed_mentions=discord.AllowedMentions.none())
        except ERRORS as error:
            log.info("a change of settings could not be told in channel %d: %s", server.log_channel, error)


def _menus(server: Server, *, members: bool) -> Iterable[list[Any]]:
    """A menu in each row."""
    yield [
        discord.ui.ChannelSelect[Any](
            custom_id=f"{PREFIX}:channels",
            placeholder=say(texts.SERVER_CHOOSE_CHANNELS),
            channel_types=PLACES,
            min_values=0,
            max_values=CHOOSABLE,
            default_values=[_default(number, discord.SelectDefaultValueType.channel) for number in server.channels],
        )
    ]
    yield [
        discord.ui.RoleSelect[Any](
            custom_id=f"{PREFIX}:roles",
            placeholder=say(texts.SERVER_CHOOSE_ROLES),
            min_values=0,
            max_values=CHOOSABLE,
            default_values=[_default(number, discord.SelectDefaultValueType.role) for number in server.roles],
        )
    ]
    yield [
        discord.ui.ChannelSelect[Any](
            custom_id=f"{PREFIX}:log_channel",
            placeholder=say(texts.SERVER_CHOOSE_LOG),
            channel_types=[discord.ChannelType.text],
            min_values=0,
            default_values=[
                _default(number, discord.SelectDefaultValueType.channel) for number in _one(server.log_channel)
            ],
        )
    ]
    allowed = [(feature.value, say(texts.FEATURES[feature]), feature not in server.off) for feature in Feature]
    allowed.append((SHARING, say(texts.SERVER_SHARING), server.sharing))
    if members:
        allowed.append((MEMBERS, say(texts.SERVER_MEMBER_VOICES), server.member_voices))
    options = [discord.SelectOption(label=label, value=value, default=on) for value, label, on in allowed]
    yield [menu(f"{PREFIX}:features", say(texts.SERVER_CHOOSE_FEATURES), options, least=0, most=len(options))]


def _buttons() -> Iterable[Any]:
    yield button(say(texts.SERVER_LIMITS), f"{PREFIX}:limits")
    yield button(say(texts.SERVER_WORDS), f"{PREFIX}:words")
    yield button(say(texts.SERVER_GUARD), f"{PREFIX}:guard")
    yield button(say(texts.SETTINGS_RESET), f"{PREFIX}:reset", danger=True)


def _default(number: int, kind: discord.SelectDefaultValueType) -> discord.SelectDefaultValue:
    return discord.SelectDefaultValue(id=number, type=kind)


def _channels_of(interaction: discord.Interaction) -> set[str]:
    return {str(channel.id) for channel in interaction.guild.channels} if interaction.guild else set()


def _roles_of(interaction: discord.Interaction) -> set[str]:
    return {str(role.id) for role in interaction.guild.roles} if interaction.guild else set()


def _one(value: int | None) -> list[int]:
    return [] if value is None else [value]
