"""What stands in the context menu of a message: it is spoken, as an answer or in the voice channel of whoever asks."""

from __future__ import annotations

import discord
from discord import app_commands

from bot import texts
from bot.commands.desk import Desk
from bot.commands.forms import whisper
from bot.flow.booth import Booth
from bot.flow.check import Refused
from bot.flow.options import Format, Options
from bot.flow.plain import Names, plain
from bot.flow.visitor import Visitor
from bot.texts import say

LONGEST_NAME = 40  # characters of a name that is read out


def build(desk: Desk, booth: Booth) -> list[app_commands.ContextMenu]:
    """The entries."""

    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def here(interaction: discord.Interaction, message: discord.Message) -> None:
        await _speak(interaction, desk, message, Options())

    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    async def in_voice(interaction: discord.Interaction, message: discord.Message) -> None:
        where = booth.place(Visitor.of(interaction))
        if isinstance(where, Refused):
            await whisper(interaction, where.words)
        else:  # a format that can be heard while it is made
            await _speak(interaction, desk, message, Options(speak_in=where, format=Format.OGG))

    return [
        app_commands.ContextMenu(name=texts.BARK_THIS, callback=here),
        app_commands.ContextMenu(name=texts.BARK_THIS_IN_VOICE, callback=in_voice),
    ]


async def _speak(interaction: discord.Interaction, desk: Desk, message: discord.Message, options: Options) -> None:
    text = plain(message.content, names_in(message))
    if text:
        await desk.ask(interaction, text=text, options=options)
    else:
        await whisper(interaction, say(texts.MESSAGE_EMPTY))


def names_in(message: discord.Message) -> Names:
    """The names of what a message mentions."""
    return Names(
        people={person.id: person.display_name[:LONGEST_NAME] for person in message.mentions},
        roles={role.id: role.name[:LONGEST_NAME] for role in message.role_mentions},
        channels={channel.id: channel.name[:LONGEST_NAME] for channel in message.channel_mentions},
    )
