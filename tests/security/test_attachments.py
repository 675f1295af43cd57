"""Attachments that are not what they say: longer, endless, slow, compressed, elsewhere, of another kind. From real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.commands.long import MOST_BYTES, decoded, unfit
from bot.flow.attachment import WITHIN, TooLong, fetch, is_discords, read
from bot.loopback.messages import Attachment
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on

MOST = 1000  # bytes
API = "https://discord.com/api/v10"


@contextlib.asynccontextmanager
async def server(
    answer: bytes, *, endless: bytes = b"", silent: bool = False
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers each request with these bytes, then so many of the others as are taken, or with nothing more."""
    heard: list[bytes] = []
    tasks: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
            while endless:
                writer.write(endless)
                await writer.drain()
            if silent:
                await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x.txt", heard
    finally:
        listening.close()
        await asyncio.wait_for(asyncio.gather(*filter(None, tasks)), 10)  # whoever asked has gone


def head(*headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode()


async def test_what_is_as_it_says_is_read_whole() -> None:
    async with server(head("Content-Length: 5", "Content-Type: audio/ogg") + b"hello") as (url, heard):
        assert await read(url, most=MOST, within=5) == b"hello"
        assert b"Accept-Encoding: identity" in heard[0]


@pytest.mark.parametrize("claim", ["Content-Length: 99999999999", "Connection: close", "Transfer-Encoding: chunked"])
async def test_an_endless_one_is_left_after_what_is_allowed(claim: str) -> None:
    part = b"1000\r\n" + b"x" * 4096 + b"\r\n" if "chunked" in claim else b"x" * 4096
    async with server(head(claim), endless=part) as (url, _):
        with pytest.raises(TooLong):
            await read(url, most=MOST, within=5)


async def test_one_that_is_shorter_than_it_says_is_refused() -> None:
    async with server(head("Content-Length: 500") + b"short") as (url, _):
        with pytest.raises(aiohttp.ClientError):
            await read(url, most=MOST, within=5)


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200", head("Content-Length: 500") + b"x"])
async def test_one_that_drips_is_left(begin: bytes) -> None:
    async with server(begin, silent=True) as (url, _):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await read(url, most=MOST, within=0.2)
        assert time.monotonic() - began < 5
    assert WITHIN <= 20


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    assert len(bomb) > MOST
    async with server(head(f"Content-Length: {len(bomb)}", "Content-Encoding: gzip") + bomb) as (url, _):
        with pytest.raises(TooLong):
            await read(url, most=MOST, within=5)
        assert await read(url, most=len(bomb), within=5) == bomb


async def test_a_redirect_is_not_followed() -> None:
    async with server(head("Content-Length: 6") + b"secret") as (elsewhere, heard):
        answer = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        async with server(answer) as (url, _):
            with pytest.raises(aiohttp.ClientResponseError):
                await read(url, most=MOST, within=5)
        assert heard == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/attachments/1/2/x.txt",
        "http://cdn.discordapp.com/attachments/1/2/x.txt",
        "https://cdn.discordapp.com.evil.example/x.txt",
        "https://cdn.discordapp.com@evil.example/x.txt",
        "https://user:word@cdn.discordapp.com/x.txt",
        "https://cdn.discordapp.com:8443/x.txt",
        "https://127.0.0.1/x.txt",
        "https://169.254.169.254/latest/meta-data",
        "http://[::1]/x.txt",
        "file:///etc/passwd",
        "ftp://cdn.discordapp.com/x.txt",
        "//cdn.discordapp.com/x.txt",
        "https://cdn.discordapp.com\\@evil.example/",
        "https://[cdn.discordapp.com/x",
        "",
    ],
)
async def test_only_discords_own_files_are_fetched(url: str) -> None:
    assert not is_discords(url, API)
    with pytest.raises(aiohttp.InvalidURL):
        await fetch(url, most=MOST, within=1)


def test_those_are_discords_own() -> None:
    for host in ("cdn.discordapp.com", "media.discordapp.net"):
        assert is_discords(f"https://{host}/attachments/1/2/x.txt?ex=1&is=2&hm=3", API)
    assert is_discords("http://127.0.0.1:80/cdn/1/x", "http://127.0.0.1:80/api/v10")
    assert not is_discords("http://127.0.0.1:81/cdn/1/x", "http://127.0.0.1:80/api/v10")


def test_a_kind_that_lies_is_seen_by_what_is_there() -> None:
    assert unfit("voice.ogg.txt", 10) is None
    assert decoded(b"OggS\0\x02\0\0") is None  # sound called a text
    assert decoded(b"\x89PNG\r\n\x1a\n") is None
    assert unfit("story.txt.exe", 10) is not None
    assert unfit("story.txt", MOST_BYTES + 1) is not None


async def test_a_file_that_is_longer_than_discord_said_is_refused_in_words(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        exchange = await discord.user("alice").slash("bark", "long", file=("story.txt", b"hello"))
        for number, file in list(discord.messages._files.items()):  # before the bot has heard of it
            content = {"data": b"a" * (MOST_BYTES + 1), "content_type": "text/plain"}
            discord.messages._files[number] = Attachment(**{**vars_of(file), **content})
        words = await exchange.until(lambda message: message.ephemeral)
        assert "is the most I read" in words.content
        assert discord.complaints == []


def vars_of(file: Attachment) -> dict[str, object]:
    return {name: getattr(file, name) for name in file.__dataclass_fields__}
