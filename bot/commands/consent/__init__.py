"""`/bark-voice`: a voice of one's own, who may use it, and its end; and the notice in a server's log channel.

    page.py      mine: the terms, what is chosen, I agree and No    granting.py  grants: the list, give, take away
    ending.py    revoke, for its owner and for moderators           notice.py    the notice, Report, and what moderators press
    tools.py     what all of them work with

Custom ids are `bark-consent:<action>:<id>`; who may press what is looked up at each press.
"""

from __future__ import annotations

import discord
from discord import app_commands

from bot import texts
from bot.commands.consent import ending, granting, notice, page
from bot.commands.consent.tools import PREFIX, Actions, Tools
from bot.commands.switch import Press, Switch

__all__ = ["Tools", "build"]


def build(tools: Tools, switch: Switch) -> app_commands.Group:
    """The group of commands, and what is pressed in their answers."""
    group = app_commands.Group(
        name="bark-voice",
        description=texts.CONSENT_GROUP,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
    )
    actions: Actions = {}
    for part in (page, granting, ending, notice):
        actions |= part.add(group, tools)

    async def press(interaction: discord.Interaction, press: Press) -> None:
        if action := actions.get(press.action):
            await action(interaction, press)

    switch.add(PREFIX, press)
    return group
