"""How far a job is, told as a fraction of the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Watch = Callable[[str, float, float], None]
"""Called as (stage, done, total) at every step, over the whole job; may raise `synth.errors.Stopped`."""

# Shares of one core's time for ten seconds of speech with a voice, Bark small: coarse is by far the largest.
SHARES = {"semantic": 0.15, "coarse": 0.70, "fine": 0.14, "codec": 0.01}


class Progress:
    """Turns the steps of all pieces' stages, in whatever order they come, into a fraction of the job that never falls."""

    def __init__(self, watch: Watch | None, shares: Sequence[float]) -> None:
        """`shares` are what each piece is of the whole job, in any unit."""
        self._watch, self._shares = watch, [share / sum(shares) for share in shares]
        self._done = [dict.fromkeys(SHARES, 0.0) for _ in shares]

    def step(self, piece: int, stage: str, done: float, total: float) -> None:
        """A step of a piece's stage was made."""
        stages = self._done[piece]
        stages[stage] = max(stages[stage], min(1.0, done / total))
        if self._watch:
            parts = zip(self._shares, self._done, strict=True)
            fraction = sum(share * SHARES[name] * part for share, stages in parts for name, part in stages.items())
            self._watch(stage, min(1.0, fraction), 1.0)

    def ended(self, piece: int, stage: str) -> None:
        """A piece's stage is over, maybe earlier than expected."""
        self._done[piece][stage] = 1.0
