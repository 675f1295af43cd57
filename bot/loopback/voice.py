"""Voice: who is in which channel, the voice gateway (v8 over TLS, without DAVE), and the audio that the bot plays.

Nothing of it exists until a bot joins a channel or somebody asks for the certificate.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import json
import secrets
import ssl
from typing import Any

from aiohttp import WSMsgType, web

from bot.loopback.payloads import Json, voice_state
from bot.loopback.rtp import MODE, Packet, Stream, VoicePort
from bot.loopback.world import ChannelType, Permissions, World

HEARTBEAT = 13.75  # seconds
NO_DAVE = 0  # the version the server picks: no end-to-end encryption


class Op(enum.IntEnum):
    """Voice opcodes."""

    IDENTIFY = 0
    SELECT_PROTOCOL = 1
    READY = 2
    HEARTBEAT = 3
    SESSION_DESCRIPTION = 4
    SPEAKING = 5
    HEARTBEAT_ACK = 6
    RESUME = 7
    HELLO = 8
    RESUMED = 9


class Close(enum.IntEnum):
    """Voice close codes."""

    UNKNOWN_OPCODE = 4001
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    INVALID_SESSION = 4006
    DISCONNECTED = 4014
    SERVER_CRASHED = 4015  # the client resumes
    E2EE_REQUIRED = 4017
    RATE_LIMITED = 4021
    CALL_TERMINATED = 4022


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class VoiceSession:
    """The bot's stay in one channel. `speaking` is each value of op 5, in order; `resumed` counts op 7."""

    id: str
    token: str
    channel_id: int
    stream: Stream
    websocket: web.WebSocketResponse | None = None
    speaking: list[int] = dataclasses.field(default_factory=list)
    resumed: int = 0
    heartbeats: int = 0


class Voice:
    """The voice servers of this Discord, all of them one."""

    def __init__(self, world: World) -> None:
        self.sessions: list[VoiceSession] = []  # every stay of the bot, the newest last
        self.refuse_with: Close | None = None  # close each new connection with this code
        self._world = world
        self._ids = 0
        self._starting = asyncio.Lock()
        self._endpoint = ""
        self._runner: web.AppRunner | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self.port = VoicePort(self._stream, self._heard)

    @property
    def session(self) -> VoiceSession | None:
        """The newest stay."""
        return self.sessions[-1] if self.sessions else None

    @property
    def packets(self) -> list[Packet]:
        """What the newest stay has played."""
        return self.sessions[-1].stream.packets if self.sessions else []

    @functools.cached_property
    def _authority(self) -> Any:
        import trustme  # noqa: PLC0415 - half of the cost of voice; a demo without it does not pay

        return trustme.CA()

    def certificate(self) -> bytes:
        """The PEM of the authority that signed the voice server, for a bot in another process (SSL_CERT_FILE)."""
        return bytes(self._authority.cert_pem.bytes())

    def ssl_context(self) -> ssl.SSLContext:
        """For `aiohttp.TCPConnector(ssl=...)`: trusts this voice server and nothing else."""
        return ssl.create_default_context(cadata=self.certificate().decode())

    async def move(self, asked: Json) -> list[tuple[str, Json]]:
        """Gateway op 4: the events with which Discord answers. Without the right to connect it stays silent."""
        channel_id = int(asked["channel_id"]) if asked["channel_id"] else None
        if channel_id is None:
            return self._left()
        channel = self._world.channels.get(channel_id)
        if channel is None or channel.type is not ChannelType.VOICE:
            self._world.complain(f"joins {channel_id}, which is no voice channel")
            return []
        if Permissions.CONNECT not in self._world.bot_permissions(channel):
            return []
        await self._start()
        return self._joined(channel_id, mute=bool(asked.get("self_mute")), deaf=bool(asked.get("self_deaf")))

    async def close_connection(self, code: Close) -> None:
        """Ends the newest voice connection with this code."""
        if self.session is not None and self.session.websocket is not None:
            await self.session.websocket.close(code=code)

    def forced_out(self) -> list[tuple[str, Json]]:
        """The events of a moderator's disconnect; the caller dispatches them, then closes with DISCONNECTED."""
        return self._left()

    async def stop(self) -> None:
        """Closes the servers."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._udp is not None:
            self._udp.close()

    def _joined(self, channel_id: int, *, mute: bool, deaf: bool) -> list[tuple[str, Json]]:
        bot = self._world.bot
        session = self.session
        stays = session is not None and session.channel_id == channel_id and session.websocket is not None
        if session is None or not stays:
            self._ids += 1
            stream = Stream(ssrc=self._ids)
            session = VoiceSession(
                id=secrets.token_hex(16), token=secrets.token_hex(8), channel_id=channel_id, stream=stream
            )
            self.sessions.append(session)
        state = voice_state(bot, self._world, channel_id, session.id, self_mute=mute, self_deaf=deaf)
        self._world.voice_states[bot.id] = state
        self._world.changed.beat()
        server = {"token": session.token, "guild_id": str(self._world.guild_id), "endpoint": self._endpoint}
        events = [("VOICE_STATE_UPDATE", state)]
        return events if stays else [*events, ("VOICE_SERVER_UPDATE", server)]

    def _left(self) -> list[tuple[str, Json]]:
        bot = self._world.bot
        self._world.voice_states.pop(bot.id, None)
        self._world.changed.beat()
        session = self.session.id if self.session else ""
        return [("VOICE_STATE_UPDATE", voice_state(bot, self._world, None, session))]

    async def _start(self) -> None:
        async with self._starting:
            if self._runner is not None:
                return
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
            application = web.Application()
            application.router.add_get("/", self._handle)
            application.on_shutdown.append(self._hang_up)
            self._runner = web.AppRunner(application, shutdown_timeout=1.0, access_log=None)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
            await site.start()
            self._endpoint = f"127.0.0.1:{self._runner.addresses[0][1]}"
            loop = asyncio.get_running_loop()
            self._udp, _ = await loop.create_datagram_endpoint(lambda: self.port, local_addr=("127.0.0.1", 0))

    async def _hang_up(self, _: web.Application) -> None:
        for session in self.sessions:
            if session.websocket is not None:
                await session.websocket.close(code=1001)

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(timeout=1.0)
        await websocket.prepare(request)
        if self.refuse_with is not None:
            await websocket.close(code=self.refuse_with)
            return websocket
        await _send(websocket, Op.HELLO, {"v": 8, "heartbeat_interval": int(HEARTBEAT * 1000)})
        session: VoiceSession | None = None
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                session = await self._take(websocket, session, json.loads(message.data))
        if session is not None and session.websocket is websocket:
            session.websocket = None
        self._world.changed.beat()
        return websocket

    async def _take(
        self, websocket: web.WebSocketResponse, session: VoiceSession | None, frame: Json
    ) -> VoiceSession | None:
        """Does what a frame asks; returns the session this connection belongs to from now on."""
        op, data = frame["op"], frame["d"]
        if op in (Op.IDENTIFY, Op.RESUME):
            return await self._greet(websocket, op, data)
        if session is None:
            await websocket.close(code=Close.NOT_AUTHENTICATED)
        elif op == Op.HEARTBEAT:
            session.heartbeats += 1
            await _send(websocket, Op.HEARTBEAT_ACK, {"t": data["t"]})
        elif op == Op.SELECT_PROTOCOL:
            await self._describe(websocket, session, data["data"]["mode"])
        elif op == Op.SPEAKING:
            session.speaking.append(data["speaking"])
        else:
            self._world.complain(f"unknown voice opcode {op}")
            await websocket.close(code=Close.UNKNOWN_OPCODE)
        self._world.changed.beat()
        return session

    async def _greet(self, websocket: web.WebSocketResponse, op: int, data: Json) -> VoiceSession | None:
        for session in reversed(self.sessions):
            if (session.id, session.token) == (data["session_id"], data["token"]):
                session.websocket = websocket
                if op == Op.RESUME:
                    session.resumed += 1
                    await _send(websocket, Op.RESUMED, None)
                else:
                    await _send(websocket, Op.READY, self._ready(session))
                self._world.changed.beat()
                return session
        await websocket.close(code=Close.INVALID_SESSION if op == Op.RESUME else Close.AUTHENTICATION_FAILED)
        return None

    def _ready(self, session: VoiceSession) -> Json:
        host, port = self._udp.get_extra_info("sockname") if self._udp else ("", 0)
        return {"ssrc": session.stream.ssrc, "ip": host, "port": port, "modes": ["aead_aes256_gcm_rtpsize", MODE]}

    async def _describe(self, websocket: web.WebSocketResponse, session: VoiceSession, mode: str) -> None:
        if mode != MODE:
            self._world.complain(f"voice encryption {mode!r} is not decrypted here")
        key = list(session.stream.key)
        about = {"mode": mode, "secret_key": key, "dave_protocol_version": NO_DAVE, "audio_codec": "opus"}
        await _send(websocket, Op.SESSION_DESCRIPTION, about)
        self.port.nudge(session.stream.ssrc)

    def _stream(self, ssrc: int) -> Stream | None:
        return next((session.stream for session in self.sessions if session.stream.ssrc == ssrc), None)

    def _heard(self, complaint: str) -> None:
        if complaint:
            self._world.complain(complaint)
        self._world.changed.beat()


async def _send(websocket: web.WebSocketResponse, op: Op, data: Any) -> None:
    try:
        await websocket.send_str(json.dumps({"op": op, "d": data}))
    except ConnectionError:
        return  # the client left between two frames; the reader sees it, too
