"""The Discord client: intents, the command tree, its sync, and the one place where a command's error becomes words."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import app_commands

from bot.commands import buttons
from bot.commands.brake import Brake
from bot.commands.forms import failed, guarded, speak
from bot.commands.keys import Keys
from bot.flow.reading import Reading
from bot.flow.voice import Voice
from bot.i18n.translator import Translator
from bot.privacy.servers import Servers
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
    set_voice_channel_status=True,
)


class Tree(app_commands.CommandTree["BarkClient"]):
    """Commands in the language of whoever uses them."""

    def __init__(self, client: BarkClient) -> None:
        super().__init__(client)
        self._keys = Keys()

    async def interaction_check(self, interaction: discord.Interaction[BarkClient]) -> bool:
        """Who is too fast is kept out. Choices for a word that was typed on meanwhile help nobody, and others wait for theirs."""
        typing = interaction.type is discord.InteractionType.autocomplete
        if typing and not await self._keys.turn(interaction.user.id):
            return False
        speak(interaction)
        return await interaction.client.brake.lets(interaction)


class BarkClient(discord.Client):
    """A client that knows one command tree and tells `on_connected` when Discord is there."""

    def __init__(
        self,
        *,
        store: Store,
        ready: Callable[[], None],
        language: Callable[[discord.Interaction], str],
        brake: Brake,
        message_content: bool = False,
        direct_messages: bool = False,
    ) -> None:
        """`message_content`: Discord is asked for what messages say, and refuses the bot where the portal does not allow it.

        `direct_messages`: it is asked for what people write to the bot alone, which it always allows.
        """
        intents = INTENTS
        if message_content:
            intents = discord.Intents(guilds=True, voice_states=True, guild_messages=True, message_content=True)
        if direct_messages:
            intents = discord.Intents(intents.value, dm_messages=True)
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # nothing here reads old messages
            chunk_guilds_at_startup=False,
            guild_ready_timeout=1.0,  # nothing waits for all servers to be listed
        )
        self.tree = Tree(self)
        self.tree.error(self._command_failed)
        self._store, self._connected, self.language, self.brake = store, ready, language, brake
        self.presses: buttons.Presses | None = None  # of the buttons under answers; set before the login
        # of everything that is pressed or filled in
        self.hearers: list[Callable[[discord.Interaction], Awaitable[None]]] = []
        self.voice: Voice | None = None  # set before the login, too
        self.reading: Reading | None = None
        self.confidant: Callable[[discord.Message], Awaitable[None]] | None = None  # hears direct messages
        self.servers: Servers | None = None

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
        await self.tree.set_translator(Translator())
        name, mark = f"commands of {self.application_id}", await fingerprint(self.tree)
        if await self._store.insist(recall, name) == mark:
            return
        try:
            await self.tree.sync()
        except (discord.HTTPException, app_commands.AppCommandError) as error:
            log.error("the commands could not be synced, the next start tries again: %s", error)  # noqa: TRY400 - Discord's words suffice
            return
        await self._store.insist(remember, name, mark)
        log.info("commands synced with Discord")

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Keys are the tree's alone. Nobody hears of them here, and no task is made for each."""
        if event == "interaction" and args[0].type is discord.InteractionType.autocomplete:
            return
        super().dispatch(event, *args, **kwargs)

    @guarded
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Anything that anybody did; discord.py has called commands, buttons and the forms that it knows by itself."""
        for hear in self.hearers:
            await hear(interaction)

    async def on_voice_state_update(
        self, member: discord.Member, _before: discord.VoiceState, _after: discord.VoiceState
    ) -> None:
        """Somebody came, went or was moved; perhaps the bot."""
        if self.voice is not None:
            self.voice.look(member.guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A server that was not there when the bot came."""
        if self.servers is not None:
            await self.servers.joined(guild.id)
        if self.voice is not None:
            await self.voice.welcome(guild.id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was added to a server."""
        if self.servers is not None:
            await self.servers.joined(guild.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot is no longer in this server. For an outage discord.py has an event of its own."""
        if self.servers is not None:
            await self.servers.left(guild.id)
        if self.voice is not None:
            await self.voice.forget(guild.id)

    async def on_message(self, message: discord.Message) -> None:
        """Comes only where messages were asked for."""
        if message.guild is None:
            if self.confidant is not None:
                await self.confidant(message)
        elif self.reading is not None:
            await self.reading.hear(message)

    async def on_ready(self) -> None:
        """The gateway is there (also after a reconnect that could not resume)."""
        log.info("connected as %s, in %d servers", self.user, len(self.guilds))
        if self.servers is not None:
            await self.servers.listed(guild.id for guild in self.guilds)
        self._connected()

    def invite(self) -> str:
        """The link that adds the bot to a server."""
        return discord.utils.oauth_url(
            self.application_id or 0, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        )

    async def _command_failed(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await failed(interaction, cause, interaction.command.qualified_name if interaction.command else "a command")


async def fingerprint(tree: app_commands.CommandTree[BarkClient]) -> str:
    """A hash over everything that a sync would send."""
    commands = sorted(tree.get_commands(), key=lambda command: command.name)
    translator = tree.translator
    payload = [
        await command.get_translated_payload(tree, translator) if translator else command.to_dict(tree)
        for command in commands
    ]
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
