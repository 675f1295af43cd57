"""A file for its owner's eyes only, from the first byte: on the disk and whole, or not there. The bot imports this."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write it aside and put it in its place. Without `replace` a file that is there already stays as it is. OSError."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            aside.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(aside, path)  # unlike a renaming, it takes no other's place
    finally:
        aside.unlink(missing_ok=True)
