"""The Discord client: intents, the command tree, its sync, and the one place where a command's error becomes words."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable

import discord
from discord import app_commands

from bot import texts
from bot.commands import buttons
from bot.flow.post import ERRORS
from bot.store import Store, recall, remember

log = logging.getLogger(__name__)

INTENTS = discord.Intents(guilds=True, voice_states=True)
# What the invite asks for. Messages, files and history are for answers that come after the interaction's token has died.
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
    send_voice_messages=True,
    create_expressions=True,  # sounds for the soundboard
    connect=True,
    speak=True,
)


class BarkClient(discord.Client):
    """A client that knows one command tree and tells `on_connected` when Discord is there."""

    def __init__(self, *, store: Store, ready: Callable[[], None]) -> None:
        super().__init__(
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # nothing here reads old messages
            chunk_guilds_at_startup=False,
            guild_ready_timeout=1.0,  # nothing waits for all servers to be listed
        )
        self.tree = app_commands.CommandTree(self)
        self.tree.error(self._command_failed)
        self._store, self._connected = store, ready
        self.desk: buttons.Desk | None = None  # set before the login
        self.hearers: list[
            Callable[[discord.Interaction], Awaitable[None]]
        ] = []  # of everything that is pressed or filled in

    async def try_login(self, token: str) -> None:
        """Log in; a failure leaves nothing open, so that it can be tried again."""
        try:
            await self.login(token)
        except BaseException:
            await self.http.close()
            self.http.connector = discord.utils.MISSING  # the session took it along
            raise

    async def setup_hook(self) -> None:
        """After the login, before the gateway: bring the commands up to date, only when they changed."""
        self.add_dynamic_items(buttons.Handle)
        name, mark = f"commands of {self.application_id}", fingerprint(self.tree)
        if await self._store.insist(recall, name) == mark:
            return
        try:
            await self.tree.sync()
        except (discord.HTTPException, app_commands.AppCommandError) as error:
            log.error("the commands could not be synced, the next start tries again: %s", error)  # noqa: TRY400 - Discord's words suffice
            return
        await self._store.insist(remember, name, mark)
        log.info("commands synced with Discord")

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Anything that anybody did; discord.py has called commands, buttons and the forms that it knows by itself."""
        for hear in self.hearers:
            await hear(interaction)

    async def on_ready(self) -> None:
        """The gateway is there (also after a reconnect that could not resume)."""
        log.info("connected as %s, in %d servers", self.user, len(self.guilds))
        self._connected()

    def invite(self) -> str:
        """The link that adds the bot to a server."""
        return discord.utils.oauth_url(
            self.application_id or 0, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        )

    async def _command_failed(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, discord.NotFound) and interaction.type is discord.InteractionType.autocomplete:
            return  # the person typed on; the answer came too late to matter
        await self.sorry(interaction, cause, interaction.command.qualified_name if interaction.command else "a command")

    async def sorry(self, interaction: discord.Interaction, cause: BaseException, what: str) -> None:
        """Write down what went wrong with a command, a button or a form, and tell whoever waits."""
        log.error("%s failed", what, exc_info=cause)
        words = texts.STORE_FULL if isinstance(cause, sqlite3.OperationalError) else texts.UNEXPECTED
        try:
            if interaction.response.is_done():
                await interaction.followup.send(words, ephemeral=True)
            else:
                await interaction.response.send_message(words, ephemeral=True)
        except ERRORS as failure:
            log.warning("and its asker could not be told: %s", failure)


def fingerprint(tree: app_commands.CommandTree) -> str:
    """A hash over everything that a sync would send."""
    payload = [command.to_dict(tree) for command in sorted(tree.get_commands(), key=lambda command: command.name)]
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
