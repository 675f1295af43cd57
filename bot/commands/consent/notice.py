"""The notice in a server's log channel that a member has a voice now: members know each other's voices.

Whoever reads that channel can report it; then it is its owner's alone until a moderator has looked.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import discord
from discord import app_commands

from bot import i18n, texts
from bot.commands.consent.tools import PREFIX, Actions, Tools, moderates
from bot.commands.forms import whisper
from bot.commands.switch import Press, button, view_of
from bot.consent import member
from bot.consent.member import MemberVoice
from bot.flow import post
from bot.flow.post import Place, Post
from bot.settings import Book
from bot.texts import say

log = logging.getLogger(__name__)


def announcer(book: Book, send: Post) -> Callable[[MemberVoice], Awaitable[Place | None]]:
    """What tells a voice's server of it, in the server's language. None: it could not be told."""

    async def announce(voice: MemberVoice) -> Place | None:
        server = book.server(voice.guild_id)
        if server.log_channel is None:
            return None
        try:
            with i18n.speaking(server.language or i18n.ENGLISH):
                return await send.tell(server.log_channel, words(voice), view=report_view(voice))
        except post.ERRORS as error:
            log.warning("server %d is not told of a new member voice: %s", voice.guild_id, error)
            return None

    return announce


def words(voice: MemberVoice) -> str:
    """What is told."""
    return say(texts.CONSENT_NOTICE, member=f"<@{voice.user_id}>", voice=voice.name, until=round(voice.until))


def report_view(voice: MemberVoice) -> discord.ui.View:
    """The button for whoever knows better."""
    return view_of([button(say(texts.CONSENT_REPORT), f"{PREFIX}:report:{voice.id}", danger=True)])


def held_view(voice: MemberVoice) -> discord.ui.View:
    """The buttons for moderators."""
    clear = button(say(texts.CONSENT_CLEAR), f"{PREFIX}:clear:{voice.id}")
    return view_of([clear, button(say(texts.CONSENT_END), f"{PREFIX}:end:{voice.id}", danger=True)])


def add(_: app_commands.Group, tools: Tools) -> Actions:
    """The presses."""
    notice = Notice(tools)
    return {"report": notice.report, "clear": notice.clear}


class Notice:
    """What a press does."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._store = tools, tools.store

    async def report(self, interaction: discord.Interaction, press: Press) -> None:
        """It may not be theirs."""
        voice = await self._voice(interaction, press)
        if voice is None:
            return
        await self._tools.keeper.hold(voice.id, interaction.user.id, on=True)
        held = say(texts.CONSENT_REPORTED, reporter=f"<@{interaction.user.id}>")
        await interaction.response.edit_message(content=f"{words(voice)}\n{held}", view=held_view(voice))

    async def clear(self, interaction: discord.Interaction, press: Press) -> None:
        """A moderator has looked: it is theirs."""
        voice = await self._voice(interaction, press)
        if voice is None:
            return
        if not moderates(interaction, voice.guild_id):
            await whisper(interaction, say(texts.MODERATORS_ONLY))
            return
        await self._tools.keeper.hold(voice.id, interaction.user.id, on=False)
        await interaction.response.edit_message(content=words(voice), view=report_view(voice))

    async def _voice(self, interaction: discord.Interaction, press: Press) -> MemberVoice | None:
        """The voice of a notice, in its server, by the notice itself; words where there is none."""
        number = int(press.rest) if press.rest.isdecimal() and len(press.rest) < 19 else 0
        voice = await self._store.call(member.get, number)
        page = interaction.message.id if interaction.message is not None else None
        if voice is None or (interaction.guild_id, page) != (voice.guild_id, voice.notice_id):
            await whisper(interaction, say(texts.CONSENT_NOT_THERE))
            return None
        return voice
