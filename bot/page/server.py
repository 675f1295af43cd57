"""Where the page listens, and its routes: `async with Page(discord) as page: page.url`."""

from __future__ import annotations

import asyncio
import re
import secrets
from importlib import resources
from types import TracebackType
from typing import Self

from aiohttp import WSCloseCode, web

from bot.loopback.messages import Attachment
from bot.loopback.server import HOST, SHUTDOWN, Loopback
from bot.loopback.world import MODERATOR
from bot.page.deeds import Hands
from bot.page.guard import FILE_POLICY, Guard
from bot.page.radio import Radio
from bot.page.scene import Scene
from bot.page.session import Session

PEOPLE = ("alice", "bob", "morgan")
MODERATORS = ("morgan",)
LOCALE = re.compile(r"[a-z]{2}(-[A-Z0-9]{2,3})?")
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SHOWN_INLINE = ("audio/", "image/png", "image/jpeg", "image/gif", "image/webp")
LARGEST_DEED = 1 << 16  # bytes
LARGEST_UPLOAD = 64 * 1024 * 1024  # bytes; over the loopback's limit, so that the refusal comes from there
UPLOADS = 8  # files that wait for their command


class Page:
    """The page for one loopback Discord. port 0 takes a free one."""

    def __init__(self, discord: Loopback, *, port: int = 0) -> None:
        self._discord, self._port = discord, port
        self._guard, self._radio = Guard(), Radio()
        self._files: dict[str, tuple[str, bytes]] = {}  # uploaded, by a token
        self._open: set[web.WebSocketResponse] = set()
        self._static = _static()
        self._runner: web.AppRunner | None = None
        for name in PEOPLE:  # before the bot comes: it is told of them when it connects
            discord.user(name, permissions=MODERATOR if name in MODERATORS else None)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self._port}/"

    async def __aenter__(self) -> Self:
        application = web.Application(middlewares=[self._guard.check], client_max_size=LARGEST_UPLOAD)
        application.on_response_prepare.append(self._guard.dress)
        application.on_shutdown.append(self._shut_down)
        application.router.add_get("/", self._index)
        application.router.add_get("/static/{name}", self._asset)
        application.router.add_get("/files/{file}", self._file)
        application.router.add_post("/upload", self._upload)
        application.router.add_get("/live", self._live)
        self._runner = web.AppRunner(application, shutdown_timeout=SHUTDOWN, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        self._port = self._guard.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _index(self, _: web.Request) -> web.Response:
        return _page("index.html", self._static["index.html"])

    async def _asset(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._static:
            return web.Response(status=404)
        return _page(name, self._static[name])

    async def _file(self, request: web.Request) -> web.Response:
        """An attachment, whole or in part: players jump around in it."""
        number = request.match_info["file"]
        found = self._discord.messages.file(int(number)) if number.isdecimal() else None
        return web.Response(status=404) if found is None else _part(request, found)

    async def _upload(self, request: web.Request) -> web.Response:
        """Keeps a file until a command takes it; answers with its token."""
        name = request.query.get("name", "")[-100:] or "file"
        token = secrets.token_urlsafe(16)
        self._files[token] = (name, await request.read())
        while len(self._files) > UPLOADS:
            del self._files[next(iter(self._files))]
        return web.json_response({"file": token})

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        name, locale = request.query.get("as", PEOPLE[0]), request.query.get("locale", "en-US")
        if name not in PEOPLE or not LOCALE.fullmatch(locale):
            raise web.HTTPNotFound
        websocket = web.WebSocketResponse(heartbeat=30.0, max_msg_size=LARGEST_DEED, compress=False)
        await websocket.prepare(request)
        user = self._discord.user(name)
        user.person.locale = locale
        _ = user.dm  # from the first look on it is in the list
        scene = Scene(self._discord, user, PEOPLE)
        hands = Hands(self._discord, user, scene, self._radio, self._files)
        self._open.add(websocket)
        try:
            with self._radio.receiver(user.id) as sound:
                await Session(websocket, scene, hands, self._discord.world.changed).run(sound)
        finally:
            self._open.discard(websocket)
        return websocket

    async def _shut_down(self, _: web.Application) -> None:
        bye = [one.close(code=WSCloseCode.GOING_AWAY, message=b"the demo ends") for one in self._open]
        await asyncio.gather(*bye, return_exceptions=True)


def _static() -> dict[str, bytes]:
    """The page's files by name; whatever else is in the package is not served."""
    folder = resources.files("bot.page") / "static"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in TYPES}


def _page(name: str, body: bytes) -> web.Response:
    return web.Response(body=body, content_type=TYPES[name.rpartition(".")[2]], charset="utf-8")


def _part(request: web.Request, file: Attachment) -> web.Response:
    inline = file.content_type.startswith(SHOWN_INLINE)
    headers = {
        "Content-Security-Policy": FILE_POLICY,
        "Content-Disposition": "inline" if inline else "attachment",
        "Accept-Ranges": "bytes",
        "Content-Type": file.content_type if inline else "application/octet-stream",
    }
    if "Range" not in request.headers:
        return web.Response(body=file.data, headers=headers)
    try:
        start, stop, _ = request.http_range.indices(file.size)
    except ValueError:
        start = stop = 0
    if start >= stop:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    return web.Response(status=206, body=file.data[start:stop], headers=headers)
