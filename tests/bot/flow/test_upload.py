"""What somebody uploaded comes from Discord alone, in as many bytes as are taken, in the time there is."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import yarl
from aiohttp import web

from bot.flow import upload
from bot.flow.upload import TooBig, Unfetched, fetch, kept_by_discord
from bot.loopback.point import point_discord_at


@dataclasses.dataclass(frozen=True, kw_only=True)
class File:
    url: str
    size: int = 1


@contextlib.asynccontextmanager
async def served(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A Discord of this machine with one answer to everything; its address."""
    application = web.Application()
    application.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        with point_discord_at(f"{address}/api/v10", "ws://127.0.0.1:1/gateway"):
            yield address
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/a.ogg?ex=1&is=2&hm=3", True),
        ("https://media.discordapp.net/attachments/1/2/a.ogg", True),
        ("https://cdn.discordapp.com/ephemeral-attachments/1/2/a.ogg", True),
        ("http://cdn.discordapp.com/attachments/1/2/a.ogg", False),
        ("https://cdn.discordapp.com:8443/a.ogg", False),
        ("https://user:word@cdn.discordapp.com/a.ogg", False),
        ("https://cdn.discordapp.com.example.org/a.ogg", False),
        ("https://example.org/cdn.discordapp.com/a.ogg", False),
        ("https://cdn.discordapp.com@example.org/a.ogg", False),
        ("https://discord.com/api/v10/a.ogg", False),
        ("http://127.0.0.1/a.ogg", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_discords_own_hosts_are_asked(address: str, taken: bool) -> None:  # noqa: FBT001
    assert kept_by_discord(yarl.URL(address)) is taken


async def test_what_is_too_big_by_its_own_word_is_not_even_asked_for() -> None:
    with pytest.raises(TooBig):
        await fetch(File(url="https://cdn.discordapp.com/a", size=11), 10)


async def test_a_file_that_says_too_little_of_its_size_is_cut_off() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(upload.CHUNK))
                sent += upload.CHUNK
        return response

    async with served(endless) as address:
        with pytest.raises(TooBig):
            await fetch(File(url=f"{address}/a"), 1 << 20)
    assert sent < 64 << 20  # what lies in the system's buffers, at most


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPFound("/other")

    async with served(elsewhere) as address:
        with pytest.raises(Unfetched, match="302"):
            await fetch(File(url=f"{address}/a"), 10)
    assert asked == ["/a"]


async def test_a_compressed_answer_stays_as_it_is() -> None:
    """So that a few bytes cannot become many."""

    async def packed(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"packed", headers={"Content-Encoding": "gzip"})

    async with served(packed) as address:
        assert await fetch(File(url=f"{address}/a"), 10) == b"packed"


async def test_whoever_sends_slowly_or_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        await over.wait()
        return response

    monkeypatch.setattr(upload, "WITHIN", 0.05)
    async with served(silent) as address:
        with pytest.raises(Unfetched, match="cannot be reached"):
            await fetch(File(url=f"{address}/a"), 10)
        over.set()


async def test_nobody_there_is_said_in_words() -> None:
    with point_discord_at("http://127.0.0.1:9/api/v10", "ws://127.0.0.1:9"), pytest.raises(Unfetched):
        await fetch(File(url="http://127.0.0.1:9/a"), 10)
