"""One stay of the bot in a voice channel: what is said to it over its websocket, numbered, in order and kept for a resume."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import struct
from collections import deque
from typing import Any

from aiohttp import web

from bot.loopback.faults import VOICE, Effect, Faults
from bot.loopback.payloads import Json
from bot.loopback.rtp import Stream

DAVE = 1  # the version of end-to-end encryption; 0 is none
KEPT = 500  # frames a resume can bring again
BINARY = struct.Struct(">HB")  # sequence and opcode before what a binary frame carries


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
    CLIENTS_CONNECT = 11
    CLIENT_DISCONNECT = 13
    PREPARE_TRANSITION = 21  # from here on DAVE
    EXECUTE_TRANSITION = 22
    TRANSITION_READY = 23
    PREPARE_EPOCH = 24
    EXTERNAL_SENDER = 25  # binary, as the next five are
    KEY_PACKAGE = 26
    PROPOSALS = 27
    COMMIT_WELCOME = 28
    ANNOUNCE_COMMIT = 29
    WELCOME = 30
    INVALID_COMMIT_WELCOME = 31


class Close(enum.IntEnum):
    """Voice close codes."""

    NORMAL = 1000
    GOING_AWAY = 1001
    UNKNOWN_OPCODE = 4001
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    INVALID_SESSION = 4006
    DISCONNECTED = 4014
    SERVER_CRASHED = 4015  # the client resumes
    E2EE_REQUIRED = 4017
    RATE_LIMITED = 4021
    CALL_TERMINATED = 4022


class Line:
    """One websocket's outgoing side: frames, pauses (seconds) and at last a close code, in the order they were put in."""

    def __init__(self, websocket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._websocket = websocket
        self._transport = transport
        self._outgoing: asyncio.Queue[str | bytes | float | Close] = asyncio.Queue()

    def put(self, frame: str | bytes | float | Close) -> None:
        """Send this after what was put in before."""
        self._outgoing.put_nowait(frame)

    def answer(self, op: Op, data: Any) -> None:
        """Send a frame that no resume brings again."""
        self.put(json.dumps({"op": op, "d": data}))

    def cut(self) -> None:
        """Break the connection as a network does."""
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Sends until a close code comes or the connection breaks."""
        try:
            while not isinstance(frame := await self._outgoing.get(), Close):
                await self._write(frame)
            await self._websocket.close(code=frame)
        except ConnectionError:
            return  # the client left between two frames; the reader sees it, too

    async def _write(self, frame: str | bytes | float) -> None:
        if isinstance(frame, float):
            await asyncio.sleep(frame)
        elif isinstance(frame, bytes):
            await self._websocket.send_bytes(frame)
        else:
            await self._websocket.send_str(frame)


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class VoiceSession:
    """The bot's stay in one channel. `speaking` is each value of op 5, in order; `resumed` counts op 7."""

    id: str
    token: str
    user_id: int
    channel_id: int
    stream: Stream
    faults: Faults
    line: Line | None = None
    speaking: list[int] = dataclasses.field(default_factory=list)
    resumed: int = 0
    heartbeats: int = 0
    resumable: bool = False  # its server crashed: what comes next belongs to this session
    sequence: int = -1
    _kept: deque[tuple[int, str | bytes]] = dataclasses.field(default_factory=lambda: deque(maxlen=KEPT))

    @property
    def connected(self) -> bool:
        """Whether there is a websocket now."""
        return self.line is not None

    def say(self, op: Op, data: Json) -> None:
        """Sends a numbered frame, or keeps it for the resume."""
        self.sequence += 1
        self._send(json.dumps({"op": op, "d": data, "seq": self.sequence}))

    def say_bytes(self, op: Op, payload: bytes) -> None:
        """The same in binary; a fault may hold it up or spoil its last byte."""
        fault = self.faults.take(VOICE + op.name)
        if fault is not None and fault.effect is Effect.DELAY and self.line is not None:
            self.line.put(fault.retry_after)
        if fault is not None and fault.effect is Effect.GARBLE:
            payload = payload[:-1] + bytes([payload[-1] ^ 0xFF])
        self.sequence += 1
        self._send(BINARY.pack(self.sequence & 0xFFFF, op) + payload)

    def replay(self, after: int) -> None:
        """Sends again what the client has not seen."""
        for sequence, frame in self._kept:
            if sequence > after and self.line is not None:
                self.line.put(frame)

    def _send(self, frame: str | bytes) -> None:
        self._kept.append((self.sequence, frame))
        if self.line is not None:
            self.line.put(frame)
