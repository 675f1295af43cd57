"""One client's connection to the gateway, and the session that outlives it."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

from bot.loopback.payloads import Json

BACKLOG = 500  # events a session keeps for a resume


class Op(enum.IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(enum.IntEnum):
    """Gateway close codes."""

    UNKNOWN = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    SESSION_TIMED_OUT = 4009
    DISALLOWED_INTENTS = 4014


class Connection:
    """One websocket of one client. What is pushed is sent in order by `write`."""

    def __init__(self, websocket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.session: Session | None = None
        self.left_for_good = False  # the client closed with 1000 or 1001, which ends its session
        self._websocket = websocket
        self._transport = transport
        self._outgoing: asyncio.Queue[str | int] = asyncio.Queue()

    def push(self, op: Op, data: Any = None) -> None:
        """Send a frame that is no event."""
        self.push_text(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def push_text(self, text: str) -> None:
        """Send a frame made before."""
        self._outgoing.put_nowait(text)

    def close(self, code: int) -> None:
        """Close after what was pushed before."""
        self._outgoing.put_nowait(code)

    def cut(self) -> None:
        """Break the connection as a network does: no close frame, nothing more is sent."""
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Sends until a close code comes or the connection breaks."""
        try:
            while not isinstance(frame := await self._outgoing.get(), int):
                await self._websocket.send_str(frame)
            await self._websocket.close(code=frame)
        except ConnectionError:
            return  # the reader sees the end, too

    async def read(self, seconds: float) -> Json | None:
        """The next frame, None at the end of the connection; TimeoutError after `seconds`."""
        message = await self._websocket.receive(timeout=seconds)
        if message.type is not WSMsgType.TEXT:
            self.left_for_good = message.type is WSMsgType.CLOSE and message.data in {1000, 1001}
            return None
        return dict(json.loads(message.data))


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Session:
    """One identified client: it outlives its connection, so that a resume can replay what was missed."""

    id: str
    intents: int
    properties: Json
    connection: Connection | None
    sequence: int = 0
    backlog: deque[tuple[int, str]] = dataclasses.field(default_factory=lambda: deque(maxlen=BACKLOG))
    left_at: float = 0.0  # loop time at which the connection broke
    presence: Json | None = None

    def dispatch(self, event: str, data: Json) -> None:
        """Number an event, keep it, and send it if somebody listens."""
        self.sequence += 1
        text = json.dumps({"op": Op.DISPATCH, "d": data, "s": self.sequence, "t": event})
        self.backlog.append((self.sequence, text))
        if self.connection is not None:
            self.connection.push_text(text)

    def replay(self, after: int) -> bool:
        """Send again what came after this number; False if that is no longer known."""
        if after > self.sequence or (self.backlog and after < self.backlog[0][0] - 1) or self.connection is None:
            return False
        for sequence, text in self.backlog:
            if sequence > after:
                self.connection.push_text(text)
        return True
