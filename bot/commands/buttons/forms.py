"""The forms that buttons open, and what was typed into them.

A form carries a custom id like a button's and is stopped before it is sent, so discord.py does not keep it: it can be sent in
after a restart, and one that nobody sends in costs nothing. It arrives at `Presses.hear`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import discord

from bot import texts
from bot.commands.buttons.mark import Action, Mark
from bot.commands.switch import fields_of
from bot.flow.check import Refused
from bot.flow.job import Job
from bot.texts import say

CALMEST, WILDEST = 0.1, 1.5  # liveliness that can be typed
LONGEST_TEXT = 4000  # Discord's most for a field
NAME = (2, 32)  # characters of a kept voice's name


def edit(job: Job, usual: float) -> discord.ui.Modal:
    """Text, voice, seed and liveliness, as they were."""
    lively = job.options.text_temp
    hint = say(texts.EDIT_LIVELINESS_HINT, usual=f"{usual:g}")
    fields = [
        _field(texts.EDIT_TEXT, "text", job.text, style=discord.TextStyle.paragraph, required=True),
        _field(texts.EDIT_VOICE, "voice", job.voice or "", texts.EDIT_VOICE_HINT, most=100),
        _field(texts.EDIT_SEED, "seed", str(job.seed), texts.EDIT_SEED_HINT, most=10),
        _field(texts.EDIT_LIVELINESS, "liveliness", "" if lively is None else f"{lively:g}", hint, most=10),
    ]
    return _form(texts.EDIT_TITLE, Mark(action=Action.EDIT, job=job.id), fields)


def keep(job: Job, take: int) -> discord.ui.Modal:
    """A name for a voice."""
    field = _field(texts.KEEP_NAME, "name", "", texts.KEEP_NAME_HINT, least=NAME[0], most=NAME[1], required=True)
    return _form(texts.KEEP_TITLE, Mark(action=Action.KEEP, job=job.id, take=take), [field])


def _form(title: str, mark: Mark, fields: list[discord.ui.Label[Any]]) -> discord.ui.Modal:
    form = discord.ui.Modal(title=say(title), custom_id=str(mark))
    for field in fields:
        form.add_item(field)
    form.stop()
    return form


def _field(
    label: str,
    name: str,
    value: str,
    hint: str | None = None,
    *,
    style: discord.TextStyle = discord.TextStyle.short,
    least: int | None = None,
    most: int = LONGEST_TEXT,
    required: bool = False,
) -> discord.ui.Label[Any]:
    box: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id=name,
        style=style,
        default=value[:most] or None,
        min_length=least,
        max_length=most,
        required=required,
    )
    return discord.ui.Label(text=say(label), description=hint and say(hint), component=box)


def typed(data: Any) -> dict[str, str]:
    """The values of a form that was sent in, by the names of its fields."""
    return fields_of(data)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    """A filled-in Edit. None: the field was left empty."""

    text: str
    voice: str | None
    seed: int | None
    liveliness: float | None


def edited(values: Mapping[str, str], most: int) -> Edited | Refused:
    """What was typed into Edit; `most` is the largest seed."""
    seed, lively = values.get("seed", "").strip(), values.get("liveliness", "").strip().replace(",", ".")
    if seed and not (seed.isascii() and seed.isdecimal() and int(seed) <= most):
        return Refused(rule="bad-seed", words=say(texts.BAD_SEED, most=most))
    if lively and not CALMEST <= _number(lively) <= WILDEST:
        words = say(texts.BAD_LIVELINESS, least=CALMEST, most=WILDEST)
        return Refused(rule="bad-liveliness", words=words)
    return Edited(
        text=values.get("text", ""),
        voice=values.get("voice", "").strip() or None,
        seed=int(seed) if seed else None,
        liveliness=_number(lively) if lively else None,
    )


def _number(typed: str) -> float:
    """The number, or one that is in no range."""
    try:
        return float(typed)
    except ValueError:
        return math.nan
