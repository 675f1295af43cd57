"""A small real bot for these tests: a discord.Client with one group of commands, a button, a select menu and a modal."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import discord
from discord import app_commands

from bot.loopback.point import point_discord_at
from bot.loopback.server import Loopback

VOICES = ("v2/en_speaker_6", "v2/de_speaker_1")
AUDIO = bytes(range(256)) * 40


class Again(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"bark:again:(?P<job>\d+)"):
    """A button that carries its job in its custom id."""

    def __init__(self, job: str) -> None:
        self.job = job
        super().__init__(discord.ui.Button(label="Again", custom_id=f"bark:again:{job}"))

    @classmethod
    async def from_custom_id(cls, _interaction: Any, _item: Any, match: Any) -> Again:
        return cls(match["job"])

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content=f"again {self.job}")


class Flavour(discord.ui.Select[Any]):
    def __init__(self) -> None:
        options = [discord.SelectOption(label=name) for name in ("soft", "loud")]
        super().__init__(custom_id="flavour", options=options)

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"chosen {self.values[0]}", ephemeral=True)


class Words(discord.ui.Modal, title="Speak"):
    text: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Text", custom_id="text", max_length=40)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"typed {self.text.value}", ephemeral=True)


class Kennel(discord.Client):
    """The bot. `errors` are what its commands raised, `seen` the interactions that reached it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, voice_states=True),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
            **options,
        )
        self.errors: list[BaseException] = []
        self.seen: list[int] = []
        self.failed = asyncio.Event()
        self.resumed = asyncio.Event()
        self.tree = app_commands.CommandTree(self)
        self.tree.error(self._failed)
        self.tree.add_command(commands())
        self.tree.add_command(app_commands.ContextMenu(name="Speak this", callback=speak_this))

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Again)
        view = discord.ui.View(timeout=None)
        view.add_item(Flavour())
        self.add_view(view)
        await self.tree.sync()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.seen.append(interaction.id)

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def _failed(self, _interaction: Any, error: app_commands.AppCommandError) -> None:
        self.errors.append(error.__cause__ or error)
        self.failed.set()


async def speak_this(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"spoken: {message.content}", ephemeral=True)


def audio_file(data: bytes = AUDIO) -> discord.File:
    return discord.File(io.BytesIO(data), "bark.ogg", description="a bark")


def commands() -> app_commands.Group:
    group = app_commands.Group(name="bark", description="Bark")

    @group.command(name="say", description="Say it")
    async def say(
        interaction: discord.Interaction,
        text: app_commands.Range[str, 1, 60],
        voice: str = VOICES[0],
        seed: app_commands.Range[int, 0, 9] = 0,
    ) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content=f"{text}: semantic")
        view = discord.ui.View(timeout=None)
        view.add_item(Again("77"))
        view.add_item(Flavour())
        done = f"{text} {voice} {seed}"
        await interaction.edit_original_response(content=done, attachments=[audio_file()], view=view)

    @say.autocomplete("voice")
    async def complete(_interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in VOICES if typed in name]

    @group.command(name="hide", description="Answer in private, then once more")
    async def hide(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("only you", ephemeral=True)
        await interaction.followup.send("nor this", ephemeral=True)

    @group.command(name="form", description="Open a modal")
    async def form(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Words())

    @group.command(name="dm", description="Write to the asker")
    async def dm(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.user.send("in private", nonce=str(interaction.id))

    return group


@contextlib.asynccontextmanager
async def running(discord_: Loopback, client: Kennel) -> AsyncIterator[Kennel]:
    """The client, connected and ready; closed at the end."""
    with point_discord_at(discord_.api_url, discord_.gateway_url):
        async with client:
            task = asyncio.create_task(client.start(discord_.token))
            ready = asyncio.create_task(discord_.gateway.ready())
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                ready.cancel()
                await task
            await client.wait_until_ready()
            try:
                yield client
            finally:
                await client.close()
                await asyncio.wait([task])


if __name__ == "__main__":  # a bot in a process of its own: API and gateway address; the token in TOKEN
    with point_discord_at(*sys.argv[1:]):
        Kennel().run(os.environ["TOKEN"], log_handler=None)
