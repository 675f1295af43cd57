"""The key of the watermark: read, or made where there is none. Standard library only: the bot imports this.

A secret key proves that a clip came from whoever has it. With the public one anybody can look for the mark, and so also
take it out, or put it on something else.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from synth.errors import SynthError
from synth.private_file import write

PUBLIC_KEY = b"barkbot public watermark key"  # of what is made without a bot
FILE = "watermark.key"
VARIABLE = "BARKBOT_WATERMARK_KEY"
BYTES = 32


class BadKey(SynthError):
    """The watermark's key cannot be used; the text says why, and does not repeat it."""


def read(path: Path) -> bytes:
    """The key in a file of 64 hexadecimal digits. BadKey."""
    try:
        return parse(path.read_text("ascii"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is no text"
        raise BadKey(f"The watermark's key {path} cannot be read: {reason}.") from None


def parse(text: str, source: str) -> bytes:
    """64 hexadecimal digits -> 32 bytes. BadKey, with the name of the source."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != BYTES:
        raise BadKey(f"{source} holds no watermark key: {2 * BYTES} hexadecimal digits are one.")
    return key


def kept(path: Path) -> bytes:
    """The key in that file, which is made with a new one, for its owner's eyes only, if it is not there. BadKey."""
    try:
        if not path.exists():
            write(path, f"{secrets.token_hex(BYTES)}\n".encode(), replace=False)  # another's, made meanwhile, stays
    except OSError as error:
        raise BadKey(f"The watermark's key {path} cannot be written: {os.strerror(error.errno or 0)}.") from None
    return read(path)


def from_environment() -> bytes | None:
    """The key in `VARIABLE`; None where it is not set. BadKey."""
    text = os.environ.get(VARIABLE, "").strip()
    return parse(text, VARIABLE) if text else None
