"""Pictures for the README: small ones."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"


def save(shot: bytes, path: Path) -> None:
    """A screenshot with a palette of 256 colours."""
    path.parent.mkdir(exist_ok=True)
    small = Image.open(io.BytesIO(shot)).convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(path, path.stat().st_size)
