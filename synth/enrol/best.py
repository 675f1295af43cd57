"""The stretch of a recording that becomes the voice.

Bark looks at the end of a history prompt only: 5.1 s of it for the semantic stage, 4.2 s for the coarse one, 6.8 s for the
fine one. And it goes on from there: a prompt that stops within a word is finished by the next speech. So of all the
places where the recording pauses, the one is taken that has most clean speech in the 7 s before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synth.enrol.level import FRAME_SECONDS, Mask, Waveform, clipped, speech
from synth.errors import NoSpeech

LONGEST = 7.0  # seconds
LEAST_SPEECH = 2.0  # seconds in it: less is no voice
TAIL = 0.12  # seconds kept of the pause at its end
HEAD = 0.1  # and of the one before it
START_ROOM = 1.0  # seconds that are given up to begin in a pause
CLIPPED = 0.01  # of the samples: such a stretch is worth nothing
CUT_OFF = 0.5  # what a stretch is worth that ends within speech, times its length


def best(samples: Waveform, rate: int) -> slice:
    """Its samples, of (n,) at `rate` Hz. NoSpeech where nobody speaks for 2 s."""
    mask = speech(samples, rate)
    frame = round(FRAME_SECONDS * rate)
    worth: list[tuple[float, int, int]] = []
    for end in _ends(mask):
        start, stop = _stretch(mask, end)
        spoken = float(mask[start:stop].sum()) * FRAME_SECONDS
        if spoken < LEAST_SPEECH:
            continue
        cleanness = max(0.0, 1 - clipped(samples[start * frame : stop * frame]) / CLIPPED)
        ending = CUT_OFF if end == len(mask) and mask[-1] else 1.0
        worth.append((round(spoken * cleanness * ending, 2), start, stop))
    if not worth:
        raise NoSpeech(f"Nobody speaks for {LEAST_SPEECH:g} s in the recording.")
    _, start, stop = max(worth, key=lambda each: (each[0], each[2]))  # the last of the best: people warm up
    return slice(start * frame, stop * frame)


def _ends(mask: Mask) -> npt.NDArray[np.int64]:
    """The frames at which speech stops, the end of the recording among them where somebody still speaks."""
    edges = np.diff(np.concatenate([mask, [False]]).astype(np.int8))
    return np.flatnonzero(edges == -1) + 1


def _stretch(mask: Mask, end: int) -> tuple[int, int]:
    """Frames from a pause, if there is one near, to a little after `end`."""
    later = np.flatnonzero(mask[end:])
    silence = int(later[0]) if len(later) else len(mask) - end
    stop = end + min(silence, round(TAIL / FRAME_SECONDS))
    start = max(0, stop - round(LONGEST / FRAME_SECONDS))
    room = mask[start : start + round(START_ROOM / FRAME_SECONDS)]
    if start and len(room) and room[0] and not room.all():  # within a word, and a pause is near
        after = start + int(np.argmin(room))
        begins = np.flatnonzero(mask[after:stop])
        start = max(after, after + int(begins[0]) - round(HEAD / FRAME_SECONDS)) if len(begins) else start
    return start, stop
