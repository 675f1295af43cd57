"""Select menus that Discord fills itself: of people, roles and channels."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.loopback.commands import Refused
from bot.loopback.interactions import Callback
from bot.loopback.server import Loopback
from bot.loopback.user import User
from tests.bot.loopback.kennel import Kennel


class Chooser(discord.ui.View):
    """One menu, and what was chosen from it."""

    def __init__(self, menu: Any) -> None:
        super().__init__(timeout=None)
        self.add_item(menu)
        self.chosen: list[Any] = []
        menu.callback = self._choose
        self._menu = menu

    async def _choose(self, interaction: discord.Interaction) -> None:
        self.chosen = [(type(value).__name__, value.id) for value in self._menu.values]
        await interaction.response.defer()


async def choose(discord_: Loopback, client: Kennel, menu: Any, *ids: int) -> list[Any]:
    """What the client makes of a choice."""
    view = Chooser(menu)
    sent = await client.get_partial_messageable(discord_.general).send("Choose.", view=view)
    message = next(one for one in discord_.channel_messages(discord_.general) if one.id == sent.id)
    exchange = await discord_.user("alice").choose(message, menu.custom_id, [str(number) for number in ids])
    assert (await exchange.acknowledged()).type is Callback.DEFERRED_UPDATE
    return view.chosen


async def test_channels(discord_: Loopback, client: Kennel):
    menu = discord.ui.ChannelSelect[Any](custom_id="c", max_values=2, channel_types=[discord.ChannelType.text])
    ids = (discord_.general, discord_.second)
    assert await choose(discord_, client, menu, *ids) == [("AppCommandChannel", number) for number in ids]
    with pytest.raises(Refused):
        await choose(discord_, client, menu, discord_.voice_channel)


async def test_roles(discord_: Loopback, client: Kennel):
    alice: User = discord_.user("alice")
    number = discord_.role("barkers", alice)
    menu = discord.ui.RoleSelect[Any](custom_id="r", min_values=0)
    assert await choose(discord_, client, menu, number) == [("Role", number)]
    assert await choose(discord_, client, menu) == []
    with pytest.raises(Refused):
        await choose(discord_, client, menu, alice.id)
    with pytest.raises(Refused):
        await choose(discord_, client, menu, number, number)


async def test_people_and_both(discord_: Loopback, client: Kennel):
    bob, number = discord_.user("bob"), discord_.role("barkers")
    menu = discord.ui.UserSelect[Any](custom_id="u")
    assert await choose(discord_, client, menu, bob.id) == [("Member", bob.id)]
    both = discord.ui.MentionableSelect[Any](custom_id="m", max_values=2)
    assert await choose(discord_, client, both, bob.id, number) == [("Member", bob.id), ("Role", number)]


async def test_a_default_value_is_kept(discord_: Loopback, client: Kennel):
    value = discord.SelectDefaultValue(id=discord_.general, type=discord.SelectDefaultValueType.channel)
    menu = discord.ui.ChannelSelect[Any](custom_id="c", default_values=[value])
    await choose(discord_, client, menu, discord_.second)
    shown = discord_.channel_messages(discord_.general)[-1].components[0]["components"][0]
    assert shown["default_values"] == [{"id": str(discord_.general), "type": "channel"}]
