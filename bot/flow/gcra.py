"""The generic cell rate algorithm, as the leaky bucket that ITU-T I.371 gives for it: what is spent leaks away at a steady rate.

Kept are two numbers, how full the bucket was and when; the theoretical arrival time of the other form is `at + level / rate`.
A level means the same after the rate was changed, and a clock that was set back costs nobody the time until it is back.
"""

from __future__ import annotations

import dataclasses
import math

SLACK = 1e-6  # of what is spent: sums of floats lose less, and nobody is refused for it


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """So much per second in the long run, and at most so much at once."""

    rate: float
    burst: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """What was spent and had not leaked away at that second of some clock."""

    level: float = 0.0
    at: float = 0.0


def leaked(gauge: Gauge, quota: Quota, now: float) -> Gauge:
    """The gauge as it is now. Where the clock was set back nothing leaks, and it leaks on from there once this is kept."""
    passed = max(0.0, now - gauge.at)
    return Gauge(level=max(0.0, gauge.level - quota.rate * passed), at=now)


def wait(gauge: Gauge, quota: Quota, now: float, cost: float) -> float:
    """Seconds until so much may be spent: 0 now, infinite if it is more than may ever be spent at once."""
    if cost > quota.burst + SLACK:
        return math.inf
    over = leaked(gauge, quota, now).level + cost - quota.burst
    return over / quota.rate if over > SLACK else 0.0


def spent(gauge: Gauge, quota: Quota, now: float, cost: float) -> Gauge:
    """The gauge after that, whether it was allowed or not."""
    before = leaked(gauge, quota, now)
    return dataclasses.replace(before, level=before.level + cost)


def left(gauge: Gauge, quota: Quota, now: float) -> float:
    """How much may be spent at once now."""
    return max(0.0, quota.burst - leaked(gauge, quota, now).level)


def empty_in(gauge: Gauge, quota: Quota, now: float) -> float:
    """Seconds until everything has leaked away."""
    return leaked(gauge, quota, now).level / quota.rate
