"""`/bark again`: one's last text once more, as it was asked for, with a new seed."""

from __future__ import annotations

import dataclasses
import sqlite3

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.flow import queue
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.texts import say


def add(bark: app_commands.Group, desk: Desk) -> None:
    """The command."""

    @bark.command(name="again", description=texts.AGAIN)
    async def again(interaction: discord.Interaction) -> None:
        nothing = Refused(rule="nothing-before", words=say(texts.AGAIN_NOTHING))  # said here: the store has no language
        blank = Ask.from_interaction(interaction, text="", voice=None, seed=desk.new_seed())

        def as_before(db: sqlite3.Connection) -> Ask | Refused:
            job = queue.newest(db, blank.user_id)
            if job is None:
                return nothing
            options = dataclasses.replace(job.options, locale=blank.options.locale, parent=job.id, speak_in=None)
            return dataclasses.replace(blank, text=job.text, voice=job.voice, options=options)

        await desk.take(interaction, as_before)
