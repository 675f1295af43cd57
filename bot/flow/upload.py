"""A file that somebody uploaded, fetched from Discord and from nowhere else: size first, then a stream that is cut at the limit.

discord.py's own `Attachment.read` takes all that comes into memory, from whatever address the attachment names.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import aiohttp
import yarl
from discord.http import Route

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
WITHIN = 20.0  # seconds for all of it: whoever sends a byte a second holds nobody up
CHUNK = 1 << 16  # bytes


class Unfetched(Exception):
    """The file could not be had: it is gone, Discord did not answer, or it does not lie where Discord keeps files."""


class TooBig(Unfetched):
    """It has more bytes than are taken, whatever Discord says of it."""


class Uploaded(Protocol):
    """An attachment of discord.py's, as far as it is looked at."""

    @property
    def url(self) -> str:
        """Where it lies."""

    @property
    def size(self) -> int:
        """Bytes, as Discord says."""


async def fetch(file: Uploaded, most: int) -> bytes:
    """Its bytes, at most so many. Unfetched, TooBig."""
    if file.size > most:
        raise TooBig(f"It has {file.size} bytes; {most} are the most.")
    address = yarl.URL(file.url)
    if not kept_by_discord(address):
        raise Unfetched(f"{address.host} is not where Discord keeps files.")
    try:
        async with (
            asyncio.timeout(WITHIN),
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(address, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status != 200:
                raise Unfetched(f"Discord answers {answer.status}.")
            return await _bounded(answer.content, most)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unfetched(f"Discord cannot be reached: {error or type(error).__name__}.") from error


def kept_by_discord(address: yarl.URL) -> bool:
    """Whether a file at this address is one of Discord's; of a Discord on this machine too, where the bot talks to that."""
    api = yarl.URL(Route.BASE)
    if api.host not in {"discord.com", "discordapp.com"} and address.origin() == api.origin():
        return True
    return (
        address.scheme == "https" and address.host in HOSTS and address.explicit_port is None and address.user is None
    )


async def _bounded(content: aiohttp.StreamReader, most: int) -> bytes:
    data = bytearray()
    async for chunk in content.iter_chunked(CHUNK):
        data += chunk
        if len(data) > most:
            raise TooBig(f"It has more than {most} bytes.")
    return bytes(data)
