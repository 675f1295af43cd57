"""Many inputs to one target: anything but its documented errors, and anything slower than a second, is a failure."""

from __future__ import annotations

import dataclasses
import random
import time

from tests.fuzz.damage import damaged
from tests.fuzz.targets import Target

HANG = 1.0  # seconds of this process


class Bad(Exception):
    """An input that a target does not take; the text says how to make it again."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What came of it."""

    target: str
    inputs: int
    seconds: float
    refused: int  # with a documented error
    slowest: float  # seconds
    slowest_input: int

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.target:<12} {self.inputs:>7,} inputs in {self.seconds:6.1f} s, {self.refused:>7,} refused, "
            f"the slowest took {self.slowest * 1e3:6.1f} ms (number {self.slowest_input})"
        )


def feed(target: Target, inputs: int, *, seed: int = 1) -> Report:
    """So many damaged inputs. Raises Bad."""
    began, refused, slowest, which = time.monotonic(), 0, 0.0, 0
    for number in range(inputs):
        data = damaged(target.seeds, random.Random(seed * 1_000_003 + number))
        took, was_refused = once(target, data, f"{target.name} {number} of seed {seed}")
        refused += was_refused
        if took > slowest:
            slowest, which = took, number
    seconds = time.monotonic() - began
    return Report(
        target=target.name, inputs=inputs, seconds=seconds, refused=refused, slowest=slowest, slowest_input=which
    )


def once(target: Target, data: bytes, what: str) -> tuple[float, bool]:
    """One input: how long it took, and whether it was refused. Raises Bad."""
    before = time.process_time()
    try:
        target.run(data)
        refused = False
    except target.errors:
        refused = True
    except Exception as error:
        raise Bad(f"{what}: {type(error).__name__}: {error}; {data[:300]!r}") from error
    took = time.process_time() - before
    if took > HANG:
        raise Bad(f"{what} took {took:.1f} s; {data[:300]!r}")
    return took, refused
