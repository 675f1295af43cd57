"""`/bark-voice revoke`: the end of a voice, at any time, for its owner; for moderators, of a member's voice in their server."""

from __future__ import annotations

import logging

import discord
from discord import app_commands

from bot import texts
from bot.commands.consent.tools import PREFIX, Actions, Tools, moderates, server_name
from bot.commands.forms import whisper
from bot.commands.switch import Press, button, view_of
from bot.consent import member
from bot.consent.member import MemberVoice
from bot.flow import post
from bot.texts import say

log = logging.getLogger(__name__)


def add(group: app_commands.Group, tools: Tools) -> Actions:
    """The command, and its presses."""
    ending = Ending(tools)

    @group.command(name="revoke", description=texts.CONSENT_REVOKE)
    @app_commands.describe(member=texts.CONSENT_REVOKE_MEMBER)
    async def revoke(interaction: discord.Interaction, member: discord.User | None = None) -> None:
        await ending.ask(interaction, member.id if member is not None else interaction.user.id)

    return {"ask": ending.pressed, "end": ending.end}


class Ending:
    """What is asked, and done."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._store = tools, tools.store

    async def ask(self, interaction: discord.Interaction, user_id: int) -> None:
        """Once more, so that nobody does it by a slip."""
        voice = await self._store.call(member.of_user, user_id)
        if voice is not None and self._may(interaction, voice):
            end = button(say(texts.CONSENT_END), f"{PREFIX}:end:{voice.id}", danger=True)
            words = say(texts.CONSENT_END_SURE, voice=voice.name)
            await interaction.response.send_message(words, view=view_of([end]), ephemeral=True)
        elif user_id == interaction.user.id:
            await whisper(interaction, say(texts.CONSENT_NONE))
        else:  # one sentence for both: nobody learns who has a voice
            await whisper(interaction, say(texts.CONSENT_NOT_THERE))

    async def pressed(self, interaction: discord.Interaction, _: Press) -> None:
        """The button under one's own page."""
        await self.ask(interaction, interaction.user.id)

    async def end(self, interaction: discord.Interaction, press: Press) -> None:
        """It ends now."""
        number = int(press.rest) if press.rest.isdecimal() and len(press.rest) < 19 else 0
        voice = await self._store.call(member.get, number)
        if voice is None or not self._may(interaction, voice):
            await whisper(interaction, say(texts.CONSENT_NOT_THERE))
            return
        own = voice.user_id == interaction.user.id
        await interaction.response.defer(ephemeral=True, thinking=True)
        counted = await self._tools.keeper.end(voice.id, "owner" if own else "moderator", interaction.user.id)
        gone, kept = counted or (0, 0)
        words = say(texts.CONSENT_ENDED_LEFT if kept else texts.CONSENT_ENDED, voice=voice.name, gone=gone, kept=kept)
        await interaction.edit_original_response(content=words)
        if not own:
            await self._tell(voice, server_name(interaction))

    def _may(self, interaction: discord.Interaction, voice: MemberVoice) -> bool:
        return voice.user_id == interaction.user.id or moderates(interaction, voice.guild_id)

    async def _tell(self, voice: MemberVoice, server: str) -> None:
        words = say(texts.CONSENT_ENDED_FOR_YOU, server=discord.utils.escape_markdown(server))
        try:
            await self._tools.post.write(voice.user_id, words)
        except post.ERRORS as error:
            log.info("user %d is not told that their voice has ended: %s", voice.user_id, error)
