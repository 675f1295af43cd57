"""The watermark of every clip: put in, and looked for. numpy and scipy only; docs/watermark.md says what it proves.

How it is put in: marking.py. How it is found: mark_search.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synth.mark_search import Mark, detect
from synth.marking import Embedder

__all__ = ["PUBLIC_KEY", "Embedder", "Mark", "detect", "embed"]

PUBLIC_KEY = b"barkbot public watermark key"
"""Of what is made without a bot: anybody can find this mark, and so take it out or put it on something else."""


def embed(waveform: npt.NDArray[Any], rate: int, key: bytes) -> npt.NDArray[np.float32]:
    """(n,) in full scale 1.0 at `rate` Hz -> the same with the mark of this key. ValueError for too low a rate."""
    embedder = Embedder(rate, key)
    return np.concatenate([embedder.push(waveform), embedder.end()])
