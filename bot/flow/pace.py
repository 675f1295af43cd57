"""How long the next text will take, learnt from the last ones."""

from __future__ import annotations

import dataclasses

OVERHEAD = 20.0  # characters' worth of work that even the shortest text costs (prefill, codec, file)
LEARNING = 0.125  # weight of the newest sample, as TCP's round-trip estimator weighs it (RFC 6298)
SPREADING = 0.25  # the same for the deviation


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds of work for one character of text: the mean and its mean deviation."""

    mean: float = 0.06  # before anything was measured: about real time at 15 characters a second
    deviation: float = 0.03

    def estimate(self, text: str) -> float:
        """Seconds of work that this text will take."""
        return self.work(characters=len(text), texts=1)

    def work(self, *, characters: int, texts: int) -> float:
        """Seconds of work that so many texts of so many characters together will take."""
        return self.mean * (characters + OVERHEAD * texts)

    def learn(self, text: str, took: float) -> Pace:
        """The pace after `text` took `took` seconds."""
        sample = took / (len(text) + OVERHEAD)
        error = sample - self.mean
        return Pace(
            mean=self.mean + LEARNING * error, deviation=self.deviation + SPREADING * (abs(error) - self.deviation)
        )

    def span(self, seconds: float) -> tuple[float, float]:
        """The honest range for work estimated at `seconds`: what it usually takes, and what it seldom exceeds."""
        slack = 2 * self.deviation / self.mean if self.mean > 0 else 1.0
        return seconds * max(0.5, 1 - slack / 2), seconds * (1 + slack)
