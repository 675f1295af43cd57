"""Cancel, Delete and Report."""

from __future__ import annotations

import logging
import sqlite3

import discord

from bot import texts
from bot.commands.buttons.tools import Press, Tools
from bot.commands.buttons.view import sure_view
from bot.flow import clips, post, queue
from bot.flow.job import Job
from bot.moderation import complaints
from bot.texts import say

log = logging.getLogger(__name__)


async def cancel(press: Press, tools: Tools) -> None:
    """Take it out of the line. Its message says so; nobody waits for further words."""
    interaction, job = press.interaction, press.job
    await interaction.response.defer()
    async with tools.board.last_word(job.id):  # an edit under way must not land after this one
        done = await tools.store.call(queue.cancel, job.id, tools.clock())
        if done:
            words = texts.CANCELLED if job.user_id == press.presser.user_id else texts.CANCELLED_BY_MODERATOR
            try:
                await interaction.edit_original_response(content=say(words), view=None)
                await tools.store.insist(queue.told, job.id, tools.clock())
            finally:  # also where the words are lost: then the outbox has them, or the next life
                tools.cancelled(job.id)
    if not done:
        await interaction.followup.send(say(texts.BUTTON_OVER), ephemeral=True)


async def delete(press: Press, tools: Tools) -> None:
    """Take the answer away, and let go of its audio."""
    interaction, target = press.interaction, _answer(press.interaction)
    await interaction.response.defer()
    await tools.store.call(clips.let_go, press.job.id, tools.clock())
    words, gone = say(texts.DELETED), True
    if target is not None and interaction.channel_id is not None:
        try:
            await tools.post.take_away(interaction.channel_id, target)
        except post.ERRORS as error:
            match post.trouble(error):
                case post.Trouble.DELETED:
                    pass
                case post.Trouble.FORBIDDEN if press.private:  # the press's token is not for the answer
                    words, gone = say(texts.CANNOT_DELETE), False
                case post.Trouble.FORBIDDEN:  # where the bot is no member it has the right of the press alone
                    await interaction.delete_original_response()
                case _:
                    raise
    log.info("%r is deleted by user %d: %s", press.job, press.presser.user_id, gone)
    if press.private:
        await interaction.edit_original_response(content=words, view=None)
    elif not gone:
        await interaction.followup.send(words, ephemeral=True)


async def report(press: Press, _: Tools) -> None:
    """Ask once more, so that nobody reports by a slip."""
    await press.revise(say(texts.REPORT_SURE), sure_view(press.job))


async def sure(press: Press, tools: Tools) -> None:
    """Write it down, and tell those who look after the server."""
    interaction, job = press.interaction, press.job
    fresh = await tools.store.call(note, job, press.presser.user_id, tools.clock())
    await press.revise(say(texts.REPORT_DONE if fresh else texts.REPORT_AGAIN))
    if not fresh:
        return
    log.warning("%r is reported by user %d", job, press.presser.user_id)
    channel = None if job.guild_id is None else tools.log_channel(job.guild_id)
    if channel is None:
        return
    link = f"https://discord.com/channels/{job.guild_id}/{interaction.channel_id}/{_answer(interaction)}"
    reporter, asker = f"<@{press.presser.user_id}>", f"<@{job.user_id}>"
    words = say(texts.REPORT_TO_MODERATORS, reporter=reporter, asker=asker, link=link)
    try:
        await interaction.client.get_partial_messageable(channel).send(words)
    except post.ERRORS as error:
        log.warning("the report of %r did not reach the log channel: %s", job, error)


def note(db: sqlite3.Connection, job: Job, user_id: int, now: float) -> bool:
    """Write a report down. False if this person has reported it before."""
    fresh = db.execute("INSERT OR IGNORE INTO reports VALUES (?, ?, ?)", (job.id, user_id, now)).rowcount == 1
    if fresh:
        complaints.note(db, now, user_id, job.guild_id)
    return fresh


def _answer(interaction: discord.Interaction) -> int | None:
    """The message with the audio: the one that the button is on, or the one whose More was answered by it."""
    message = interaction.message
    if message is None:
        return None
    above = message.interaction_metadata.interacted_message_id if message.interaction_metadata is not None else None
    return above if message.flags.ephemeral and above is not None else message.id
