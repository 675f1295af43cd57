"""The answer to the rules: the buttons below them. Who accepts has at once what they asked for before."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import sqlite3
from collections.abc import Callable

import discord

from bot import texts
from bot.commands.forms import whisper
from bot.commands.refusing import NO, RULES, YES, view_for
from bot.commands.switch import Press, Switch
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.intake import Intake
from bot.flow.post import ERRORS
from bot.moderation import rules
from bot.moderation.complaints import LARGEST_ID
from bot.moderation.rules import Held
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)


def add(switch: Switch, *, intake: Intake, store: Store, clock: Callable[[], float]) -> None:
    """The buttons."""
    switch.add(RULES, Answers(intake=intake, store=store, clock=clock).press)


class Answers:
    """What a press below the rules does. The id names a question; whether it is the presser's is looked up."""

    def __init__(self, *, intake: Intake, store: Store, clock: Callable[[], float]) -> None:
        self._intake, self._store, self._clock = intake, store, clock

    async def press(self, interaction: discord.Interaction, press: Press) -> None:
        """Something was pressed."""
        known = press.rest.isascii() and press.rest.isdecimal() and int(press.rest) <= LARGEST_ID
        if known and press.action == YES:
            await self._accept(interaction, int(press.rest))
        elif known and press.action == NO:
            await self._decline(interaction, int(press.rest))
        else:
            await whisper(interaction, say(texts.BUTTON_UNKNOWN))

    async def _decline(self, interaction: discord.Interaction, number: int) -> None:
        def forget(db: sqlite3.Connection) -> bool:
            question = rules.question(db, number, self._clock())
            own = question is not None and question.user_id == interaction.user.id
            if own:
                rules.answered(db, number, forget=True)
            return own

        own = await self._store.call(forget)
        words = say(texts.RULES_DECLINED if own else texts.RULES_GONE)
        await interaction.response.edit_message(content=words, view=None)

    async def _accept(self, interaction: discord.Interaction, number: int) -> None:
        blank = Ask.from_interaction(interaction, text="", voice=None, seed=0)
        gone = Refused(rule="question-gone", words=say(texts.RULES_GONE))  # said here: the store has no language
        nothing = Refused(rule="rules-accepted", words=say(texts.RULES_NOTHING_HELD))
        taken: list[Held] = []

        def answer(db: sqlite3.Connection) -> Ask | Refused:
            question = rules.question(db, number, self._clock())
            if question is None or question.user_id != blank.user_id:
                return gone
            rules.accept(db, blank.user_id, question.version, self._clock())
            rules.answered(db, number, forget=False)
            if question.held is None:
                return nothing
            taken.append(question.held)
            return again(blank, question.held)

        verdict = await self._intake.take(answer, functools.partial(interaction.response.defer, thinking=True))
        if isinstance(verdict, Refused):  # also where the rules changed meanwhile: then these are the new ones
            await interaction.response.edit_message(content=verdict.words, view=view_for(verdict))
        elif taken:
            await self._close(interaction, taken[0].token)

    async def _close(self, interaction: discord.Interaction, token: str) -> None:
        """The rules stay to be read; the buttons go. By the token of who was shown them: this press has another answer."""
        if interaction.message is None:
            return
        words = f"{interaction.message.content}\n{say(texts.RULES_ACCEPTED)}"[:2000]
        shown = discord.Webhook.partial(interaction.application_id, token, client=interaction.client)
        with contextlib.suppress(*ERRORS):  # two buttons that are left do no harm
            await shown.edit_message(interaction.message.id, content=words, view=None)


def again(blank: Ask, held: Held) -> Ask:
    """What was held, as an ask of the interaction that accepted: with its token, and the roles and the place of now."""
    options = dataclasses.replace(held.options, locale=blank.options.locale)
    return dataclasses.replace(blank, text=held.text, voice=held.voice, seed=held.seed, options=options)
