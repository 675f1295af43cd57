"""`/bark long`: a text longer than the others may have, typed in a window or read from a .txt file."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.commands.forms import Modal, whisper
from bot.commands.refusing import refuse
from bot.commands.say import FINE, OPTION_LENGTH, Seconds, Seed, Temperature, Voice, offer_voices, wishes
from bot.flow import attachment
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.options import Format, Kind, Options
from bot.flow.post import ERRORS
from bot.settings import Feature
from bot.texts import say

MOST_BYTES = 64 * 1024  # of a file: more than any text that is taken, in any encoding
MARKED = {  # byte order mark -> encoding; without a mark it is UTF-8
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def add(bark: app_commands.Group, desk: Desk) -> None:
    """The command."""

    @bark.command(name="long", description=texts.LONG)
    @app_commands.describe(file=texts.LONG_FILE, voice=texts.SAY_VOICE, seed=texts.SAY_SEED, **FINE)
    @app_commands.rename(form="format")
    async def long(
        interaction: discord.Interaction,
        *,
        file: discord.Attachment | None = None,
        voice: Voice | None = None,
        seed: Seed | None = None,
        liveliness: Temperature | None = None,
        texture: Temperature | None = None,
        form: Format | None = None,
        max_seconds: Seconds | None = None,
        voice_message: bool | None = None,
    ) -> None:
        options = dataclasses.replace(
            wishes(Kind.SAY, liveliness, texture, form, max_seconds, voice_message=voice_message), long=True
        )
        if refused := desk.house.off(interaction.guild_id, Feature.LONG):
            await whisper(interaction, refused.words)
        elif file is None:
            await interaction.response.send_modal(LongText(desk, voice=voice, seed=seed, options=options))
        elif problem := unfit(file.filename, file.size):
            await whisper(interaction, problem)
        else:
            seed = desk.new_seed() if seed is None else seed
            ask = Ask.from_interaction(interaction, text="", voice=voice, seed=seed, options=options)
            await _read_aloud(interaction, desk, file, ask)

    offer_voices(long, desk)


def unfit(name: str, size: int) -> str | None:
    """What is wrong with a file before it is fetched."""
    if not name.casefold().endswith(".txt"):
        return say(texts.FILE_KIND)
    if size > MOST_BYTES:
        return say(texts.FILE_TOO_BIG, size=texts.size(size), limit=texts.size(MOST_BYTES))
    return None


def decoded(data: bytes) -> str | None:
    """The text in a file: UTF-8, or UTF-16 with a byte order mark. None where it is neither."""
    encoding = next((encoding for mark, encoding in MARKED.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text  # no text file has one; UTF-16 without its mark has many


async def _read_aloud(interaction: discord.Interaction, desk: Desk, file: discord.Attachment, ask: Ask) -> None:
    """Fetch the file and ask for what it says. Discord is answered first: it waits 3 s, the file may take longer."""
    await interaction.response.defer(thinking=True)
    try:
        text = decoded(await attachment.fetch(file.url, most=MOST_BYTES, within=attachment.WITHIN))
    except attachment.TooLong:  # it is not as long as Discord said
        limit = texts.size(MOST_BYTES)
        words = say(texts.FILE_TOO_BIG, size=f"> {limit}", limit=limit)
        await _take_back(interaction, Refused(rule="file-too-big", words=words))
        return
    except ERRORS:
        await _take_back(interaction, Refused(rule="file-gone", words=say(texts.FILE_GONE)))
        return
    if text is None:
        await _take_back(interaction, Refused(rule="file-unreadable", words=say(texts.FILE_UNREADABLE)))
        return
    verdict = await desk.take_deferred(dataclasses.replace(ask, text=text))
    if isinstance(verdict, Refused):
        await _take_back(interaction, verdict)


async def _take_back(interaction: discord.Interaction, refused: Refused) -> None:
    """A reply that all can see gives way to words for the asker alone. A follow-up would fill the empty reply: it is edited first."""
    await interaction.edit_original_response(content=say(texts.FAILED_QUIETLY))
    await refuse(interaction, refused)
    with contextlib.suppress(*ERRORS):  # it may stay: it says something
        await interaction.delete_original_response()


class LongText(Modal):
    """The window."""

    def __init__(self, desk: Desk, *, voice: str | None, seed: int | None, options: Options, text: str = "") -> None:
        super().__init__(title=say(texts.WINDOW_LONG))
        self._desk, self._seed, self._options = desk, seed, options
        self._text = discord.ui.TextInput[LongText](
            custom_id="text", style=discord.TextStyle.paragraph, default=text or None, max_length=OPTION_LENGTH
        )
        self._voice = discord.ui.TextInput[LongText](
            custom_id="voice", default=voice, placeholder="v2/en_speaker_6", required=False, max_length=100
        )
        self.add_item(discord.ui.Label(text=say(texts.WINDOW_TEXT), component=self._text))
        self.add_item(discord.ui.Label(text=say(texts.WINDOW_VOICE), component=self._voice))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """What was typed is asked for."""
        voice = self._voice.value.strip() or None
        await self._desk.ask(interaction, text=self._text.value, voice=voice, seed=self._seed, options=self._options)
