"""More and Details: private answers about an answer."""

from __future__ import annotations

import asyncio

import discord

from bot import texts
from bot.commands.buttons.keeping import LONGEST_SOUND, SOUND_TYPES, seconds_of
from bot.commands.buttons.tools import Press, Tools, text_file
from bot.commands.buttons.view import more_view
from bot.flow.job import Job
from bot.texts import say

SHOWN = 1200  # characters of a text that fit into Details; a longer one comes as a file


async def more(press: Press, tools: Tools) -> None:
    """The buttons that are not under the answer: those that this person can press."""
    job, take = press.job, press.mark.take
    clip = await tools.clip(job.id, press.take)
    short = clip is not None and clip.path.suffix in SOUND_TYPES
    if short and clip is not None:
        short = await asyncio.to_thread(seconds_of, clip) <= LONGEST_SOUND
    playable = tools.play is not None
    view = more_view(job, take, press.presser, clip=clip is not None, short=short, playable=playable)
    words = say(texts.MORE) if take is None else say(texts.MORE_OF_TAKE, take=take)
    if clip is None and (take is not None or job.options.takes == 1):
        words = say(texts.MORE_WITHOUT_CLIP if job.text else texts.ALL_GONE)
    if view.children:
        await press.tell(words, view)
    else:
        await press.tell(words)


async def details(press: Press, tools: Tools) -> None:
    """How it was made, and for the asker the text."""
    job = press.job
    words = facts(job, tools.usual)
    if job.user_id != press.presser.user_id:
        await press.tell(f"{words}\n{say(texts.DETAILS_NO_TEXT)}")
        return
    if not job.text:
        await press.tell(f"{words}\n{say(texts.TEXT_GONE)}")
        return
    once_more = say(texts.DETAILS_AGAIN, command=texts.called(f"bark {job.options.kind}"))
    words = f"{words}\n{once_more}\n{say(texts.DETAILS_TEXT, text=plain(job.text))}"
    whole = text_file(job.text) if len(job.text) > SHOWN else discord.utils.MISSING
    await press.interaction.response.send_message(words, ephemeral=True, file=whole)


def facts(job: Job, usual: tuple[float, float]) -> str:
    """Everything but the text."""
    options = job.options
    words = say(
        texts.DETAILS,
        voice=job.voices or say(texts.NO_VOICE),
        seed=job.seed,
        model=job.model or "?",
        text_temp=f"{options.text_temp or usual[0]:g}",
        waveform_temp=f"{options.waveform_temp or usual[1]:g}",
        seconds=texts.clip_length(job.seconds or 0.0),
        took=texts.duration(job.took or 0.0),
        when=f"<t:{int(job.received_at)}:f>",
    )
    return words if options.parent is None else f"{words}\n{say(texts.DETAILS_VARIED)}"


def plain(text: str) -> str:
    """A text for a code block, where no markup and no mention works: it cannot end the block itself."""
    shown = text.replace("`", "'")
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
