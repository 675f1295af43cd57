"""One open page: changes of the scene go out as JSON, sound as bytes; deeds come in, and each is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bot.loopback.commands import Refused
from bot.loopback.payloads import Json
from bot.loopback.problems import ApiError
from bot.loopback.pulse import Pulse
from bot.page.deeds import DEEDS, Hands
from bot.page.radio import Sound
from bot.page.scene import Scene, version

AT_ONCE = 32  # deeds of one page that may wait for the bot
BUSY: Json = {"error": "That is too much at once."}


class Session:
    """Lives as long as the WebSocket."""

    def __init__(self, websocket: web.WebSocketResponse, scene: Scene, hands: Hands, changed: Pulse) -> None:
        self._websocket, self._scene, self._hands, self._changed = websocket, scene, hands, changed
        self._place = ""
        self._told: dict[int, tuple[int, bool]] = {}  # messages by id, in the version the page has
        self._deeds: set[asyncio.Task[None]] = set()

    async def run(self, sound: Sound) -> None:
        """Until the page is closed."""
        async with asyncio.TaskGroup() as tasks:
            tellers = [tasks.create_task(self._tell()), tasks.create_task(self._play(sound))]
            async for frame in self._websocket:
                if frame.type is web.WSMsgType.TEXT:
                    task = tasks.create_task(self._take(frame.data))
                    self._deeds.add(task)
                    task.add_done_callback(self._deeds.discard)
            for task in (*tellers, *self._deeds):
                task.cancel()

    async def _tell(self) -> None:
        with contextlib.suppress(ConnectionError):  # closed meanwhile: the reader sees it, too
            while True:
                news = self._changed.next()
                for event in self._news():
                    await self._send(event)
                await news

    def _news(self) -> list[Json]:
        """What has changed since the last look."""
        events: list[Json] = []
        place = self._scene.place()
        if (written := json.dumps(place)) != self._place:
            self._place = written
            events.append({"event": "place"} | place)
        there = {message.id: message for message in self._scene.messages()}
        for gone in self._told.keys() - there.keys():
            del self._told[gone]
            events.append({"event": "gone", "id": str(gone)})
        for message in there.values():
            if self._told.get(message.id) != version(message):
                fresh = message.id not in self._told
                self._told[message.id] = version(message)
                events.append({"event": "message", "fresh": fresh, "message": self._scene.show(message)})
        return [*events, {"event": "seen"}] if events else []

    async def _play(self, sound: Sound) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._websocket.send_bytes(await sound.get())

    async def _take(self, text: str) -> None:
        number: Any = None
        try:
            deed = DEEDS.validate_json(text)
            number = deed.number
            answer = BUSY if len(self._deeds) > AT_ONCE else await self._hands.do(deed)
        except ValidationError as error:
            answer = {"error": f"That is no request: {error.error_count()} things are wrong in it."}
        except (Refused, ApiError, ValueError) as error:
            answer = {"error": str(error)}
        with contextlib.suppress(ConnectionError):
            await self._send({"event": "answer", "to": number} | answer)

    async def _send(self, event: Json) -> None:
        await self._websocket.send_str(json.dumps(event))
