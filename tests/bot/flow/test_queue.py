"""Order, fairness and each step of a job, on a real SQLite file."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.flow import queue
from bot.flow.job import State
from bot.store import connect
from tests.bot.rows import a_row, insert_in_state


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "db.sqlite3")
    yield connection
    connection.close()


def ask(db: sqlite3.Connection, job: int, user: int, guild: int | None = 1, estimate: float = 10.0) -> None:
    flow = queue.flow_of(guild, user)
    db.execute(a_row(job, user_id=user, guild_id=guild, flow=flow, estimate=estimate))
    assert queue.accept(db, job, now=float(job))


def finish(db: sqlite3.Connection, took: float | None = None) -> int:
    job = queue.claim(db, "life", now=1000.0)
    assert job is not None
    took = job.estimate if took is None else took
    assert queue.rendered(db, job, path="p", voice="v", seconds=1.0, took=took, cost=took, model="m", now=1001.0)
    return job.id


def test_one_person_is_served_in_the_order_of_asking(db: sqlite3.Connection) -> None:
    for job in (3, 1, 2):
        ask(db, job, user=1)
    assert [finish(db) for _ in range(3)] == [1, 2, 3]
    assert queue.claim(db, "life", 0.0) is None


def test_a_flood_does_not_delay_the_others(db: sqlite3.Connection) -> None:
    """One user asks for 50, then nine ask for one each: all nine are done before the flooder's third."""
    for job in range(50):
        ask(db, job + 1, user=1)
    finish(db)
    for user in range(2, 11):
        ask(db, 100 + user, user=user)
    first_ten = [finish(db) for _ in range(10)]
    assert sum(job >= 100 for job in first_ten) == 9


def test_servers_share_before_members_do(db: sqlite3.Connection) -> None:
    """A server with ten busy members gets no more than a server with one."""
    for user in range(10):
        for turn in range(3):
            ask(db, 1 + user * 3 + turn, user=user, guild=1)
    for job in range(100, 110):
        ask(db, job, user=77, guild=2)
    done = [finish(db) for _ in range(10)]
    assert sum(job >= 100 for job in done) == 5


def test_a_flow_pays_for_what_its_work_really_took(db: sqlite3.Connection) -> None:
    for job in (1, 2, 3, 4):
        ask(db, job, user=1, guild=1)
    for job in (11, 12, 13, 14):
        ask(db, job, user=2, guild=2)
    first = finish(db, took=30.0)
    assert first == 1
    assert [finish(db) for _ in range(4)] == [11, 12, 13, 2]


def test_being_away_earns_nothing(db: sqlite3.Connection) -> None:
    """A member who comes back after a long time does not get all the turns that were missed."""
    for job in range(1, 21):
        ask(db, job, user=1)
    ask(db, 100, user=2)
    for _ in range(15):
        finish(db)
    for job in range(101, 111):
        ask(db, job, user=2)
    done = [finish(db) for _ in range(6)]
    assert sum(job > 100 for job in done) == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.floats(0.5, 30)), min_size=1, max_size=25), st.data()
)
def test_the_shown_line_is_the_order_of_claims(
    tmp_path_factory: pytest.TempPathFactory, asks: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    with contextlib.closing(connect(tmp_path_factory.mktemp("queue") / "db.sqlite3")) as db:
        for number, (guild, user, estimate) in enumerate(asks):
            ask(db, number + 1, user=user, guild=guild or None, estimate=estimate)
            if data.draw(st.booleans()) and number % 3 == 0:
                finish(db)
        shown = [job.id for job in queue.line(db)]
        assert shown == [finish(db) for _ in shown]


def test_a_replayed_event_changes_nothing(db: sqlite3.Connection) -> None:
    row = {
        "id": 9,
        "application_id": 1,
        "token": "t",
        "user_id": 1,
        "guild_id": None,
        "channel_id": 1,
        "size_limit": 1,
        "text": "a",
        "voice": None,
        "seed": 1,
        "flow": "u1/u1",
        "estimate": 1.0,
        "received_at": 0.0,
        "state": "received",
    }
    assert queue.insert(db, **row)
    assert not queue.insert(db, **{**row, "text": "b"})
    job = queue.get(db, 9)
    assert job is not None
    assert job.text == "a"


def test_what_a_killed_bot_left_rendering_goes_again_and_received_is_reported(db: sqlite3.Connection) -> None:
    ask(db, 1, user=1)
    queue.claim(db, "an earlier life", 0.0)
    insert_in_state(db, "received", job=2)
    assert [job.id for job in queue.recover(db, now=5.0)] == [2]
    job = queue.claim(db, "this life", 6.0)
    assert job is not None
    assert (job.id, job.deaths, job.restarts) == (1, 0, 1)


def test_a_job_that_kills_three_times_is_put_aside(db: sqlite3.Connection) -> None:
    ask(db, 1, user=1)
    for expected in (State.QUEUED, State.QUEUED, State.QUARANTINED):
        assert queue.claim(db, "life", 0.0) is not None
        assert queue.died(db, 1, now=7.0) is expected
    assert queue.claim(db, "life", 0.0) is None
    assert [job.id for job in queue.outbox(db)] == [1]


def test_work_that_was_not_finished_is_not_charged(db: sqlite3.Connection) -> None:
    ask(db, 1, user=1)
    before = dict(db.execute("SELECT flow, served FROM flows").fetchall())
    for end in (lambda: queue.died(db, 1, 0.0), lambda: queue.give_back(db, 1)):
        queue.claim(db, "life", 0.0)
        end()
        assert dict(db.execute("SELECT flow, served FROM flows").fetchall()) == before


def test_an_outcome_leaves_the_outbox_only_when_told(db: sqlite3.Connection) -> None:
    ask(db, 1, user=1)
    finish(db)
    assert [job.id for job in queue.outbox(db)] == [1]
    queue.told(db, 1, now=50.0)
    assert queue.outbox(db) == []
    job = queue.get(db, 1)
    assert job is not None
    assert (job.state, job.told_at, job.token) == (State.ANSWERED, 50.0, None)


def test_a_cancelled_job_cannot_be_rendered_any_more(db: sqlite3.Connection) -> None:
    ask(db, 1, user=1)
    job = queue.claim(db, "life", 0.0)
    assert job is not None
    assert queue.cancel(db, 1, now=3.0, told=True)
    assert not queue.rendered(db, job, path="p", voice=None, seconds=1.0, took=1.0, cost=1.0, model="m", now=4.0)
    assert queue.outbox(db) == []


def test_audio_that_vanished_is_rendered_again(db: sqlite3.Connection) -> None:
    ask(db, 1, user=1)
    finish(db)
    queue.lost(db, 1)
    assert finish(db) == 1


def test_a_received_job_that_is_somebody_elses_is_forgotten(db: sqlite3.Connection) -> None:
    insert_in_state(db, "received", job=1)
    queue.drop(db, 1)
    assert queue.get(db, 1) is None
    insert_in_state(db, "queued", job=2)
    queue.drop(db, 2)
    assert queue.get(db, 2) is not None
