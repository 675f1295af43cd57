"""`/bark-voice grants`: who may use one's voice. With a member, a role or everybody it is given; the menu below takes away."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot import texts
from bot.commands.consent.tools import PREFIX, Actions, Tools
from bot.commands.forms import whisper
from bot.commands.switch import Press, menu, view_of
from bot.consent import grants, member, terms
from bot.consent.ceremony import Wishes
from bot.consent.grants import Grant, Kind, Whom
from bot.consent.member import MemberVoice
from bot.texts import say

SHOWN = 25  # grants in the menu
Days = app_commands.Range[int, 1, terms.MOST_DAYS]


def add(group: app_commands.Group, tools: Tools) -> Actions:
    """The command, and its presses."""
    granting = Granting(tools)
    offered = [app_commands.Choice(name=name, value=value) for value, name in texts.CONSENT_USES.items()]

    @group.command(name="grants", description=texts.CONSENT_GRANTS)
    @app_commands.choices(uses=offered)
    @app_commands.describe(
        member=texts.CONSENT_GRANT_MEMBER,
        role=texts.CONSENT_GRANT_ROLE,
        everybody=texts.CONSENT_GRANT_EVERYBODY,
        uses=texts.CONSENT_GRANT_USES,
        days=texts.CONSENT_GRANT_DAYS,
    )
    async def show(
        interaction: discord.Interaction,
        *,
        member: discord.Member | None = None,
        role: discord.Role | None = None,
        everybody: bool = False,
        uses: str = "both",
        days: Days = terms.DEFAULT_DAYS,
    ) -> None:
        wishes = Wishes(files=uses != "speak", speak=uses != "files", days=days)
        whom = [(Kind.MEMBER, member.id)] if member is not None else []
        whom += [(Kind.ROLE, role.id)] if role is not None and not role.is_default() else []
        if everybody or (role is not None and role.is_default()):
            whom.append((Kind.SERVER, interaction.guild_id or 0))
        await granting.show(interaction, whom, wishes)

    return {"take": granting.take}


class Granting:
    """What is shown, and what a press does."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._store = tools, tools.store

    async def show(self, interaction: discord.Interaction, whom: list[Whom], wishes: Wishes) -> None:
        """Give, where something is to be given; then the list."""
        voice = await self._store.call(member.of_user, interaction.user.id)
        if voice is None:
            await whisper(interaction, say(texts.CONSENT_NONE))
            return
        if whom and interaction.guild_id != voice.guild_id:
            await whisper(interaction, say(texts.CONSENT_ELSEWHERE))
            return
        for one in whom:
            if one != (Kind.MEMBER, voice.user_id):
                await self._tools.keeper.give(voice.user_id, one, wishes)
        given = await self._store.call(grants.of_voice, voice.id)
        content, view = listed(voice, given, self._tools.clock())
        await interaction.response.send_message(content, view=view, ephemeral=True)

    async def take(self, interaction: discord.Interaction, press: Press) -> None:
        """Take one away: of the presser's own voice, whatever the press says."""
        voice = await self._store.call(member.of_user, interaction.user.id)
        if voice is None:
            await whisper(interaction, say(texts.CONSENT_NONE))
            return
        for value in press.values:
            if value.isdecimal():
                await self._tools.keeper.end_grant(voice.id, int(value))
        given = await self._store.call(grants.of_voice, voice.id)
        content, view = listed(voice, given, self._tools.clock())
        await interaction.response.edit_message(content=content, view=view)


def listed(voice: MemberVoice, given: list[Grant], now: float) -> tuple[str, discord.ui.View]:
    """The grants that hold, and the menu that takes them away."""
    holding = [grant for grant in given if now < grant.until]
    if not holding:
        return say(texts.CONSENT_GRANTS_NONE, voice=voice.name), view_of()
    lines = [say(texts.CONSENT_GRANTS_HEAD, voice=voice.name)]
    lines += [line(grant) for grant in holding]
    options = [
        discord.SelectOption(
            label=say(texts.CONSENT_TAKE_ONE, number=number, kind=say(texts.CONSENT_KINDS[grant.kind])),
            value=str(grant.id),
        )
        for number, grant in enumerate(holding[:SHOWN], start=1)
    ]
    take: Any = menu(f"{PREFIX}:take", say(texts.CONSENT_TAKE), options, most=len(options))
    return "\n".join(lines)[:2000], view_of([take])


def line(grant: Grant) -> str:
    """One grant in words."""
    who = {
        Kind.MEMBER: f"<@{grant.subject}>",
        Kind.ROLE: f"<@&{grant.subject}>",
        Kind.SERVER: say(texts.CONSENT_OPTIONS["everybody"]),
    }[grant.kind]
    uses = [say(texts.CONSENT_OPTIONS[name]) for name in ("files", "speak") if getattr(grant, name)]
    return say(texts.CONSENT_GRANT, who=who, uses=", ".join(uses), until=round(grant.until))
