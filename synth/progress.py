"""How far a job is, told as a fraction of the whole."""

from __future__ import annotations

from collections.abc import Callable

Watch = Callable[[str, float, float], None]
"""Called as (stage, done, total) at every step, over the whole job; may raise `synth.errors.Stopped`."""

# Shares of one core's time for ten seconds of speech with a voice, Bark small: coarse is by far the largest.
SHARES = {"semantic": 0.15, "coarse": 0.70, "fine": 0.14, "codec": 0.01}


class Progress:
    """Turns the steps of a piece's stages, in whatever order they come, into a fraction of the job that never falls."""

    def __init__(self, watch: Watch | None, *, base: float, share: float) -> None:
        """`base` is the fraction done before this piece, `share` the piece's own."""
        self._watch, self._base, self._share = watch, base, share
        self._done = dict.fromkeys(SHARES, 0.0)

    def step(self, stage: str, done: float, total: float) -> None:
        """A step of a stage was made."""
        self._done[stage] = max(self._done[stage], min(1.0, done / total))
        if self._watch:
            fraction = sum(SHARES[name] * part for name, part in self._done.items())
            self._watch(stage, self._base + self._share * fraction, 1.0)

    def ended(self, stage: str) -> None:
        """A stage is over, maybe earlier than expected."""
        self._done[stage] = 1.0
