"""Tasks hand in hand: turns, waiting for each other, seats, and every way to end."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import Stopped
from synth.tasks import Tasks


def drive(tasks: Tasks, turns: int = 1000) -> None:
    while tasks.busy:
        tasks.turn()
        turns -= 1
        assert turns, "it does not end"


def steps(tasks: Tasks, log: list[str], name: str, count: int) -> str:
    for number in range(count):
        log.append(f"{name}{number}")
        tasks.pause()
    return name


def test_tasks_take_turns_and_end_with_their_results():
    tasks, log = Tasks(), []
    started = [tasks.start(functools.partial(steps, tasks, log, name, count)) for name, count in (("a", 3), ("b", 1))]
    drive(tasks)
    assert log == ["a0", "b0", "a1", "a2"]
    assert [task.result() for task in started] == ["a", "b"]


def test_one_that_comes_later_joins_the_next_turn():
    tasks, log = Tasks(), []
    tasks.start(functools.partial(steps, tasks, log, "a", 2))
    tasks.turn()
    tasks.start(functools.partial(steps, tasks, log, "b", 2))
    drive(tasks)
    assert log == ["a0", "a1", "b0", "b1"]


def test_an_error_is_its_own_tasks_alone():
    tasks, log = Tasks(), []

    def broken():
        tasks.pause()
        raise ZeroDivisionError

    bad, good = tasks.start(broken), tasks.start(functools.partial(steps, tasks, log, "a", 3))
    drive(tasks)
    assert good.result() == "a"
    with pytest.raises(ZeroDivisionError):
        bad.result()


def test_what_is_no_exception_ends_the_turn():
    """The process is told to end: nobody may swallow that."""
    tasks = Tasks()

    def leave():
        raise SystemExit(3)

    tasks.start(leave)
    with pytest.raises(SystemExit):
        tasks.turn()


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_a_cancelled_task_is_told_where_it_stands_and_its_parts_with_it(turns):
    tasks, log = Tasks(seats=2), []

    def part(name):
        try:
            with tasks.seat():
                steps(tasks, log, name, 100)
        finally:
            log.append(f"end of {name}")

    task = tasks.start(lambda: tasks.together([functools.partial(part, name) for name in "abc"]))
    for _ in range(turns):
        tasks.turn()
    tasks.cancel(task)
    assert task.done
    assert not tasks.busy
    with pytest.raises(Stopped):
        task.result()
    begun = {line[0] for line in log if line[0] != "e"}
    assert {line for line in log if line[0] == "e"} >= {f"end of {name}" for name in begun}
    assert tasks.run(lambda: tasks.together([functools.partial(seated, tasks, name) for name in "xyz"])) == list("xyz")


def seated(tasks: Tasks, name: str) -> str:
    with tasks.seat():
        tasks.pause()
    return name


def test_the_first_error_of_a_part_is_raised_where_they_are_waited_for_and_ends_the_others():
    tasks, log = Tasks(), []

    def broken():
        tasks.pause()
        raise KeyError("part")

    def work():
        with pytest.raises(KeyError, match="part"):
            tasks.together([broken, functools.partial(steps, tasks, log, "a", 50)])
        return "went on"

    assert tasks.run(work) == "went on"
    assert len(log) <= 2
    assert not tasks.busy


def test_no_more_than_the_seats_are_taken_and_who_has_fewest_comes_first():
    tasks, log = Tasks(seats=2), []

    def part(name):
        with tasks.seat():
            log.append(name)
            tasks.pause()
            assert tasks._free >= 0

    def job(name):
        tasks.together([functools.partial(part, f"{name}{number}") for number in range(3)])

    for name in "ab":
        tasks.start(functools.partial(job, name))
    drive(tasks)
    assert log[0][0] == "a"
    assert {name[0] for name in log[:2]} == {"a", "b"}, "not both for the first, which came with three"
    assert sorted(log) == ["a0", "a1", "a2", "b0", "b1", "b2"]


@given(
    seats=st.integers(1, 3),
    jobs=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=5),
    cancels=st.dictionaries(st.integers(0, 12), st.integers(0, 4)),
)
def test_whoever_comes_and_goes_all_that_is_not_cancelled_gets_its_results(seats, jobs, cancels):
    """And nothing is left: no task, no seat taken."""
    tasks, log = Tasks(seats=seats), []

    def part(count):
        with tasks.seat():
            steps(tasks, log, "p", count)
        return count

    started = [
        tasks.start(functools.partial(tasks.together, [functools.partial(part, count) for count in counts]))
        for counts in jobs
    ]
    cancelled = set()
    for turn in range(1000):
        if not tasks.busy:
            break
        victim = cancels.get(turn, 99)
        if victim < len(started) and not started[victim].done:
            tasks.cancel(started[victim])
            cancelled.add(victim)
        tasks.turn()
    assert not tasks.busy
    assert tasks._free == seats
    for number, (task, counts) in enumerate(zip(started, jobs, strict=True)):
        if number in cancelled:
            with pytest.raises(Stopped):
                task.result()
        else:
            assert task.result() == counts
