"""`/bark-admin`: for moderators of a server, and for those who run the bot. Who may do what is checked at each use.

Discord hides the group from members who may not manage the server; that is for tidiness, it protects nothing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable

import discord
from discord import app_commands

from bot import texts
from bot.commands.forms import whisper
from bot.commands.line import safe
from bot.moderation import bans
from bot.moderation.bans import Ban
from bot.moderation.halts import EVERYTHING, Halt
from bot.moderation.marshal import Marshal
from bot.moderation.powers import Operators, Powers
from bot.settings import Feature
from bot.texts import say

log = logging.getLogger(__name__)

SHOWN = 20  # bans in a list
LONGEST_REASON = 200  # characters
MOST_HOURS = 24 * 365

Hours = app_commands.Range[int, 1, MOST_HOURS]
Reason = app_commands.Range[str, 1, LONGEST_REASON]
Number = app_commands.Range[str, 1, 20]  # an id: Discord's integers are too short for one
Notice = Callable[[int, str], Awaitable[bool]]  # tells a server's channel for notices; whether it did


def group() -> app_commands.Group:
    """The group. Also in direct messages: those who run the bot need not be moderators anywhere."""
    return app_commands.Group(
        name="bark-admin",
        description=texts.ADMIN,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
    )


def add(admin: app_commands.Group, desk: AdminDesk) -> None:
    """The commands that keep out, and the kill switch."""
    _banning(admin, desk)
    _halting(admin, desk)


def _banning(admin: app_commands.Group, desk: AdminDesk) -> None:
    @admin.command(name="ban", description=texts.BAN)
    @app_commands.describe(
        member=texts.BAN_MEMBER,
        hours=texts.BAN_HOURS,
        reason=texts.BAN_WHY,
        everywhere=texts.ADMIN_EVERYWHERE,
        server=texts.BAN_ID,
    )
    async def ban(
        interaction: discord.Interaction,
        *,
        member: discord.User | None = None,
        hours: Hours | None = None,
        reason: Reason | None = None,
        everywhere: bool = False,
        server: Number | None = None,
    ) -> None:
        whom = await desk.whom(interaction, member, server, everywhere=everywhere)
        if whom is not None:
            await desk.ban(interaction, *whom, hours=hours, reason=reason or "")

    @admin.command(name="unban", description=texts.UNBAN)
    @app_commands.describe(member=texts.BAN_MEMBER, everywhere=texts.ADMIN_EVERYWHERE, server=texts.BAN_ID)
    async def unban(
        interaction: discord.Interaction,
        member: discord.User | None = None,
        everywhere: bool = False,  # noqa: FBT001, FBT002
        server: Number | None = None,
    ) -> None:
        whom = await desk.whom(interaction, member, server, everywhere=everywhere)
        if whom is not None:
            await desk.unban(interaction, *whom)

    @admin.command(name="bans", description=texts.BANS)
    @app_commands.describe(everywhere=texts.ADMIN_EVERYWHERE)
    async def show(interaction: discord.Interaction, everywhere: bool = False) -> None:  # noqa: FBT001, FBT002
        place = await desk.place(interaction, everywhere=everywhere)
        if place is not None:
            await whisper(interaction, listed(await desk.marshal.bans(place)))


def _halting(admin: app_commands.Group, desk: AdminDesk) -> None:
    named = {feature: texts.FEATURES[feature] for feature in Feature}
    choices = [
        app_commands.Choice(name=app_commands.locale_str(name), value=feature.value) for feature, name in named.items()
    ]

    @admin.command(name="halt", description=texts.HALT)
    @app_commands.describe(feature=texts.HALT_FEATURE, everywhere=texts.ADMIN_EVERYWHERE)
    @app_commands.choices(feature=choices)
    async def halt(
        interaction: discord.Interaction,
        feature: str = EVERYTHING,
        everywhere: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        place = await desk.place(interaction, everywhere=everywhere)
        if place is not None:
            await desk.halt(interaction, Halt(place=place, feature=feature))

    @admin.command(name="resume", description=texts.RESUME)
    @app_commands.describe(feature=texts.HALT_FEATURE, everywhere=texts.ADMIN_EVERYWHERE)
    @app_commands.choices(feature=choices)
    async def resume(
        interaction: discord.Interaction,
        feature: str = EVERYTHING,
        everywhere: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        place = await desk.place(interaction, everywhere=everywhere)
        if place is not None:
            await desk.resume(interaction, Halt(place=place, feature=feature))


class AdminDesk:
    """What the commands do, once it is known who is asking."""

    def __init__(self, marshal: Marshal, operators: Operators, notice: Notice) -> None:
        self.marshal, self._operators, self._notice = marshal, operators, notice

    async def place(self, interaction: discord.Interaction, *, everywhere: bool) -> str | None:
        """The place that this person decides about. None: it is not theirs, and they know."""
        powers: Powers = await self._operators.powers(interaction)
        try:
            return powers.place(everywhere=everywhere)
        except ValueError as why:
            await whisper(interaction, str(why))
            return None

    async def whom(
        self, interaction: discord.Interaction, member: discord.abc.User | None, server: str | None, *, everywhere: bool
    ) -> tuple[str, str] | None:
        """Who is meant, and where. None: that cannot be, and they know."""
        powers = await self._operators.powers(interaction)
        try:
            return powers.whom(
                None if member is None else member.id, server, everywhere=everywhere, me=interaction.application_id
            )
        except ValueError as why:
            await whisper(interaction, str(why))
            return None

    async def ban(
        self, interaction: discord.Interaction, who: str, place: str, *, hours: int | None, reason: str
    ) -> None:
        """Keep them out."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        count = await self.marshal.ban(who, place, by=interaction.user.id, hours=hours, reason=reason)
        until = say(texts.BAN_FOR_GOOD) if hours is None else say(texts.BAN_FOR, hours=hours)
        words = say(texts.BAN_DONE, who=_called(who), until=until, where=_where(place), count=count)
        await self._done(interaction, place, words)

    async def unban(self, interaction: discord.Interaction, who: str, place: str) -> None:
        """Let them in."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if await self.marshal.unban(who, place, by=interaction.user.id):
            await self._done(interaction, place, say(texts.UNBAN_DONE, who=_called(who), where=_where(place)))
        else:
            await interaction.edit_original_response(content=say(texts.UNBAN_NOBODY))

    async def halt(self, interaction: discord.Interaction, halt: Halt) -> None:
        """Stop."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        fresh = await self.marshal.halt(halt, by=interaction.user.id)
        words = say(texts.HALT_DONE, what=_what(halt), where=_where(halt.place))
        if fresh:
            log.warning("halted by user %d: %r", interaction.user.id, halt)
            await self._done(interaction, halt.place, words)
        else:
            await interaction.edit_original_response(content=say(texts.HALT_ALREADY))

    async def resume(self, interaction: discord.Interaction, halt: Halt) -> None:
        """Go on."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if await self.marshal.resume(halt, by=interaction.user.id):
            log.warning("resumed by user %d: %r", interaction.user.id, halt)
            await self._done(
                interaction, halt.place, say(texts.RESUME_DONE, what=_what(halt), where=_where(halt.place))
            )
        else:
            await interaction.edit_original_response(content=say(texts.RESUME_NOTHING))

    async def _done(self, interaction: discord.Interaction, place: str, words: str) -> None:
        """Say so, to other moderators too."""
        await interaction.edit_original_response(content=words)
        if place != bans.EVERYWHERE:
            told = say(texts.ADMIN_NOTICE, user=f"<@{interaction.user.id}>", words=words)
            await self._notice(int(place[1:]), told)


def listed(found: list[Ban]) -> str:
    """Bans, as their makers see them."""
    if not found:
        return say(texts.BANS_NONE)
    rows = [_line(ban) for ban in found[:SHOWN]]
    if len(found) > SHOWN:
        rows.append(say(texts.QUEUE_MORE, count=len(found) - SHOWN))
    while len("\n".join(rows)) > 2000:
        rows.pop()
    return "\n".join(rows)


def _line(ban: Ban) -> str:
    until = say(texts.BANNED_UNTIL, when=math.ceil(ban.until)) if ban.until is not None else ""
    reason = f" · {safe(ban.reason)}" if ban.reason else ""
    return say(
        texts.BANS_LINE,
        who=_called(ban.who),
        until=until,
        by=f"<@{ban.made_by}>" if ban.made_by > 0 else "?",
        reason=reason,
    )


def _called(who: str) -> str:
    return f"<@{who[1:]}>" if who.startswith("u") else say(texts.BAN_A_SERVER, number=who[1:])


def _where(place: str) -> str:
    return say(texts.PLACE_EVERYWHERE if place == bans.EVERYWHERE else texts.PLACE_HERE)


def _what(halt: Halt) -> str:
    return say(texts.HALT_EVERYTHING) if halt.feature == EVERYTHING else say(texts.FEATURES[halt.feature])
