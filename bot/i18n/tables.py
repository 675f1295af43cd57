"""The tables: TOML files of this folder, flat as `NAME` and `GROUP.key` -> the sentence."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from typing import Any


@functools.cache
def table(language: str) -> Mapping[str, str]:
    """The table of a language; empty for English, which is bot/texts.py."""
    file = importlib.resources.files(__package__) / f"{language}.toml"
    return flat(tomllib.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def flat(values: Mapping[str, Any]) -> dict[str, str]:
    """The sentences among `values`: strings, and strings one level down as `GROUP.key`. What is not one is left out."""
    found: dict[str, str] = {}
    for name, value in values.items():
        inner = value if isinstance(value, dict) else {None: value}
        found |= {
            name if key is None else f"{name}.{key}": text
            for key, text in inner.items()
            if isinstance(text, str) and isinstance(key, str | None)
        }
    return found
