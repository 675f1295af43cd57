"""What goes wrong behind a command, a window or a button is told to whoever waits, in their language, and logged."""

import logging
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.commands.forms import Modal, guarded
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on


class Trap(discord.ui.DynamicItem[discord.ui.Button[Any]], template="trap"):
    def __init__(self) -> None:
        super().__init__(discord.ui.Button(label="Trap", custom_id="trap"))

    @classmethod
    async def from_custom_id(cls, *_: Any) -> "Trap":
        return cls()

    @guarded
    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        raise ZeroDivisionError("behind a button")


class Pit(Modal):
    def __init__(self) -> None:
        super().__init__(title="Pit")
        self.add_item(discord.ui.Label(text="Text", component=discord.ui.TextInput(custom_id="text")))

    async def on_submit(self, _: discord.Interaction) -> None:
        raise ZeroDivisionError("behind a window")


async def test_mistakes_become_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Loopback() as discord_, bot_on(discord_, tmp_path) as app:
        client, alice = app.client, discord_.user("alice")
        alice.person.locale = "fr"
        client.add_dynamic_items(Trap)

        @client.tree.command(name="trap", description="A button")
        async def trap(interaction: discord.Interaction) -> None:
            view = discord.ui.View(timeout=None)
            view.add_item(Trap())
            await interaction.response.send_message("press", view=view)

        @client.tree.command(name="pit", description="A window")
        async def pit(interaction: discord.Interaction) -> None:
            await interaction.response.send_modal(Pit())

        @client.tree.command(name="hole", description="Nothing")
        async def hole(_: discord.Interaction, typed: str) -> None:
            raise ZeroDivisionError(typed)

        @hole.autocomplete("typed")
        async def offer(_: discord.Interaction, typed: str) -> list[discord.app_commands.Choice[str]]:
            raise ZeroDivisionError(typed)

        await client.tree.sync()
        message = await (await alice.slash("trap")).until(lambda message: message.components)
        opened = await alice.slash("pit")
        await opened.acknowledged()
        for exchange in (
            await alice.press(message, "trap"),
            await alice.submit(opened, {"text": "hello"}),
            await alice.slash("hole", typed="behind a command"),
        ):
            words = await exchange.until(lambda message: message.ephemeral)
            assert words.content.startswith("Quelque chose s'est mal passé de mon côté")
        with pytest.raises(Exception, match="did not respond"):  # an empty list would say that nothing fits
            await alice.autocomplete("hole", focused=("typed", "behind a field"))
        assert discord_.complaints == []
    told = [str(record.exc_info[1]) for record in caplog.records if record.exc_info and record.levelno == logging.ERROR]
    assert {"behind a button", "behind a window", "behind a command"} < set(told)
    assert any("behind a field" in line for line in told)
