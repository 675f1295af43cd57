"""Puts the parts together and listens: `async with Loopback() as discord: ...`."""

from __future__ import annotations

import base64
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from bot.loopback.commands import Commands
from bot.loopback.faults import Faults
from bot.loopback.gateway import HEARTBEAT, Gateway
from bot.loopback.interactions import Interactions
from bot.loopback.messages import Message, Messages
from bot.loopback.payloads import channel as channel_payload
from bot.loopback.payloads import role as role_payload
from bot.loopback.rest import PREFIX, Rest
from bot.loopback.routes import Routes
from bot.loopback.schema import Schema
from bot.loopback.snowflake import Clock
from bot.loopback.user import User
from bot.loopback.voice import Voice
from bot.loopback.voice_session import Close as VoiceClose
from bot.loopback.webhooks import Webhooks
from bot.loopback.world import DEFAULT_UPLOAD_LIMIT, ChannelType, Permissions, World

HOST = "127.0.0.1"  # never anything else: this server trusts whoever knows the token
SHUTDOWN = 0.5  # seconds for requests that still run when the server closes
LARGEST_REQUEST = 64 * 1024 * 1024  # bytes; over Discord's own 25 MiB, so that the refusal comes from the rules
DESCRIPTION = "DISCORD_OPENAPI"  # environment variable: the file to check every request against

T = TypeVar("T")


class Loopback:
    """A Discord with one guild on 127.0.0.1. Many bots, one after the other or at once, may use its one token.

    clock                Unix seconds; governs the 3 s and 15 min deadlines, the nonce window, ids and timestamps
    port                 0 takes a free one
    nonce_deduplication  False: `enforce_nonce` is ignored (for the test that shows that the rule is needed)
    upload_limit         bytes per file, told to the bot in each interaction
    heartbeat_interval   seconds; two intervals of silence close a gateway connection with 4009
    encryption           False: voice is encrypted on its way only (DAVE version 0); Discord requires more since March 2026
    schema               Discord's OpenAPI description; default: the file DISCORD_OPENAPI names, else no such checks
    """

    def __init__(
        self,
        *,
        clock: Clock = time.time,
        port: int = 0,
        nonce_deduplication: bool = True,
        upload_limit: int = DEFAULT_UPLOAD_LIMIT,
        heartbeat_interval: float = HEARTBEAT,
        encryption: bool = True,
        schema: Schema | None = None,
    ) -> None:
        self.world = World(clock, upload_limit=upload_limit)
        self.token = _token(self.world.application_id)
        self.faults = Faults(self.world.changed.beat)
        self.messages = Messages(self.world, nonce_deduplication=nonce_deduplication)
        self.commands = Commands(self.world)
        self.interactions = Interactions(self.world, self.messages)
        self.voice = Voice(self.world, self.faults, encryption=encryption)
        self.gateway = Gateway(
            self.world, self.faults, self.voice, token=self.token, heartbeat_interval=heartbeat_interval
        )
        self._users: dict[str, User] = {}
        self._rest = self._make_rest(schema or _named_in_environment())
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_get("/gateway", self.gateway.handle)
        application.router.add_get("/gateway/", self.gateway.handle)
        application.router.add_get("/cdn/{file}/{name}", self._download)
        self._rest.add_to(application)
        application.on_shutdown.append(self._shut_down)
        self._runner = web.AppRunner(application, shutdown_timeout=SHUTDOWN, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.messages.address = f"http://{HOST}:{self._port}"
        self.gateway.url = self.gateway_url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.voice.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- where it is and what is there

    @property
    def api_url(self) -> str:
        """Base of the REST API, without a slash at the end."""
        return f"http://{HOST}:{self._port}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        """Address of the gateway."""
        return f"ws://{HOST}:{self._port}/gateway"

    @property
    def complaints(self) -> list[str]:
        """What clients did that Discord does not want, oldest first. Empty after a well-behaved session."""
        return self.world.complaints

    @property
    def application_id(self) -> int:
        """Id of the application, and of the bot's user."""
        return self.world.application_id

    @property
    def guild_id(self) -> int:
        """The one guild."""
        return self.world.guild_id

    @property
    def general(self) -> int:
        """Id of the text channel where people are unless told otherwise."""
        return self.world.general.id

    @property
    def second(self) -> int:
        """Id of another text channel."""
        return self.world.second.id

    @property
    def thread(self) -> int:
        """Id of a thread in `general`."""
        return self.world.thread.id

    @property
    def private(self) -> int:
        """Id of a group conversation that the bot is no part of: commands there are of people who installed it themselves."""
        return self.world.private.id

    @property
    def voice_channel(self) -> int:
        """Id of the voice channel."""
        return self.world.voice_channel.id

    # -- what a test or a demo does

    def user(self, name: str, *, permissions: Permissions | None = None) -> User:
        """The member of this name, made at the first call; `permissions` are added to an ordinary member's."""
        if name not in self._users:
            person = self.world.person(name)
            self._users[name] = User(
                person,
                world=self.world,
                commands=self.commands,
                messages=self.messages,
                interactions=self.interactions,
                gateway=self.gateway,
                rooms=self.voice.rooms,
            )
        if permissions is not None:
            self._users[name].person.permissions |= permissions
        return self._users[name]

    def role(self, name: str, *members: User) -> int:
        """A new role without permissions, and who has it; its id."""
        number = self.world.new_id()
        self.world.roles[number] = name
        for one in members:
            one.person.roles.append(number)
        payload = {"guild_id": str(self.guild_id), "role": role_payload(number, name, 0)}
        self.gateway.dispatch("GUILD_ROLE_CREATE", payload)
        return number

    def channel_messages(self, channel: int) -> list[Message]:
        """What everybody sees in a channel, oldest first."""
        return self.messages.in_channel(channel)

    def deny(self, channel: int, permissions: Permissions) -> None:
        """Sets what the bot may not do in a channel (0: nothing is denied)."""
        here = self.world.channel(channel)
        here.denied = permissions
        self.gateway.dispatch("CHANNEL_UPDATE", channel_payload(here, self.world))

    def add_voice_channel(self, name: str, *, limit: int = 0, stage: bool = False) -> int:
        """One more voice channel, or stage; its id."""
        channel = self.world.add_channel(ChannelType.STAGE if stage else ChannelType.VOICE, name, limit=limit)
        self.gateway.dispatch("CHANNEL_CREATE", channel_payload(channel, self.world))
        return channel.id

    def move_bot(self, channel: int) -> None:
        """Moves the bot into another voice channel, as a moderator does."""
        for event, payload in self.voice.moved(channel):
            self.gateway.dispatch(event, payload)

    def change_region(self) -> None:
        """The voice channel gets another server."""
        self.gateway.dispatch(*self.voice.elsewhere())

    async def kick_from_voice(self, code: VoiceClose = VoiceClose.DISCONNECTED) -> None:
        """Throws the bot out of its voice channel, as a moderator does."""
        for event, payload in self.voice.forced_out():
            self.gateway.dispatch(event, payload)
        self.voice.close_connection(code)

    async def until(self, condition: Callable[[], T], *, timeout: float = 10.0) -> T:  # noqa: ASYNC109 - a limit for tests
        """The first true value of a condition over this Discord, looked at again at each change."""
        return await self.world.changed.until(condition, timeout=timeout)

    # -- inside

    def _make_rest(self, schema: Schema | None) -> Rest:
        routes = Routes(self.world, self.commands, self.messages, lambda: self.gateway_url, self.gateway.dispatch)
        webhooks = Webhooks(self.world, self.interactions, self.messages)
        return Rest(self.world, self.faults, routes, webhooks, token=self.token, schema=schema)

    async def _download(self, request: web.Request) -> web.Response:
        number = request.match_info["file"]
        found = self.messages.file(int(number)) if number.isdecimal() else None
        if found is None:
            return web.Response(status=404)
        return web.Response(body=found.data, content_type=found.content_type)

    async def _shut_down(self, _: web.Application) -> None:
        self._rest.closing.set()
        self.gateway.drop(1001)


def _named_in_environment() -> Schema | None:
    path = os.environ.get(DESCRIPTION)
    return Schema(Path(path)) if path else None


def _token(application_id: int) -> str:
    """A token in the shape of a real one: the id, a time, a secret, in base64 with dots."""
    head = base64.urlsafe_b64encode(str(application_id).encode()).decode().rstrip("=")
    return f"{head}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"
