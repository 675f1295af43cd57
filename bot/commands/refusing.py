"""A refusal on its way to its person; the rules among them, which come with buttons to answer them. And the gate for what makes no job."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import discord

from bot import texts
from bot.commands.switch import button, view_of
from bot.flow.check import Refused, due
from bot.moderation import rules
from bot.moderation.rules import Question
from bot.moderation.standing import Standing
from bot.moderation.warden import Warden
from bot.store import Store
from bot.texts import say

RULES = "bark-rules"  # begins the custom ids of the buttons
YES, NO = "yes", "no"


def question_view(number: int) -> discord.ui.View:
    """Two buttons of one size and colour: neither is the one that is wanted."""
    return view_of(
        [
            button(say(texts.RULES_ACCEPT), f"{RULES}:{YES}:{number}"),
            button(say(texts.RULES_DECLINE), f"{RULES}:{NO}:{number}"),
        ]
    )


def view_for(refused: Refused) -> discord.ui.View | None:
    """The buttons that a refusal comes with."""
    return None if refused.question is None else question_view(refused.question)


async def refuse(interaction: discord.Interaction, refused: Refused) -> None:
    """Say it to the person of this interaction alone."""
    view = view_for(refused) or discord.utils.MISSING
    if interaction.response.is_done():
        await interaction.followup.send(refused.words, ephemeral=True, view=view)
    else:
        await interaction.response.send_message(refused.words, ephemeral=True, view=view)


class Gate:
    """Bans, halts and rules for what never comes to the queue: keeping a voice, hearing a clip once more, a sample."""

    def __init__(self, *, store: Store, warden: Warden, clock: Callable[[], float]) -> None:
        self._store, self._warden, self._clock = store, warden, clock

    async def lets(self, interaction: discord.Interaction, *used: str) -> bool:
        """Whether this may go on, which uses these features. Where it may not, its person knows why by then."""
        standing = await self._store.call(self._look, interaction.id, interaction.user.id, interaction.guild_id)
        barred = standing.barred(frozenset(used))
        refused = Refused(rule=barred[0], words=barred[1]) if barred else due(interaction.id, standing, held=False)
        if refused is not None:
            await refuse(interaction, refused)
        return refused is None

    def _look(self, db: sqlite3.Connection, number: int, user_id: int, guild_id: int | None) -> Standing:
        now = self._clock()
        standing = self._warden.standing(db, user_id, guild_id, now)
        if standing.due is not None:
            rules.show(db, number, Question(user_id=user_id, version=standing.due.version, held=None), now)
        return standing
