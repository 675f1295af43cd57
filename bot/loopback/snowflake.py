"""Discord's ids: milliseconds since 2015 in the upper bits, so that they sort by time."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]  # Unix seconds

EPOCH = 1_420_070_400_000  # milliseconds of Unix time at the first second of 2015: Discord's documented epoch
TIME_SHIFT = 22  # bits under the time: worker, process, increment


class Snowflakes:
    """Hands out ids that never repeat and always grow, also where the clock stands still or starts before 2015."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def __call__(self) -> int:
        """A new id."""
        now = (int(self._clock() * 1000) - EPOCH) << TIME_SHIFT
        self._last = max(now, self._last + 1)
        return self._last
