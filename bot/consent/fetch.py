"""A recording from Discord's file host: one file, no detours, and never more of it than the bound."""

from __future__ import annotations

import os
from pathlib import Path

import aiohttp

from bot.flow import attachment

OGG = b"OggS"  # how what Discord's clients record begins


class NotFetched(Exception):
    """The recording did not come; the reason is a key of texts.CONSENT_FAILED."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def fetch(url: str, place: Path, most: int) -> None:
    """Write what is at `url` to `place`, a new file that only this user can read. Raises NotFetched; then there is no file."""
    try:
        content = await attachment.fetch(url, most=most, within=attachment.WITHIN)
    except attachment.TooLong as error:
        raise NotFetched("too-large") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NotFetched("not-fetched") from error
    if not content.startswith(OGG):
        raise NotFetched("not-one-file")
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
