"""A recording from Discord's file host: one file, no detours, and never more of it than the bound."""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp

FOR = 30.0  # seconds for all of it
OGG = b"OggS"  # how what Discord's clients record begins


class NotFetched(Exception):
    """The recording did not come; the reason is a key of texts.CONSENT_FAILED."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def fetch(url: str, place: Path, most: int) -> None:
    """Write what is at `url` to `place`, a new file that only this user can read. Raises NotFetched; then there is no file."""
    try:
        content = await _read(url, most)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NotFetched("not-fetched") from error
    if not content.startswith(OGG):
        raise NotFetched("not-one-file")
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


async def _read(url: str, most: int) -> bytes:
    """The body, read piece by piece: what a server says of its size is not believed."""
    timeout = aiohttp.ClientTimeout(total=FOR)
    content = bytearray()
    async with (
        aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
        session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as response,
    ):
        if response.status != 200:
            raise NotFetched("not-fetched")
        async for piece in response.content.iter_chunked(1 << 16):
            content += piece
            if len(content) > most:
                raise NotFetched("too-large")
    return bytes(content)
