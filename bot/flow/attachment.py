"""A file that somebody attached, fetched with nothing taken on trust: from Discord's own hosts, so many bytes, so many seconds.

discord.py reads an attachment whole, however long it turns out to be, and follows wherever it is sent.
"""

from __future__ import annotations

import asyncio

import aiohttp
import yarl
from discord.http import Route

HOSTS = ("cdn.discordapp.com", "media.discordapp.net")
API = "discord.com"
WITHIN = 20.0  # seconds for all of it: whoever sends a byte a second holds nobody up


class TooLong(aiohttp.ClientError):
    """There is more of it than was allowed; nothing of it is kept."""


def is_discords(url: str, api: str | None = None) -> bool:
    """Whether this is an address of Discord's files. `api`: of its REST API; another Discord keeps its files where its API is."""
    try:
        address, home = yarl.URL(url), yarl.URL(api or Route.BASE)
        if home.host != API:
            return address.origin() == home.origin()
    except ValueError:
        return False
    return address.scheme == "https" and address.host in HOSTS and address.port == 443 and address.user is None


async def fetch(url: str, *, most: int, within: float) -> bytes:
    """The bytes behind an attachment's address. Raises TooLong, another aiohttp.ClientError, TimeoutError, OSError."""
    if not is_discords(url):
        raise aiohttp.InvalidURL(url)
    return await read(url, most=most, within=within)


async def read(url: str, *, most: int, within: float) -> bytes:
    """At most so many bytes in at most so many seconds, whatever the headers say; no redirects, nothing unpacked."""
    plain = {"Accept-Encoding": "identity"}
    async with (
        asyncio.timeout(within),
        aiohttp.ClientSession(auto_decompress=False, headers=plain) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise aiohttp.ClientResponseError(answer.request_info, (), status=answer.status)
        found = bytearray()
        async for part in answer.content.iter_chunked(16 * 1024):
            found += part
            if len(found) > most:
                raise TooLong(f"more than {most} bytes")
        return bytes(found)
