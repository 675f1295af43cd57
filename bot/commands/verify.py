"""`/bark verify`, and the same in the menu of a message: is this clip from here? For everybody; the answer is theirs alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import discord
from discord import app_commands

from bot import texts
from bot.commands.forms import whisper
from bot.flow import attachment, post
from bot.flow.verify import MOST_BYTES, Busy, Verifier, report
from bot.texts import say

ENDINGS = frozenset({".ogg", ".opus", ".oga", ".mp3", ".flac", ".wav"})


def add(bark: app_commands.Group, verifier: Verifier) -> app_commands.ContextMenu:
    """The command; and the entry of the menu, for whoever puts menus together."""

    @bark.command(name="verify", description=texts.VERIFY)
    @app_commands.describe(file=texts.VERIFY_FILE)
    async def verify(interaction: discord.Interaction, file: discord.Attachment) -> None:
        await answer(interaction, verifier, file)

    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def this(interaction: discord.Interaction, message: discord.Message) -> None:
        file = clip_in(message.attachments)
        if file is None:
            await whisper(interaction, say(texts.VERIFY_NOTHING))
        else:
            await answer(interaction, verifier, file)

    return app_commands.ContextMenu(name=texts.VERIFY_THIS, callback=this)


def clip_in(attachments: Sequence[discord.Attachment]) -> discord.Attachment | None:
    """The first that is a sound by what Discord says or by its name; which it is, its bytes will tell."""
    return next((file for file in attachments if sounds(file.filename, file.content_type)), None)


def sounds(filename: str, content_type: str | None) -> bool:
    """Whether an attachment claims to be a sound."""
    return (content_type or "").startswith("audio/") or PurePath(filename).suffix.casefold() in ENDINGS


async def answer(interaction: discord.Interaction, verifier: Verifier, file: discord.Attachment) -> None:
    """Fetch it, look at it, and say what was found. Discord is answered first: it waits 3 s."""
    if file.size > MOST_BYTES:
        await whisper(interaction, _too_big())
        return
    await interaction.response.defer(ephemeral=True, thinking=True)
    try:
        async with verifier.turn(interaction.user.id):
            data = await attachment.fetch(file.url, most=MOST_BYTES, within=attachment.WITHIN)
            words = report(await verifier.look(data, file.filename))
    except attachment.TooLong:  # it is not as long as Discord said
        words = _too_big()
    except post.ERRORS:
        words = say(texts.FILE_GONE)
    except Busy:
        words = say(texts.VERIFY_BUSY)
    await interaction.edit_original_response(content=words)


def _too_big() -> str:
    return say(texts.VERIFY_TOO_BIG, limit=texts.size(MOST_BYTES))
