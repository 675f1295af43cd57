"""The code words: 1,026 English words, made for this purpose. None sounds or looks almost like another.

Six of them, none twice, are one of 2^60 sequences: nobody has a recording of them ready.
"""

from __future__ import annotations

import functools
import importlib.resources
import random

COUNT = 6


@functools.cache
def every() -> tuple[str, ...]:
    """The whole list, sorted."""
    file = importlib.resources.files(__package__) / "words.txt"
    return tuple(file.read_text(encoding="ascii").split())


def draw(source: random.Random) -> tuple[str, ...]:
    """Six, in the order in which they are to be said. `source` must not be one that can be foretold."""
    return tuple(source.sample(every(), COUNT))
