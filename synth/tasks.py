"""Several pieces of synchronous code, hand in hand in one thread: each runs until it asks for something to be computed.

A task is a greenlet: it looks like any other code, and what it calls can hand an ask to `Tasks` and go on with the
answer. When all tasks have asked, `compute` sees all asks together, and may answer some of them at once. That is how
requests share a batch without knowing of each other. Nothing here knows what is computed: see `synth.batch`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet

from synth.errors import Stopped

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, eq=False)
class Ask:
    """Something to compute; the task that asks gets its answer when it is there."""


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """What became of an ask: a value, or the exception that the task gets."""

    value: Any = None
    error: Exception | None = None


class Task:
    """One piece of work, from its start to its end."""

    def __init__(self, work: Callable[[], Any], parent: Task | None) -> None:
        self.parent = parent
        self.seats = 0  # taken by it and by what it started
        self.done = False
        self._outcome = Answer()
        self._greenlet = greenlet(lambda _: work())

    @property
    def error(self) -> Exception | None:
        """What the work raised."""
        return self._outcome.error

    def result(self) -> Any:
        """What the work returned, or raised; only once it is done."""
        if self._outcome.error:
            raise self._outcome.error
        return self._outcome.value

    @property
    def root(self) -> Task:
        """The task that everything here was started for."""
        return self.parent.root if self.parent else self

    def run(self, answer: Answer) -> Ask | None:
        """Go on with an answer, until the next ask; None at the end. What is no Exception goes through."""
        self._greenlet.parent = getcurrent()  # where an ask, and the end, come out
        try:
            asked = self._greenlet.throw(answer.error) if answer.error else self._greenlet.switch(answer.value)
        except Exception as error:  # noqa: BLE001 -- whoever waits for the result gets it
            _let_go(error)
            self.done, self._outcome = True, Answer(error=error)
            return None
        if isinstance(asked, Ask) and not self._greenlet.dead:
            return asked
        self.done, self._outcome = True, Answer(asked)
        return None


def _let_go(error: BaseException | None) -> None:
    """Clear the frames that an error went through: generators in them are half-way, and hold what others need."""
    while error:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


@dataclasses.dataclass(frozen=True, eq=False)
class Pause(Ask):
    """Nothing: the others have a turn."""


@dataclasses.dataclass(frozen=True, eq=False)
class Seat(Ask):
    """One of the seats."""


@dataclasses.dataclass(frozen=True, eq=False)
class Wait(Ask):
    """The end of these tasks."""

    tasks: Sequence[Task]


class Tasks:
    """All tasks of this thread."""

    def __init__(self, *, seats: int = 1) -> None:
        """`seats`: how many pieces may be in work at once."""
        self.seats = seats
        self._free = seats
        self._ready: dict[Task, Answer] = {}  # can go on
        self._asks: dict[Task, Ask] = {}  # cannot, in the order of asking
        self._now: Task | None = None  # the one that runs

    @property
    def busy(self) -> bool:
        """Whether a task is not done yet."""
        return bool(self._ready or self._asks)

    def start(self, work: Callable[[], Any]) -> Task:
        """A new task; it begins with the next turn. Within a task: as a part of it, dropped when it ends."""
        task = Task(work, self._now)
        self._ready[task] = Answer()
        return task

    def run(self, work: Callable[[], Result]) -> Result:
        """The result of a task of its own, and turns for all until it is there. Not from within a task."""
        task = self.start(work)
        while not task.done:
            self.turn()
        return cast("Result", task.result())

    def cancel(self, task: Task) -> None:
        """Raise Stopped where the task stands, and drop its parts. Not from within a task."""
        if not task.done:
            self._leave(task)
            self._drop_parts(task)
            self._go(task, Answer(error=Stopped()))

    def turn(self) -> None:
        """Let every task that can go on do so, then compute something of what is asked for."""
        while self._ready or self._give_seats():
            task = next(iter(self._ready))
            self._go(task, self._ready.pop(task))
        asks = {task: ask for task, ask in self._asks.items() if not isinstance(ask, Seat | Wait)}
        for task, answer in self.compute(asks).items():
            self._answer(task, answer)

    def compute(self, asks: dict[Task, Ask]) -> dict[Task, Answer]:
        """Answers to some of these asks, at least to one if there are any."""
        return dict.fromkeys(asks, Answer())

    def ask(self, ask: Ask) -> Any:
        """Within a task: wait for an answer."""
        return getcurrent().parent.switch(ask)

    def pause(self) -> None:
        """Within a task: let the others have a turn."""
        self.ask(Pause())

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """Within a task: wait for a seat, and keep it for the block. Those whose root has fewest come first."""
        task = self.ask(Seat())
        try:
            yield
        finally:
            self._stand_up(task)

    def together(self, works: Sequence[Callable[[], Result]]) -> list[Result]:
        """Within a task: the results of all, side by side. The first error is raised here, and ends the others."""
        parts = [self.start(work) for work in works]
        self.ask(Wait(parts))
        return [part.result() for part in parts]

    def _go(self, task: Task, answer: Answer) -> None:
        self._now = task
        try:
            ask = task.run(answer)
        finally:
            self._now = None
        if ask:
            self._asks[task] = ask
            self._wake(task, ask)
        else:
            self._drop_parts(task)
            if task.parent in self._asks:
                self._wake(task.parent, self._asks[task.parent])

    def _wake(self, task: Task, ask: Ask) -> None:
        """Let a task go on that waits for others, if they are done, or if one of them failed."""
        if not isinstance(ask, Wait):
            return
        if error := next((part.error for part in ask.tasks if part.error), None):
            self._answer(task, Answer(error=error))
            self._drop_parts(task)
        elif all(part.done for part in ask.tasks):
            self._answer(task, Answer())

    def _answer(self, task: Task, answer: Answer) -> None:
        del self._asks[task]
        self._ready[task] = answer

    def _give_seats(self) -> bool:
        """Let those sit down for whom there is room; whether somebody did."""
        waiting = [task for task, ask in self._asks.items() if isinstance(ask, Seat)]
        if not (waiting and self._free):
            return False
        task = min(waiting, key=lambda each: each.root.seats)  # the first of them: min is stable
        self._free -= 1
        task.root.seats += 1
        self._answer(task, Answer(task))
        return True

    def _stand_up(self, task: Task) -> None:
        self._free += 1
        task.root.seats -= 1

    def _drop_parts(self, task: Task) -> None:
        for part in [*self._ready, *self._asks]:
            if part.parent is task:
                self.cancel(part)

    def _leave(self, task: Task) -> None:
        self._asks.pop(task, None)
        answer = self._ready.pop(task, None)
        if answer and answer.value is task:  # it was given a seat, and will not hear of it
            self._stand_up(task)
