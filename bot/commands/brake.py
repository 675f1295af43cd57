"""The limit on what costs little: commands, presses, forms, and what is offered while somebody types.

Kept in memory: a restart forgets it, and it is a matter of a minute. Each interaction is counted once, wherever it arrives.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, cast

import discord

from bot import i18n, texts
from bot.flow import gcra
from bot.flow.gcra import Gauge, Quota
from bot.flow.post import ERRORS
from bot.texts import say

log = logging.getLogger(__name__)

MINUTE = 60.0  # seconds
TYPING = 4  # Discord asks for choices about twice a second while somebody types: so many for one of the rest
MANY = 1000  # people after which it is looked at who has become quiet
VERDICT = "brake"  # in an interaction's extras: what was decided about it


class Brake:
    """What everybody did lately. `actions`: how many a minute; 0 for no limit."""

    def __init__(self, *, clock: Callable[[], float], actions: int) -> None:
        self._clock = clock
        self._quotas = {
            typing: Quota(rate=count / MINUTE, burst=float(count))
            for typing, count in ((False, actions), (True, actions * TYPING))
        }
        self._gauges: dict[tuple[int, bool], Gauge] = {}

    async def lets(self, interaction: discord.Interaction) -> bool:
        """Whether this may go on. Where it may not, its person knows when by then."""
        if VERDICT not in interaction.extras:  # nothing is awaited in between: the first to ask decides, and answers
            typing = interaction.type is discord.InteractionType.autocomplete
            wait = self.press(interaction.user.id, typing=typing)
            interaction.extras[VERDICT] = wait == 0
            if wait:
                await self._refuse(interaction, wait)
        return bool(interaction.extras[VERDICT])

    def press(self, user_id: int, *, typing: bool = False) -> float:
        """Count one; or, if that is too many, the seconds to wait."""
        quota, key, now = self._quotas[typing], (user_id, typing), self._clock()
        if not quota.burst:
            return 0.0
        gauge = self._gauges.get(key, Gauge(at=now))
        wait = gcra.wait(gauge, quota, now, 1.0)
        self._gauges[key] = gcra.spent(gauge, quota, now, 0.0 if wait else 1.0)
        if len(self._gauges) > MANY:
            self._forget(now)
        return wait

    def _forget(self, now: float) -> None:
        leaked = {key: gcra.leaked(gauge, self._quotas[key[1]], now) for key, gauge in self._gauges.items()}
        self._gauges = {key: gauge for key, gauge in leaked.items() if gauge.level > 0}

    async def _refuse(self, interaction: discord.Interaction, wait: float) -> None:
        i18n.speak(interaction.locale)
        words = say(texts.SLOW_DOWN, when=math.ceil(self._clock() + wait))
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            else:
                await interaction.response.send_message(words, ephemeral=True)
        except ERRORS as error:
            log.info("user %d is too fast, and could not be told: %s", interaction.user.id, error)


async def lets(interaction: discord.Interaction[Any]) -> bool:
    """The same for whoever knows only the interaction; every client of ours has its brake."""
    return await cast("Brake", interaction.client.brake).lets(interaction)
