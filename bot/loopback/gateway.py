"""The gateway: hello, identify, heartbeats, events, resume with what was missed. JSON in text frames, no compression."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from aiohttp import web

from bot.loopback import payloads
from bot.loopback.faults import GATEWAY, Effect, Faults
from bot.loopback.payloads import Json
from bot.loopback.session import Close, Connection, Op, Session
from bot.loopback.voice import Voice
from bot.loopback.world import World

HEARTBEAT = 41.25  # seconds between heartbeats, Discord's usual value
GRACE = 2.0  # intervals without a heartbeat until the connection counts as dead
RESUMABLE = 300.0  # seconds after which a session without a connection is forgotten
MESSAGES, MESSAGE_CONTENT = 1 << 9, 1 << 15  # intents: in servers; what they say, which the portal has to allow
DIRECT_MESSAGES = 1 << 12  # with what they say: they are for the bot alone
LARGEST_FRAME = 4096  # bytes a client may send, documented


class Gateway:
    """All sessions of the one bot token; each gets every event."""

    def __init__(
        self, world: World, faults: Faults, voice: Voice, *, token: str, heartbeat_interval: float = HEARTBEAT
    ) -> None:
        self.url = ""  # set once the server listens
        self.sessions: dict[str, Session] = {}
        self.identified = 0  # how often a client began a session, and
        self.resumed = 0  # how often one went on with it
        self.connections: set[Connection] = set()
        self._world = world
        self._faults = faults
        self._voice = voice
        self._token = token
        self._interval = heartbeat_interval

    @property
    def connected(self) -> list[Session]:
        """Sessions whose client is connected now."""
        return [session for session in self.sessions.values() if session.connection is not None]

    def dispatch(self, event: str, data: Json) -> bool:
        """Sends an event to every session, or keeps it for the resume; False if there is no session at all."""
        self._forget_old()
        reached = [session for session in list(self.sessions.values()) if self._dispatch_to(session, event, data)]
        return bool(reached)

    def written(self, data: Json) -> None:
        """A message: to those who asked for messages, and what it says to those who may know that."""
        for session in list(self.sessions.values()):
            if session.intents & MESSAGES:
                knows = session.intents & MESSAGE_CONTENT
                session.dispatch("MESSAGE_CREATE", data if knows else data | {"content": "", "attachments": []})

    def written_directly(self, data: Json) -> None:
        """A direct message to the bot: to those who asked for such."""
        for session in list(self.sessions.values()):
            if session.intents & DIRECT_MESSAGES:
                session.dispatch("MESSAGE_CREATE", data)

    def drop(self, code: int | None = None) -> None:
        """Ends every connection: with a close code, or None as a network does. Sessions can be resumed."""
        for connection in list(self.connections):
            if code is None:
                connection.cut()
            else:
                connection.close(code)

    def reconnect(self) -> None:
        """Asks every client to reconnect and resume (op 7)."""
        for connection in self.connections:
            connection.push(Op.RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9 to every client; the sessions are forgotten unless they are said to be resumable."""
        for session in self.connected:
            if session.connection is not None:
                session.connection.push(Op.INVALID_SESSION, data=resumable)
            if not resumable:
                self._forget(session)

    async def ready(self, sessions: int = 1, *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a limit for tests
        """Waits until that many clients are connected and identified."""
        await self._world.changed.until(lambda: len(self.connected) >= sessions, timeout=timeout)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One client's connection, from hello to its end."""
        websocket = web.WebSocketResponse(timeout=1.0)  # seconds for the client's close frame
        await websocket.prepare(request)
        connection = Connection(websocket, request.transport)
        self.connections.add(connection)
        connection.push(Op.HELLO, {"heartbeat_interval": int(self._interval * 1000)})
        writer = asyncio.create_task(connection.write(), name="loopback gateway writer")
        try:
            await self._serve(connection)
            await asyncio.wait([writer], timeout=1.0)
        finally:
            self._leave(connection)
            writer.cancel()
            await asyncio.wait([writer])
            await websocket.close()
        return websocket

    async def _serve(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        dead_at = loop.time() + GRACE * self._interval
        while True:
            try:
                frame = await connection.read(max(dead_at - loop.time(), 0.001))
            except TimeoutError:
                return connection.close(Close.SESSION_TIMED_OUT)
            except ValueError:
                return connection.close(Close.DECODE_ERROR)
            if frame is None:
                return connection.close(1000)
            if len(json.dumps(frame)) > LARGEST_FRAME:
                self._world.complain(f"gateway frame of more than {LARGEST_FRAME} bytes")
            if frame.get("op") == Op.HEARTBEAT:
                dead_at = loop.time() + GRACE * self._interval
                connection.push(Op.HEARTBEAT_ACK)
            elif code := await self._try_take(connection, frame):
                return connection.close(code)

    async def _try_take(self, connection: Connection, frame: Json) -> Close | None:
        try:
            return await self._take(connection, frame["op"], frame["d"])
        except (KeyError, TypeError, ValueError) as error:
            self._world.complain(f"malformed gateway frame {frame.get('op')} ({error!r})")
            return Close.DECODE_ERROR

    async def _take(self, connection: Connection, op: int, data: Any) -> Close | None:
        """Does what a frame asks; a close code ends the connection."""
        session = connection.session
        if op == Op.IDENTIFY:
            return self._identify(connection, data)
        if op == Op.RESUME:
            return self._resume(connection, data)
        if session is None:
            return Close.NOT_AUTHENTICATED
        if op == Op.PRESENCE:
            session.presence = data
        elif op == Op.REQUEST_MEMBERS:
            session.dispatch("GUILD_MEMBERS_CHUNK", self._members(data))
        elif op == Op.VOICE_STATE:
            for event, payload in await self._voice.move(data):
                self.dispatch(event, payload)
        else:
            self._world.complain(f"unknown gateway opcode {op}")
            return Close.UNKNOWN_OPCODE
        return None

    def _identify(self, connection: Connection, data: Json) -> Close | None:
        if data["token"] != self._token:
            return Close.AUTHENTICATION_FAILED
        if data["intents"] & MESSAGE_CONTENT and not self._world.message_content:
            return Close.DISALLOWED_INTENTS
        if connection.session is not None:
            self._world.complain("identified twice on one connection")
            return Close.ALREADY_AUTHENTICATED
        session = Session(
            id=secrets.token_hex(16), intents=data["intents"], properties=data["properties"], connection=connection
        )
        session.presence = data.get("presence")
        connection.session = session
        self.sessions[session.id] = session
        session.dispatch("READY", self._ready_payload(session, data.get("shard") or [0, 1]))
        session.dispatch("GUILD_CREATE", self._world.guild())
        self.identified += 1
        self._world.changed.beat()
        return None

    def _resume(self, connection: Connection, data: Json) -> Close | None:
        if data["token"] != self._token:
            return Close.AUTHENTICATION_FAILED
        session = self.sessions.get(data["session_id"])
        if session is None:
            connection.push(Op.INVALID_SESSION, data=False)
            return None
        session.connection, connection.session = connection, session
        if not session.replay(data["seq"]):
            connection.push(Op.INVALID_SESSION, data=False)
            self._forget(session)
            return None
        session.dispatch("RESUMED", {})
        self.resumed += 1
        self._world.changed.beat()
        return None

    def _ready_payload(self, session: Session, shard: list[int]) -> Json:
        return {
            "v": 10,
            "user": payloads.own_user(self._world.bot),
            "guilds": [{"id": str(self._world.guild_id), "unavailable": True}],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "application": {"id": str(self._world.application_id), "flags": 0},
            "shard": shard,
        }

    def _members(self, asked: Json) -> Json:
        people = [self._world.bot, *self._world.people.values()]
        wanted = asked.get("user_ids")
        if wanted is not None:
            wanted = {str(one) for one in (wanted if isinstance(wanted, list) else [wanted])}
            people = [person for person in people if str(person.id) in wanted]
        found = [payloads.member(person, self._world) for person in people if asked.get("query", "") in person.name]
        chunk = {"guild_id": str(self._world.guild_id), "members": found, "chunk_index": 0, "chunk_count": 1}
        return chunk | ({"nonce": asked["nonce"]} if "nonce" in asked else {})

    def _dispatch_to(self, session: Session, event: str, data: Json) -> bool:
        fault = self._faults.take(GATEWAY + event) if session.connection is not None else None
        if fault is not None and fault.effect is Effect.INVALIDATE and session.connection is not None:
            session.connection.push(Op.INVALID_SESSION, data=False)
            self._forget(session)
            return False
        if fault is not None and fault.effect is Effect.DROP and session.connection is not None:
            session.connection.cut()
            self._leave(session.connection)
        session.dispatch(event, data)
        return True

    def _leave(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            session.left_at = asyncio.get_running_loop().time()
            if connection.left_for_good:
                self._forget(session)
        self._world.changed.beat()

    def _forget(self, session: Session) -> None:
        self.sessions.pop(session.id, None)
        if session.connection is not None:
            session.connection.session = None
        session.connection = None

    def _forget_old(self) -> None:
        now = asyncio.get_running_loop().time()
        for session in list(self.sessions.values()):
            if session.connection is None and now - session.left_at > RESUMABLE:
                self._forget(session)
