"""The sound of a stranger's file, while others have their turns: it is decoded in a bounded child, awaited in a thread."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from pathlib import Path

import numpy as np

from synth import bounded
from synth.enrol.level import Waveform

LONGEST = 30.0  # seconds of a recording: what Whisper hears at once
LOOK_EVERY = 0.005  # seconds: a turn of the others is longer


def sound(path: Path, rate: int, breathe: Callable[[], None]) -> Waveform:
    """(n,) at `rate` Hz of what is in the file. Raises NotAudio, TooLong, TooBig, TimedOut, and what `breathe` raises."""
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="bounded")
    try:
        decoding = pool.submit(bounded.run, "decode", path, seconds=LONGEST, rate=rate)
        while not concurrent.futures.wait([decoding], LOOK_EVERY).done:
            breathe()
        return np.frombuffer(decoding.result()["data"], "<f4").astype(np.float32)
    finally:
        pool.shutdown(wait=False)  # a child that nobody waits for any more ends by its own limits
