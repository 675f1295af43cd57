"""A press or a filled-in form: looked up, checked against the store, handed on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import discord

from bot import texts
from bot.commands.buttons import anew, keeping, telling, tidying
from bot.commands.buttons.forms import typed
from bot.commands.buttons.mark import PREFIX, TEMPLATE, Action, Mark
from bot.commands.buttons.rights import Presser, refusal
from bot.commands.buttons.tools import Press, Tools
from bot.flow import queue
from bot.texts import say

log = logging.getLogger(__name__)

DOUBLE = 2.0  # seconds within which a second press of the same button is the same wish
ONCE = frozenset({Action.AGAIN, Action.VARY, Action.BUBBLE, Action.SOUNDBOARD})  # a second one would do it twice

GATED: Mapping[Action, tuple[str, ...]] = {  # what needs no job of its own, and the features it uses
    Action.PLAY: ("voice",),
    Action.KEEP: (),
    Action.BUBBLE: (),
    Action.SOUNDBOARD: (),
}

PRESSES: Mapping[Action, Callable[[Press, Tools], Awaitable[None]]] = {
    Action.AGAIN: anew.again,
    Action.VARY: anew.vary,
    Action.EDIT: anew.edit,
    Action.PLAY: keeping.play,
    Action.KEEP: keeping.keep,
    Action.BUBBLE: keeping.bubble,
    Action.SOUNDBOARD: keeping.soundboard,
    Action.MORE: telling.more,
    Action.DETAILS: telling.details,
    Action.CANCEL: tidying.cancel,
    Action.DELETE: tidying.delete,
    Action.REPORT: tidying.report,
    Action.SURE: tidying.sure,
}
FORMS: Mapping[Action, Callable[[Press, Tools, Mapping[str, str]], Awaitable[None]]] = {
    Action.EDIT: anew.edited,
    Action.KEEP: keeping.named,
}


class Presses:
    """Where everything with a custom id of ours arrives."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        # (who, custom id) -> when it may count again, on the loop's clock
        self._lately: dict[tuple[int, str], float] = {}

    async def press(self, interaction: discord.Interaction, custom_id: str) -> None:
        """A button."""
        mark = Mark.parse(custom_id)
        if mark is not None and mark.action in ONCE and self._twice(interaction.user.id, custom_id):
            await _private(interaction, say(texts.BUTTON_TWICE))
        elif (press := await self._allowed(interaction, mark, custom_id)) and await self._gate(press):
            await PRESSES[press.mark.action](press, self._tools)

    async def hear(self, interaction: discord.Interaction) -> None:
        """Any interaction: takes the forms, which discord.py does not keep, and what no button of ours can have sent."""
        custom_id = str(cast("dict[str, Any]", interaction.data or {}).get("custom_id") or "")
        if not custom_id.startswith(PREFIX):
            return
        if interaction.type is discord.InteractionType.modal_submit:
            await self._submit(interaction, custom_id)
        elif interaction.type is discord.InteractionType.component and TEMPLATE.fullmatch(custom_id) is None:
            await self.press(interaction, custom_id)

    async def _submit(self, interaction: discord.Interaction, custom_id: str) -> None:
        mark = Mark.parse(custom_id)
        known = mark if mark is not None and mark.action in FORMS else None
        if (press := await self._allowed(interaction, known, custom_id)) and await self._gate(press):
            await FORMS[press.mark.action](press, self._tools, typed(interaction.data))

    async def _allowed(self, interaction: discord.Interaction, mark: Mark | None, custom_id: str) -> Press | None:
        """The press, checked against the store. Where it is refused its person knows why by then."""
        presser = Presser.of(interaction)
        job = None if mark is None else await self._tools.store.read(queue.get, mark.job)
        why = say(texts.BUTTON_UNKNOWN) if mark is None else refusal(mark, job, presser)
        if why is None and mark is not None and job is not None:
            return Press(interaction=interaction, mark=mark, job=job, presser=presser)
        log.info("%r of user %d is refused: %s", custom_id[:100], presser.user_id, why)
        await _private(interaction, why or say(texts.BUTTON_UNKNOWN))
        return None

    async def _gate(self, press: Press) -> bool:
        """Whether bans, halts and rules let it be. What becomes a job is looked at in the queue's own transaction."""
        used, gate = GATED.get(press.mark.action), self._tools.gate
        return used is None or gate is None or await gate.lets(press.interaction, *used)

    def _twice(self, user: int, custom_id: str) -> bool:
        """Whether this person has pressed this a moment ago. Two presses come as two interactions, however close."""
        now = asyncio.get_running_loop().time()
        self._lately = {key: until for key, until in self._lately.items() if until > now}
        if (user, custom_id) in self._lately:
            return True
        self._lately[user, custom_id] = now + DOUBLE
        return False


async def _private(interaction: discord.Interaction, words: str) -> None:
    await interaction.response.send_message(words, ephemeral=True)
