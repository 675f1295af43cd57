"""`/bark report` and the entry “Report to moderators” of a message's menu: in people's own words, to a server's channel for notices."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

import discord
from discord import app_commands

from bot import texts
from bot.commands.admin import Notice
from bot.commands.buttons.mark import Mark
from bot.commands.forms import whisper
from bot.commands.switch import Press, Switch, modal
from bot.moderation import complaints
from bot.moderation.complaints import LONGEST, Complaint, Target, target_of
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

PREFIX = "bark-report"
MEANT = re.compile(r"(\d{1,20})-(\d{1,20})")  # a channel and a message, in a custom id

Words = app_commands.Range[str, 1, LONGEST]
Link = app_commands.Range[str, 1, 200]


def add(
    bark: app_commands.Group, switch: Switch, *, store: Store, clock: Callable[[], float], notice: Notice, contact: str
) -> app_commands.ContextMenu:
    """The command and the window; the entry for messages is given back."""
    desk = ReportDesk(store=store, clock=clock, notice=notice, contact=contact)
    switch.add(PREFIX, desk.filled)

    @bark.command(name="report", description=texts.REPORT)
    @app_commands.describe(words=texts.REPORT_WORDS, message=texts.REPORT_MESSAGE)
    async def report(interaction: discord.Interaction, words: Words | None = None, message: Link | None = None) -> None:
        target = None if message is None else target_of(message)
        if message is not None and (target is None or target.guild_id != interaction.guild_id):
            await whisper(interaction, say(texts.REPORT_NO_LINK))
        elif words is None:
            await interaction.response.send_modal(window(target))
        else:
            await desk.take(interaction, words, target)

    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def on_message(interaction: discord.Interaction, message: discord.Message) -> None:
        if message.author.id != interaction.application_id:
            await whisper(interaction, say(texts.REPORT_NOT_MINE))
            return
        await interaction.response.send_modal(window(_target(interaction, message.channel.id, message.id), message))

    return app_commands.ContextMenu(name=texts.REPORT_THIS, callback=on_message)


def window(target: Target | None, message: discord.Message | None = None) -> discord.ui.Modal:
    """The window for the words. Its id says which message is meant, and what that answers."""
    meant = "" if target is None else f"{target.channel_id}-{target.message_id}"
    job = None if message is None else job_of(message)
    field = discord.ui.TextInput[Any](
        custom_id="words", style=discord.TextStyle.paragraph, required=True, max_length=LONGEST
    )
    label = discord.ui.Label[Any](text=say(texts.WINDOW_REPORT_WORDS), component=field)
    return modal(f"{PREFIX}:send:{meant}:{job or ''}", say(texts.WINDOW_REPORT), label)


def job_of(message: discord.Message) -> int | None:
    """The job that one of our messages answers, by its buttons."""
    marks = (Mark.parse(getattr(part, "custom_id", None) or "") for part in _parts(message.components))
    return next((mark.job for mark in marks if mark is not None), None)


def _parts(components: Iterable[Any]) -> Iterable[Any]:
    for component in components:
        yield component
        yield from _parts(getattr(component, "children", ()))


def _target(interaction: discord.Interaction, channel: int, message: int, job: int | None = None) -> Target:
    return Target(guild_id=interaction.guild_id, channel_id=channel, message_id=message, job=job)


class ReportDesk:
    """Where reports are handed in."""

    def __init__(self, *, store: Store, clock: Callable[[], float], notice: Notice, contact: str) -> None:
        self._store, self._clock, self._notice, self._contact = store, clock, notice, contact

    async def filled(self, interaction: discord.Interaction, press: Press) -> None:
        """The window was sent. What its id says may be forged: it is only repeated to moderators, as a link of this server."""
        meant, _, job = press.rest.partition(":")
        found, target = MEANT.fullmatch(meant), None
        numbers = [int(number) for number in (*(found.groups() if found else ()), job) if str(number).isdecimal()]
        if found and max(numbers) <= complaints.LARGEST_ID:
            number = int(job) if job.isdecimal() else None
            target = _target(interaction, int(found[1]), int(found[2]), number)
        words = press.fields.get("words", "").strip()[:LONGEST]
        if words:
            await self.take(interaction, words, target)
        else:
            await whisper(interaction, say(texts.EMPTY))

    async def take(self, interaction: discord.Interaction, words: str, target: Target | None) -> None:
        """Write it down, and tell those who look after this place."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild = interaction.guild_id
        complaint = Complaint(
            id=interaction.id, user_id=interaction.user.id, guild_id=guild, target=target, words=words
        )
        if not await self._store.call(complaints.add, complaint, self._clock()):
            await interaction.edit_original_response(content=say(texts.REPORT_MANY, count=complaints.PER_HOUR))
            return
        log.warning("user %d reports %s", interaction.user.id, target.link if target else "something")
        told = guild is not None and await self._notice(guild, await self._told(complaint))
        contact = self._contact or say(texts.CONTACT)
        answer = say(texts.REPORT_SENT) if told else say(texts.REPORT_KEPT, contact=contact)
        await interaction.edit_original_response(content=answer)

    async def _told(self, complaint: Complaint) -> str:
        """For the moderators. The words are quoted: nothing in them comes to life."""
        target = complaint.target
        asker = None if target is None else await self._store.call(complaints.asker, target)
        quoted = "\n".join(f"> {line}" for line in discord.utils.escape_markdown(complaint.words).splitlines())
        lines = [say(texts.REPORT_NOTICE, reporter=f"<@{complaint.user_id}>")]
        if target is not None:
            lines.append(say(texts.REPORT_ABOUT, link=target.link))
        if asker is not None:
            lines.append(say(texts.REPORT_ASKED, asker=f"<@{asker}>"))
        return "\n".join([*lines, discord.utils.escape_mentions(quoted)])[:2000]
