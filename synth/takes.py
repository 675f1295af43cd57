"""Several versions of one text, or one: computed side by side in a batch, as are the pieces of each."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

from synth.bark import Model, Request, Speech
from synth.batch import Batch
from synth.errors import SynthError
from synth.pipeline import speak
from synth.progress import Watch

Ready = Callable[[int, Speech], None]
"""Called as (number of the take, its speech) as soon as one is there."""


def speak_takes(
    model: Model, request: Request, seeds: Sequence[int], *, seats: int, ready: Ready, watch: Watch | None = None
) -> None:
    """The request with each of these seeds, as many pieces at once as there are seats.

    All are tried before the first error is raised: a take that fails takes no other with it.
    """
    batch = Batch(seats=seats)
    shared, progress = batch.share(model), Overall(len(seeds), watch)

    def take(number: int, seed: int) -> None:
        request_of_it = dataclasses.replace(request, seed=seed)
        ready(number, speak(shared, request_of_it, functools.partial(progress.step, number)))

    tasks = [batch.start(functools.partial(take, number, seed)) for number, seed in enumerate(seeds)]
    while batch.busy:
        batch.turn()
    if error := next((task.error for task in tasks if isinstance(task.error, SynthError)), None):
        raise error
    for task in tasks:
        task.result()


class Overall:
    """The progress of all takes as one: the mean, and the stage of the one that is least far."""

    def __init__(self, takes: int, watch: Watch | None) -> None:
        self._watch = watch
        self._done = [0.0] * takes
        self._stages = [""] * takes

    def step(self, number: int, stage: str, done: float, total: float) -> None:
        """One take made a step."""
        self._done[number], self._stages[number] = done / total, stage
        if self._watch:
            last = min(range(len(self._done)), key=lambda each: self._done[each])
            self._watch(self._stages[last] or stage, sum(self._done), len(self._done))
