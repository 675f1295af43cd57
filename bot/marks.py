"""The key of this bot's watermark, for whoever looks for it."""

from __future__ import annotations

from pathlib import Path

FILE = "watermark.key"  # in the store's folder


def key(folder: Path) -> bytes | None:
    """The key of the bot that keeps its things in this folder; None where it has none yet. OSError."""
    path = folder / FILE
    return path.read_bytes() if path.is_file() else None
