"""Again, Vary and Edit: an old job becomes a new ask, with a message of its own. The old one stays."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Mapping

from bot import texts
from bot.commands.buttons import forms
from bot.commands.buttons.tools import Press, Tools
from bot.commands.refusing import refuse
from bot.commands.say import MAX_SEED
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.job import Job
from bot.flow.options import Options
from bot.texts import say

STEPS = (0.1, 0.15, 0.2)  # by how much Vary moves a temperature: heard, and still the same voice
COOLEST, WARMEST = 0.2, 1.3  # where Vary stays: below it drones, above it babbles


async def again(press: Press, tools: Tools) -> None:
    """The same text and voice with a new seed."""
    seed = tools.random.randint(0, MAX_SEED)
    job = press.job
    refused = await _ask(press, tools, text=job.text, voice=job.voice, seed=seed, options=heir(job))
    if refused is not None:
        await refuse(press.interaction, refused)


async def vary(press: Press, tools: Tools) -> None:
    """The same text, voice and seed with other temperatures."""
    job, (text_temp, waveform_temp) = press.job, tools.usual
    options = dataclasses.replace(
        heir(job),
        text_temp=moved(job.options.text_temp or text_temp, tools.random),
        waveform_temp=moved(job.options.waveform_temp or waveform_temp, tools.random),
    )
    refused = await _ask(press, tools, text=job.text, voice=job.voice, seed=job.seed, options=options)
    if refused is not None:
        await refuse(press.interaction, refused)


async def edit(press: Press, tools: Tools) -> None:
    """A form with everything as it was."""
    if not press.job.text:
        await press.tell(say(texts.TEXT_GONE))
        return
    await press.interaction.response.send_modal(forms.edit(press.job, tools.usual[0]))


async def edited(press: Press, tools: Tools, values: Mapping[str, str]) -> None:
    """The form, filled in."""
    form = forms.edited(values, MAX_SEED)
    if isinstance(form, Refused):
        await press.give_back(form.words, values.get("text", ""))
        return
    seed = tools.random.randint(0, MAX_SEED) if form.seed is None else form.seed
    options = dataclasses.replace(heir(press.job), text_temp=form.liveliness)
    refused = await _ask(press, tools, text=form.text, voice=form.voice, seed=seed, options=options)
    if refused is not None and refused.question is not None:
        await refuse(press.interaction, refused)  # what was typed is held
    elif refused is not None:
        await press.give_back(refused.words, form.text)


async def _ask(
    press: Press, tools: Tools, *, text: str, voice: str | None, seed: int, options: Options
) -> Refused | None:
    interaction = press.interaction
    if not text.strip() and not press.job.text:
        return Refused(rule="text-gone", words=say(texts.TEXT_GONE))
    ask = Ask.from_interaction(interaction, text=text, voice=voice, seed=seed, options=options)
    return await tools.intake.take(ask, functools.partial(interaction.response.defer, thinking=True))


def heir(job: Job) -> Options:
    """The options of a job made from this one. Whoever presses need not sit in the asker's voice channel."""
    return dataclasses.replace(job.options, parent=job.id, speak_in=None)


def moved(temperature: float, source: random.Random) -> float:
    """A temperature a step away, up or down, within bounds."""
    step = source.choice(STEPS) * source.choice((-1, 1))
    if not COOLEST <= temperature + step <= WARMEST:
        step = -step
    return min(WARMEST, max(COOLEST, round(temperature + step, 2)))
