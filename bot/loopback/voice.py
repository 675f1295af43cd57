"""Voice: who is in which channel, the voice gateway (v8 over TLS), and the audio that the bot plays.

Nothing of it exists until a bot joins a channel or somebody asks for the certificate.
"""

from __future__ import annotations

import asyncio
import functools
import json
import secrets
import ssl
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from bot.loopback.faults import Faults
from bot.loopback.payloads import Json, voice_state
from bot.loopback.rooms import Rooms
from bot.loopback.rtp import MODE, Packet, Stream, VoicePort
from bot.loopback.voice_session import DAVE, Close, Line, Op, VoiceSession
from bot.loopback.world import Channel, Permissions, World

if TYPE_CHECKING:
    from bot.loopback.dave import Group

HEARTBEAT = 13.75  # seconds


class Voice:
    """The voice servers of this Discord, all of them one."""

    def __init__(self, world: World, faults: Faults, *, encryption: bool = True) -> None:
        self.sessions: list[VoiceSession] = []  # every stay of the bot, the newest last
        self.refuse_with: Close | None = None  # close each new connection with this code
        self.rooms = Rooms(world, encryption=encryption)
        self._world = world
        self._faults = faults
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
        """What the newest stay has played, as the server sees it."""
        return self.sessions[-1].stream.packets if self.sessions else []

    @property
    def group(self) -> Group | None:
        """The encrypted group of the channel that the bot has been in last."""
        return self.rooms.group(self.session.channel_id) if self.session else None

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
        if channel is None or not channel.is_voiced:
            self._world.complain(f"joins {channel_id}, which is no voice channel")
            return []
        if Permissions.CONNECT not in self._world.bot_permissions(channel):
            return []
        if self._full(channel):
            return []
        await self._start()
        return self._joined(channel_id, mute=bool(asked.get("self_mute")), deaf=bool(asked.get("self_deaf")))

    def close_connection(self, code: Close | None) -> None:
        """Ends the newest voice connection: with this code, or None as a network does."""
        if self.session is None or self.session.line is None:
            return
        self.session.resumable = code is Close.SERVER_CRASHED
        if code is None:
            self.session.line.cut()
        else:
            self.session.line.put(code)

    def forced_out(self) -> list[tuple[str, Json]]:
        """The events of a moderator's disconnect; the caller dispatches them, then closes with DISCONNECTED."""
        return self._left()

    def moved(self, channel_id: int) -> list[tuple[str, Json]]:
        """The events of a moderator's move; the caller dispatches them, and the old connection is closed."""
        before = self.session
        events = self._joined(channel_id, mute=False, deaf=True)
        if before is not None and before.line is not None and before is not self.session:
            before.line.put(Close.DISCONNECTED)
        return events

    def elsewhere(self) -> tuple[str, Json]:
        """The event of another voice server for the same stay: a region change. The old one goes on until the client leaves it."""
        if self.session is not None:
            self.session.token = secrets.token_hex(8)
        return "VOICE_SERVER_UPDATE", self._server()

    async def stop(self) -> None:
        """Closes the servers."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._udp is not None:
            self._udp.close()

    def _joined(self, channel_id: int, *, mute: bool, deaf: bool) -> list[tuple[str, Json]]:
        bot = self._world.bot
        session = self.session
        stays = session is not None and session.channel_id == channel_id and session.connected
        if session is None or not stays:
            self.rooms.part(session)
            session = self._new_session(channel_id)
        state = voice_state(bot, self._world, channel_id, session.id, self_mute=mute, self_deaf=deaf)
        self._world.voice_states[bot.id] = state
        self._world.changed.beat()
        server = self._server()
        events = [("VOICE_STATE_UPDATE", state)]
        return events if stays else [*events, ("VOICE_SERVER_UPDATE", server)]

    def _full(self, channel: Channel) -> bool:
        """Whether Discord lets the bot in no more."""
        here = [user for user, state in self._world.voice_states.items() if state["channel_id"] == str(channel.id)]
        others = [user for user in here if user != self._world.bot.id]
        free = Permissions.MOVE_MEMBERS in self._world.bot_permissions(channel)
        return 0 < channel.limit <= len(others) and not free

    def _server(self) -> Json:
        token = self.session.token if self.session is not None else None
        return {"token": token, "guild_id": str(self._world.guild_id), "endpoint": self._endpoint}

    def _new_session(self, channel_id: int) -> VoiceSession:
        self._ids += 1
        session = VoiceSession(
            id=secrets.token_hex(16),
            token=secrets.token_hex(8),
            user_id=self._world.bot.id,
            channel_id=channel_id,
            stream=Stream(ssrc=self._ids),
            faults=self._faults,
        )
        self.sessions.append(session)
        return session

    def _left(self) -> list[tuple[str, Json]]:
        bot = self._world.bot
        self.rooms.part(self.session)
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
            if session.line is not None:
                session.line.put(Close.GOING_AWAY)

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(timeout=1.0)
        await websocket.prepare(request)
        if self.refuse_with is not None:
            await websocket.close(code=self.refuse_with)
            return websocket
        line = Line(websocket, request.transport)
        line.answer(Op.HELLO, {"v": 8, "heartbeat_interval": int(HEARTBEAT * 1000)})
        writer = asyncio.create_task(line.write(), name="loopback voice writer")
        session: VoiceSession | None = None
        try:
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    session = self._take(line, session, json.loads(message.data))
                elif message.type is WSMsgType.BINARY and session is not None:
                    self._take_bytes(session, message.data)
                self._world.changed.beat()
        finally:
            self._hung_up(line, session)
            line.put(Close.NORMAL)
            await asyncio.wait([writer], timeout=1.0)
            writer.cancel()
        return websocket

    def _hung_up(self, line: Line, session: VoiceSession | None) -> None:
        if session is not None and session.line is line:
            session.line = None
            if not session.resumable:
                self.rooms.part(session)
        self._world.changed.beat()

    def _take(self, line: Line, session: VoiceSession | None, frame: Json) -> VoiceSession | None:
        """Does what a frame asks; returns the session this connection belongs to from now on."""
        op, data = frame["op"], frame["d"]
        if op == Op.IDENTIFY:
            return self._identify(line, data)
        if op == Op.RESUME:
            return self._resume(line, data)
        if session is None:
            line.put(Close.NOT_AUTHENTICATED)
        elif op == Op.HEARTBEAT:
            session.heartbeats += 1
            line.answer(Op.HEARTBEAT_ACK, {"t": data["t"]})
        elif op == Op.SELECT_PROTOCOL:
            self._describe(line, session, data["data"]["mode"])
        elif op == Op.SPEAKING:
            session.speaking.append(data["speaking"])
        elif op == Op.TRANSITION_READY:
            self.rooms.group(session.channel_id).ready(session.user_id, data["transition_id"])
        elif op == Op.INVALID_COMMIT_WELCOME:
            self.rooms.group(session.channel_id).flag(session.user_id)
        else:
            self._world.complain(f"unknown voice opcode {op}")
            line.put(Close.UNKNOWN_OPCODE)
        return session

    def _take_bytes(self, session: VoiceSession, frame: bytes) -> None:
        """A key package, or a commit with its welcome."""
        group, op = self.rooms.group(session.channel_id), frame[0]
        if session.user_id not in group.members:
            return  # out of the channel already
        try:
            if op == Op.KEY_PACKAGE:
                group.offer(session.user_id, frame[1:])
            elif op == Op.COMMIT_WELCOME:
                group.commit(session.user_id, frame[1:])
            else:
                self._world.complain(f"unknown binary voice opcode {op}")
        except ValueError as error:
            self._world.complain(f"malformed voice frame {op} ({error})")

    def _find(self, data: Json) -> VoiceSession | None:
        known = (data["session_id"], data["token"])
        return next((one for one in reversed(self.sessions) if (one.id, one.token) == known), None)

    def _identify(self, line: Line, data: Json) -> VoiceSession | None:
        session = self._find(data)
        if session is None:
            line.put(Close.AUTHENTICATION_FAILED)
        elif self.rooms.encrypted and data.get("max_dave_protocol_version", 0) < DAVE:
            line.put(Close.E2EE_REQUIRED)
        else:
            session.line = line
            line.answer(Op.READY, self._ready(session))
            return session
        return None

    def _resume(self, line: Line, data: Json) -> VoiceSession | None:
        session = self._find(data)
        if session is None:
            line.put(Close.INVALID_SESSION)
            return None
        session.line, session.resumable = line, False
        session.resumed += 1
        session.replay(data.get("seq_ack", -1))
        line.answer(Op.RESUMED, None)
        return session

    def _ready(self, session: VoiceSession) -> Json:
        host, port = self._udp.get_extra_info("sockname") if self._udp else ("", 0)
        return {"ssrc": session.stream.ssrc, "ip": host, "port": port, "modes": ["aead_aes256_gcm_rtpsize", MODE]}

    def _describe(self, line: Line, session: VoiceSession, mode: str) -> None:
        if mode != MODE:
            self._world.complain(f"voice encryption {mode!r} is not decrypted here")
        group = self.rooms.group(session.channel_id)
        key = list(session.stream.key)
        line.answer(
            Op.SESSION_DESCRIPTION,
            {"mode": mode, "secret_key": key, "dave_protocol_version": group.version, "audio_codec": "opus"},
        )
        self.port.nudge(session.stream.ssrc)
        self.rooms.admit(session)

    def _stream(self, ssrc: int) -> Stream | None:
        return next((session.stream for session in self.sessions if session.stream.ssrc == ssrc), None)

    def _heard(self, ssrc: int, packet: Packet | None, complaint: str) -> None:
        if complaint:
            self._world.complain(complaint)
        session = next((session for session in self.sessions if session.stream.ssrc == ssrc), None)
        if packet is not None and session is not None:
            self.rooms.pass_on(session, packet)
        self._world.changed.beat()
