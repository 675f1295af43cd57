"""`/bark-voice mine`: the terms, what is chosen, and two buttons of one size. Whoever has a voice sees how it stands."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable
from typing import Any

import discord
from discord import app_commands

from bot import texts
from bot.commands.consent.tools import PREFIX, Actions, Tools, pressed, server_name
from bot.commands.forms import whisper
from bot.commands.switch import Press, button, menu, view_of
from bot.consent import grants, member, rites, terms
from bot.consent.ceremony import SUBJECTS, Ceremony, Wishes
from bot.consent.member import MemberVoice
from bot.texts import say

OPTIONS = ("everybody", "files", "speak")


def add(group: app_commands.Group, tools: Tools) -> Actions:
    """The command, and its presses."""
    page = Page(tools)

    @group.command(name="mine", description=texts.CONSENT_MINE)
    async def mine(interaction: discord.Interaction) -> None:
        await page.show(interaction)

    chosen = dict.fromkeys(("members", "roles", "options", "days"), page.choose)
    return {**chosen, "agree": page.agree, "no": page.decline}


class Page:
    """What is shown, and what a press does."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._store = tools, tools.store

    async def show(self, interaction: discord.Interaction) -> None:
        """The terms; or the voice that is there; or why there can be none."""
        voice = await self._store.call(member.of_user, interaction.user.id)
        if voice is not None:
            given = await self._store.call(grants.of_voice, voice.id)
            words = status(voice, len(given), self._tools.clock())
            end = button(say(texts.CONSENT_END), f"{PREFIX}:ask:{voice.id}", danger=True)
            await interaction.response.send_message(words, view=view_of([end]), ephemeral=True)
            return
        why = await self._tools.enrolment.obstacle(interaction.guild_id, interaction.user.display_name)
        if why is not None or interaction.guild_id is None:
            await whisper(interaction, why or say(texts.SERVER_ONLY))
            return
        shown, rite = terms.text(discord.utils.escape_markdown(server_name(interaction))), secrets.token_hex(16)
        offered = await self._store.call(
            rites.offer,
            rite=rite,
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            name=interaction.user.display_name,
            locale=str(interaction.locale),
            terms=terms.mark(shown),
            now=self._tools.clock(),
        )
        if isinstance(offered, str):
            await whisper(interaction, say(texts.CONSENT_REFUSED[offered]))
            return
        version, _, digest = offered.terms.partition(":")
        content = f"{shown}\n{say(texts.CONSENT_VERSION, version=version, digest=digest)}"
        answer = await interaction.response.send_message(content, view=page_view(offered), ephemeral=True)
        if answer.message_id is not None:
            await self._store.call(rites.placed, rite, answer.message_id)

    async def choose(self, interaction: discord.Interaction, press: Press) -> None:
        """Who, for what, how long."""
        known = await self._store.call(rites.get, press.rest)
        wishes = changed(known.wishes if known else Wishes(), press.action, press.values)
        now = pressed(interaction, self._tools.clock())
        chosen = await self._store.call(rites.choose, press.rest, now, wishes)
        if isinstance(chosen, str):
            await whisper(interaction, say(texts.CONSENT_REFUSED[chosen]))
        else:
            await interaction.response.edit_message(view=page_view(chosen))

    async def agree(self, interaction: discord.Interaction, press: Press) -> None:
        """I agree."""
        if why := await self._tools.enrolment.obstacle(interaction.guild_id, interaction.user.display_name):
            await whisper(interaction, why)
            return
        await interaction.response.defer()
        now = pressed(interaction, self._tools.clock())
        words = await self._tools.enrolment.agree(press.rest, now, server_name(interaction))
        await interaction.edit_original_response(content=words, view=None)

    async def decline(self, interaction: discord.Interaction, press: Press) -> None:
        """No."""
        now = pressed(interaction, self._tools.clock())
        outcome = await self._store.call(rites.decline, press.rest, now)
        words = texts.CONSENT_REFUSED[outcome] if isinstance(outcome, str) else texts.CONSENT_DECLINED
        await interaction.response.edit_message(content=say(words), view=None)


def changed(wishes: Wishes, action: str, values: tuple[str, ...]) -> Wishes:
    """The wishes with what was chosen in one menu."""
    ids = tuple(int(value) for value in values if value.isdecimal())[:SUBJECTS]
    match action:
        case "members":
            return dataclasses.replace(wishes, members=ids)
        case "roles":
            return dataclasses.replace(wishes, roles=ids)
        case "options":
            everybody, files, speak = (name in values for name in OPTIONS)
            return dataclasses.replace(wishes, everybody=everybody, files=files, speak=speak)
        case _:
            days = ids[0] if ids and ids[0] in terms.DAYS else terms.DEFAULT_DAYS
            return dataclasses.replace(wishes, days=days)


def page_view(ceremony: Ceremony) -> discord.ui.View:
    """The menus with what is chosen, and the two buttons, which look alike."""
    return view_of(*_menus(ceremony), _buttons(ceremony))


def _menus(ceremony: Ceremony) -> Iterable[Iterable[Any]]:
    wishes, rite = ceremony.wishes, ceremony.id
    member_type, role_type = discord.SelectDefaultValueType.user, discord.SelectDefaultValueType.role
    yield [
        discord.ui.UserSelect[Any](
            custom_id=f"{PREFIX}:members:{rite}",
            placeholder=say(texts.CONSENT_MEMBERS),
            min_values=0,
            max_values=SUBJECTS,
            default_values=[discord.SelectDefaultValue(id=one, type=member_type) for one in wishes.members],
        )
    ]
    yield [
        discord.ui.RoleSelect[Any](
            custom_id=f"{PREFIX}:roles:{rite}",
            placeholder=say(texts.CONSENT_ROLES),
            min_values=0,
            max_values=SUBJECTS,
            default_values=[discord.SelectDefaultValue(id=one, type=role_type) for one in wishes.roles],
        )
    ]
    options = [
        discord.SelectOption(label=say(texts.CONSENT_OPTIONS[name]), value=name, default=getattr(wishes, name))
        for name in OPTIONS
    ]
    yield [menu(f"{PREFIX}:options:{rite}", say(texts.CONSENT_CHOOSE), options, least=0, most=len(options))]
    days = [
        discord.SelectOption(label=say(texts.CONSENT_DAYS, days=count), value=str(count), default=count == wishes.days)
        for count in terms.DAYS
    ]
    yield [menu(f"{PREFIX}:days:{rite}", say(texts.CONSENT_DURATION), days)]


def _buttons(ceremony: Ceremony) -> Iterable[Any]:
    yield button(say(texts.CONSENT_AGREE), f"{PREFIX}:agree:{ceremony.id}")
    yield button(say(texts.CONSENT_NO), f"{PREFIX}:no:{ceremony.id}")


def status(voice: MemberVoice, given: int, now: float) -> str:
    """How a voice stands, for its owner."""
    words = say(texts.CONSENT_STATUS, voice=voice.name, until=round(voice.until), grants=given)
    if voice.held:
        return f"{words}\n{say(texts.CONSENT_STATUS_HELD)}"
    if voice.opens_at is None:
        return f"{words}\n{say(texts.CONSENT_STATUS_UNTOLD)}"
    if voice.quarantined(now):
        return f"{words}\n{say(texts.CONSENT_STATUS_QUARANTINE, when=round(voice.opens_at))}"
    return words
