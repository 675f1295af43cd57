"""Who is charged how many seconds of audio, and what comes back: on a real SQLite file, with a clock moved by hand."""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.flow import meters, queue
from bot.flow.gcra import Quota
from bot.flow.job import Job, State
from bot.flow.meters import Scope
from bot.flow.options import Options
from bot.store import connect
from tests.bot.rows import a_row

QUOTA = Quota(rate=0.5, burst=100.0)
QUOTAS = dict.fromkeys(Scope, QUOTA)
NOW = 1_000_000.0


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "db.sqlite3")
    yield connection
    connection.close()


def admit(
    db: sqlite3.Connection, job: int, cost: float, *, user: int = 1, guild: int | None = 2, now: float = NOW
) -> None:
    """As intake does, with an estimate of 10 s of work."""
    found = meters.read(db, user, guild, QUOTAS, now)
    flow = queue.flow_of(guild, user)
    db.execute(a_row(job, user_id=user, guild_id=guild, flow=flow, estimate=10.0, charged=cost, received_at=now))
    meters.charge(db, found, cost, now)


def levels(db: sqlite3.Connection) -> dict[str, float]:
    return {row["name"]: row["level"] for row in db.execute("SELECT name, level FROM meters")}


def left(db: sqlite3.Connection, user: int, guild: int | None, now: float = NOW) -> dict[Scope, float]:
    return {meter.scope: meter.quota.burst - meter.gauge.level for meter in meters.read(db, user, guild, QUOTAS, now)}


def render(db: sqlite3.Connection, seconds: float, now: float = NOW) -> None:
    job = queue.claim(db, "life", now)
    assert job is not None
    queue.rendered(db, job, path="p", voice=None, seconds=seconds, took=1.0, cost=1.0, model="m", now=now)


def start(db: sqlite3.Connection) -> None:
    queue.accept(db, 1, NOW)
    assert queue.claim(db, "life", NOW) is not None


def test_an_ask_counts_for_its_person_member_server_and_everybody(db: sqlite3.Connection) -> None:
    admit(db, 1, 30.0)
    assert levels(db) == {"": 30.0, "u1": 30.0, "g2": 30.0, "g2/u1": 30.0}


def test_two_servers_do_not_share_a_members_seconds_and_direct_messages_have_no_server(
    db: sqlite3.Connection,
) -> None:
    admit(db, 1, 30.0, guild=2)
    admit(db, 2, 20.0, guild=3)
    admit(db, 3, 5.0, guild=None)
    assert left(db, 1, 2) == {Scope.USER: 45.0, Scope.EVERYBODY: 45.0, Scope.MEMBER: 70.0, Scope.GUILD: 70.0}
    assert left(db, 1, 3) == {Scope.USER: 45.0, Scope.EVERYBODY: 45.0, Scope.MEMBER: 80.0, Scope.GUILD: 80.0}
    assert left(db, 1, None) == {Scope.USER: 45.0, Scope.EVERYBODY: 45.0}
    assert left(db, 9, 2) == {Scope.USER: 100.0, Scope.EVERYBODY: 45.0, Scope.MEMBER: 100.0, Scope.GUILD: 70.0}
    queue.drop(db, 3)
    assert levels(db) == {"": 50.0, "u1": 50.0, "g2": 30.0, "g2/u1": 30.0, "g3": 20.0, "g3/u1": 20.0}


@pytest.mark.parametrize("seconds", [3.0, 30.0, 55.0])
def test_what_was_made_counts_as_long_as_it_is(db: sqlite3.Connection, seconds: float) -> None:
    admit(db, 1, 30.0)
    queue.accept(db, 1, NOW)
    render(db, seconds)
    assert set(levels(db).values()) == {seconds}
    queue.lost(db, 1)  # it is made again for the same asker
    render(db, seconds + 1)
    queue.told(db, 1, NOW)
    assert set(levels(db).values()) == {seconds + 1}
    db.execute("DELETE FROM jobs")  # its row is not kept for ever, what was had stays had
    assert set(levels(db).values()) == {seconds + 1}


def accepted(db: sqlite3.Connection) -> None:
    queue.accept(db, 1, NOW)


def dead(db: sqlite3.Connection) -> None:
    for _ in range(queue.MAX_DEATHS):
        assert queue.claim(db, "life", NOW) is not None
        queue.died(db, 1, NOW)


def too_large(db: sqlite3.Connection) -> None:
    render(db, 30.0)
    queue.fail(db, 1, "too-large", NOW)


WAYS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "Discord took no reply": lambda db: queue.drop(db, 1),
    "cancelled": lambda db: (accepted(db), queue.cancel(db, 1, NOW)),
    "cancelled as it began": lambda db: (start(db), queue.cancel(db, 1, NOW)),
    "failed": lambda db: (start(db), queue.fail(db, 1, "internal", NOW)),
    "put aside": lambda db: (accepted(db), dead(db)),
    "expired in line": lambda db: (accepted(db), queue.expire(db, 1, "gone", NOW)),
    "made, too large to send": lambda db: (accepted(db), too_large(db)),
    "erased in line": lambda db: (accepted(db), db.execute("DELETE FROM jobs WHERE id = 1")),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_not_made_is_given_back_once(
    db: sqlite3.Connection, way: Callable[[sqlite3.Connection], object]
) -> None:
    admit(db, 99, 7.0, guild=None)  # somebody's own, to be left alone
    admit(db, 1, 30.0)
    way(db)
    assert levels(db) == {"": 7.0, "u1": 7.0, "g2": 0.0, "g2/u1": 0.0}
    queue.cancel(db, 1, NOW)
    queue.drop(db, 1)
    assert levels(db) == {"": 7.0, "u1": 7.0, "g2": 0.0, "g2/u1": 0.0}


def test_of_what_is_stopped_half_way_the_half_that_was_not_made_is_given_back(db: sqlite3.Connection) -> None:
    admit(db, 1, 30.0)
    start(db)
    queue.cancel(db, 1, NOW + 4.0)  # of an estimated 10 s of work
    assert set(levels(db).values()) == {12.0}


def test_what_was_made_and_found_no_place_to_go_still_counts(db: sqlite3.Connection) -> None:
    admit(db, 1, 30.0)
    queue.accept(db, 1, NOW)
    render(db, 25.0)
    queue.expire(db, 1, "gone", NOW)
    assert set(levels(db).values()) == {25.0}


def test_a_clock_set_back_a_year_locks_nobody_out(db: sqlite3.Connection) -> None:
    admit(db, 1, 100.0)
    past = NOW - 365 * 86_400
    first = meters.read(db, 1, 2, QUOTAS, past)
    assert {meter.wait(50.0, past) for meter in first} == {100.0}
    later = past + 100.0  # nothing was admitted in between: reading alone has set the gauges right
    assert {meter.wait(50.0, later) for meter in meters.read(db, 1, 2, QUOTAS, later)} == {0.0}


def test_a_restart_forgets_nothing_and_a_day_forgets_everything(tmp_path: Path) -> None:
    with contextlib.closing(connect(tmp_path / "db.sqlite3")) as db:
        admit(db, 1, 80.0)
    with contextlib.closing(connect(tmp_path / "db.sqlite3")) as db:
        assert left(db, 1, 2)[Scope.USER] == 20.0
        meters.charge(db, meters.read(db, 5, None, QUOTAS, NOW + 90_000), 1.0, NOW + 90_000)
        assert levels(db) == {"u5": 1.0, "": 1.0}


def render_this(db: sqlite3.Connection, job: Job, seconds: float) -> None:
    work = {"path": "p", "voice": None, "took": 1.0, "cost": 1.0, "model": "m"}
    queue.rendered(db, job, seconds=seconds, now=NOW, **work)


ACTIONS: dict[str, Callable[[sqlite3.Connection, Job, float], object]] = {
    "accept": lambda db, job, _: queue.accept(db, job.id, NOW),
    "claim": lambda db, _, __: queue.claim(db, "life", NOW),
    "render": render_this,
    "cancel": lambda db, job, seconds: queue.cancel(db, job.id, NOW + seconds / 8),
    "fail": lambda db, job, _: queue.fail(db, job.id, "internal", NOW),
    "drop": lambda db, job, _: queue.drop(db, job.id),
    "lost": lambda db, job, _: queue.lost(db, job.id),
    "back": lambda db, job, _: job.state is State.RENDERING and queue.give_back(db, job.id),
    "die": lambda db, job, _: job.state is State.RENDERING and queue.died(db, job.id, NOW),
    "told": lambda db, job, _: job.state in TOLD and queue.told(db, job.id, NOW),
}
TOLD = (State.RENDERED, State.FAILED, State.CANCELLED, State.QUARANTINED)
STEPS = st.lists(st.tuples(st.sampled_from(["admit", *ACTIONS]), st.integers(1, 6), st.integers(1, 40)), max_size=60)


def step(db: sqlite3.Connection, action: str, number: int, seconds: float) -> None:
    job = queue.get(db, number)
    if job is not None and action != "admit":
        ACTIONS[action](db, job, seconds)
    elif job is None and action == "admit":
        admit(db, number, seconds, user=1 + number % 2, guild=[None, 2, 3][number % 3])


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_the_gauges_hold_what_the_jobs_are_charged(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happens to jobs, as long as nothing leaks: no second is lost, none counted twice."""
    with contextlib.closing(connect(Path(":memory:"))) as db:
        for action, number, seconds in steps:
            step(db, action, number, float(seconds))
        for name, level in levels(db).items():
            guild, user = re.fullmatch(r"(?:g(\d+))?/?(?:u(\d+))?", name).groups()  # type: ignore[union-attr]
            sql = "SELECT total(charged) FROM jobs WHERE user_id = ifnull(?, user_id) AND (? IS NULL OR guild_id = ?)"
            assert level == pytest.approx(db.execute(sql, (user, guild, guild)).fetchone()[0])


@pytest.mark.parametrize(
    ("characters", "options", "seconds"),
    [
        (150, Options(), 10.0),
        (3, Options(), 1.0),
        (150, Options(takes=3), 30.0),
        (1500, Options(max_seconds=20.0, takes=2), 40.0),
    ],
)
def test_how_much_audio_a_text_is_thought_to_become(characters: int, options: Options, seconds: float) -> None:
    assert meters.estimate(characters, options) == seconds
