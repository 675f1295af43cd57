"""One person asks for 200 texts: what the others wait, with a clock moved by hand and work that takes as long as it says."""

import contextlib
import random
import sqlite3
import statistics
from pathlib import Path

import pytest

from bot.flow import queue
from bot.store import connect
from tests.bot.rows import a_row

LENGTH = 8.0  # seconds of work for one text
SPREAD = (0.5, 1.5)  # of it, from text to text
FLOOD = 200
OTHERS, ASKS = 9, 60  # people and what they ask for in all
WITHIN = 1500.0  # seconds

Ask = tuple[float, int, int, float]  # when, who, where, how much work


def asks(chance: random.Random, flood: int) -> list[Ask]:
    """The flood at once, the others' now and then: some in the same server, some in another, some in direct messages."""
    others = [(chance.uniform(0, WITHIN), chance.randrange(2, 2 + OTHERS)) for _ in range(ASKS)]
    work = [LENGTH * chance.uniform(*SPREAD) for _ in range(ASKS + flood)]
    listed = [(0.0, 1, 1)] * flood + [(when, user, user % 3) for when, user in others]
    return sorted((when, user, guild, took) for (when, user, guild), took in zip(listed, work, strict=True))


def waits(db: sqlite3.Connection, coming: list[Ask], seats: int) -> list[float]:
    """Seconds from ask to the beginning of the work, of everybody but the flooder."""
    now = 0.0
    found: list[float] = []
    busy: list[tuple[float, int, float]] = []  # the end of the work, the job, how long it takes
    took: dict[int, float] = {}
    left = list(enumerate(coming, start=1))
    while left or busy or queue.waiting(db):
        while left and left[0][1][0] <= now:
            number, (when, user, guild, work) = left.pop(0)
            row = {"user_id": user, "guild_id": guild or None, "flow": queue.flow_of(guild or None, user)}
            db.execute(a_row(number, estimate=LENGTH, received_at=when, **row))
            queue.accept(db, number, when)
            took[number] = work
        while len(busy) < seats and (job := queue.claim(db, "life", now)) is not None:
            busy.append((now + took[job.id], job.id, took[job.id]))
            if job.user_id != 1:
                found.append(now - job.received_at)
        ends = [end for end, _, _ in busy] + [ask[0] for _, ask in left[:1]]
        if not ends:
            break
        now = min(ends)
        for done in [work for work in busy if work[0] <= now]:
            busy.remove(done)
            known = queue.get(db, done[1])
            assert known is not None
            work = {"path": "p", "voice": None, "seconds": 1.0, "model": "m", "took": done[2], "cost": done[2]}
            queue.rendered(db, known, now=now, **work)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@pytest.mark.parametrize("seats", [1, 2])
def test_200_texts_of_one_person_cost_the_others_less_than_two_job_lengths(seats: int) -> None:
    quiet: list[float] = []
    flooded: list[float] = []
    for seed in range(3):
        for flood, into in ((0, quiet), (FLOOD, flooded)):
            with contextlib.closing(connect(Path(":memory:"))) as db:
                into.extend(waits(db, asks(random.Random(seed), flood), seats))
    print(f"{seats} seats: p95 {p95(quiet):.1f} s, with the flood {p95(flooded):.1f} s, at most {max(flooded):.1f} s")
    assert len(quiet) == len(flooded) == 3 * ASKS
    assert p95(flooded) <= p95(quiet) + 2 * LENGTH
