"""What needs the kept clip: Keep voice, Voice message, Play in voice, Add to soundboard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import discord

from bot import texts
from bot.commands.buttons import forms
from bot.commands.buttons.tools import Press, Tools
from bot.flow import post
from bot.flow.check import clean
from bot.flow.clips import Clip
from bot.texts import say

LONGEST_SOUND = 5.2  # seconds a soundboard takes (Discord: soundboard resource)
LARGEST_SOUND = 512_000  # bytes
SOUND_TYPES = {".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
SOUND_NAME = (2, 32)  # characters


async def play(press: Press, tools: Tools) -> None:
    """To be heard in a voice channel: the player's own file does that."""
    if tools.play is None:
        await press.tell(say(texts.BUTTON_UNKNOWN))
    elif await tools.clip(press.job.id, press.take) is None:
        await press.tell(gone(press))
    else:
        await tools.play(press.interaction, press.job, press.take)


async def keep(press: Press, tools: Tools) -> None:
    """A form for the name, if there is something to keep."""
    if await _tokens(press, tools) is None:
        await press.tell(gone(press))
    else:
        await press.interaction.response.send_modal(forms.keep(press.job, press.take))


async def named(press: Press, tools: Tools, values: Mapping[str, str]) -> None:
    """The form, filled in."""
    tokens = await _tokens(press, tools)
    if tokens is None:
        await press.tell(gone(press))
        return
    name = values.get("name", "").strip()
    refused = await tools.keep_voice(press.presser.user_id, name, tokens)
    await press.tell(refused or say(texts.KEPT, name=clean(name)))


def gone(press: Press) -> str:
    """The audio is no longer kept; with its text it could be made anew."""
    return say(texts.CLIP_GONE if press.job.text else texts.ALL_GONE)


async def _tokens(press: Press, tools: Tools) -> Path | None:
    clip = await tools.clip(press.job.id, press.take)
    return clip.tokens if clip is not None and await asyncio.to_thread(clip.tokens.is_file) else None


async def bubble(press: Press, tools: Tools) -> None:
    """A voice message in the same channel."""
    interaction, clip = press.interaction, await tools.clip(press.job.id, press.take)
    if clip is None:
        await press.tell(gone(press))
    elif why := _cannot_speak(interaction):
        await press.tell(why)
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)
        words = say(texts.VOICE_MESSAGE_SENT)
        try:
            await tools.post.speak(press.job, clip.path, channel_id=interaction.channel_id, nonce=str(interaction.id))
        except post.ERRORS as error:
            if post.trouble(error) is not post.Trouble.FORBIDDEN:
                raise
            words = say(texts.MISSING_FOR_ME, permission=say(texts.SEND_VOICE_MESSAGES))
        await interaction.edit_original_response(content=words)


def _cannot_speak(interaction: discord.Interaction) -> str | None:
    """Why no voice message can be sent here, as far as the press tells; in direct messages it tells nothing."""
    if interaction.guild_id is None:
        return None
    if not interaction.is_guild_integration():
        return say(texts.NOT_A_MEMBER)
    mine = interaction.app_permissions
    in_thread = isinstance(interaction.channel, discord.Thread)
    needed = {
        texts.VIEW_CHANNEL: mine.view_channel,
        texts.SEND_MESSAGES: mine.send_messages_in_threads if in_thread else mine.send_messages,
        texts.SEND_VOICE_MESSAGES: mine.send_voice_messages,
    }
    missing = next((name for name, given in needed.items() if not given), None)
    return None if missing is None else say(texts.MISSING_FOR_ME, permission=say(missing))


async def soundboard(press: Press, tools: Tools) -> None:
    """A sound for everybody on this server."""
    interaction, clip = press.interaction, await tools.clip(press.job.id, press.take)
    why = gone(press) if clip is None else _cannot_add(interaction) or await asyncio.to_thread(unfit, clip)
    if clip is None or why or interaction.guild_id is None:
        await press.tell(why or say(texts.BUTTON_NOT_HERE))
        return
    await interaction.response.defer(ephemeral=True, thinking=True)
    name = sound_name(press.job.text)
    words = say(texts.SOUND_ADDED, name=name)
    try:
        await tools.post.add_sound(interaction.guild_id, name, clip.path, SOUND_TYPES[clip.path.suffix])
    except discord.HTTPException as error:
        if post.trouble(error) is post.Trouble.FORBIDDEN:
            words = say(texts.MISSING_FOR_ME, permission=say(texts.CREATE_EXPRESSIONS))
        elif 400 <= error.status < 500:  # it will not take it: most often there is no room
            words = say(texts.SOUND_FULL)
        else:
            raise
    await interaction.edit_original_response(content=words)


def _cannot_add(interaction: discord.Interaction) -> str | None:
    if not interaction.is_guild_integration():
        return say(texts.NOT_A_MEMBER)
    if not interaction.permissions.create_expressions:
        return say(texts.MISSING_FOR_YOU, permission=say(texts.CREATE_EXPRESSIONS))
    if not interaction.app_permissions.create_expressions:
        return say(texts.MISSING_FOR_ME, permission=say(texts.CREATE_EXPRESSIONS))
    return None


def unfit(clip: Clip) -> str | None:
    """Why a soundboard does not take this clip. Reads the file: to be called in a thread."""
    length = seconds_of(clip)
    if length > LONGEST_SOUND or clip.path.stat().st_size > LARGEST_SOUND:
        most, this = texts.clip_length(LONGEST_SOUND), texts.clip_length(length)
        return say(texts.SOUND_TOO_LONG, seconds=most, length=this)
    return None if clip.path.suffix in SOUND_TYPES else say(texts.SOUND_FORMAT)


def seconds_of(clip: Clip) -> float:
    """The length of a clip, from its file's header."""
    import soundfile  # noqa: PLC0415 - it brings numpy

    return float(soundfile.info(str(clip.path)).duration)


def sound_name(text: str) -> str:
    """A name for the soundboard out of what is said: its first words, without marks."""
    words = re.sub(r"[^\w' -]", " ", text.replace("_", " ")).split()
    name = ""
    for word in words:
        longer = f"{name} {word}".strip()
        if len(longer) > SOUND_NAME[1]:
            break
        name = longer
    name = name or "".join(words)[: SOUND_NAME[1]]
    return name if len(name) >= SOUND_NAME[0] else "bark"
