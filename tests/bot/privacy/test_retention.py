"""The timer: each thing goes when its time is over and not a moment before. The clock is a number."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.flow import queue
from bot.flow.job import TOKEN_LIFE, State
from bot.privacy import servers
from bot.privacy.erase import Erased
from bot.privacy.keep import DAY, HOUR, Keep
from bot.privacy.retention import Retention, Swept, sweep
from bot.store import Store, connect
from tests.bot.privacy.disk import on_disk
from tests.bot.privacy.people import ALICE, ELSEWHERE, HELLO, KENNEL, NOW, fill, jobs_of, mentions
from tests.bot.rows import insert_in_state

KEEP = Keep()
FAR = 1000 * DAY
# tables that may be looked through: they hold little, or what is due soon
SMALL = {"meters", "servers", "erasures", "turns", "reports", "clips", "e", "bans", "complaints", "questions"} | {
    "member_voices",
    "grants",
    "ceremonies",
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(tmp_path / "db.sqlite3")) as connection:
        yield connection


def answered(db: sqlite3.Connection, job: int = 1, told: float = NOW, **values: object) -> None:
    insert_in_state(db, State.ANSWERED, job, **{"token": None, "received_at": told, **values})
    db.execute("UPDATE jobs SET told_at = ?, token = NULL WHERE id = ?", (told, job))


def count(db: sqlite3.Connection, table: str) -> int:
    return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def moment(db: sqlite3.Connection, length: float) -> Iterator[None]:
    """Twice: a moment before something's time is over, and when it is."""
    sweep(db, NOW + length - 1, KEEP)
    yield
    sweep(db, NOW + length, KEEP)
    yield


def test_texts_and_names_go_after_a_day(db: sqlite3.Connection) -> None:
    cast = json.dumps({"cast": {"Ann": "announcer"}, "takes": 2})
    answered(db, options=cast)
    insert_in_state(db, State.REFUSED, 2, text="", options=cast)  # a refused text is never written down; its names are
    db.execute("UPDATE jobs SET told_at = ? WHERE id = 2", (NOW,))
    for _ in (times := moment(db, 24 * HOUR)):
        job = queue.get(db, 1)
        assert job is not None
        assert (job.text, job.options.cast) == ("hello", {"Ann": "announcer"})
        next(times)
        for number in (1, 2):
            job = queue.get(db, number)
            assert job is not None
            assert (job.text, job.options.cast, job.options.takes) == ("", {}, 2)


def test_the_facts_of_a_job_go_after_a_month_with_the_flow_that_nobody_is_in(db: sqlite3.Connection) -> None:
    answered(db)
    answered(db, 2, told=NOW + DAY, flow="g2/u8", user_id=8)
    db.execute("INSERT INTO flows (flow) VALUES (''), ('g2'), ('g2/u1'), ('g2/u8'), ('u1'), ('u1/u1')")
    for _ in (times := moment(db, 30 * DAY)):
        assert count(db, "jobs") == 2
        assert count(db, "flows") == 6
        next(times)
        assert [row["id"] for row in db.execute("SELECT id FROM jobs")] == [2]
        assert [row["flow"] for row in db.execute("SELECT flow FROM flows ORDER BY flow")] == ["", "g2", "g2/u8"]


@pytest.mark.parametrize("state", [State.QUEUED, State.RENDERING, State.RENDERED, State.FAILED])
def test_what_nobody_was_told_of_stays_with_its_text(db: sqlite3.Connection, state: State) -> None:
    insert_in_state(db, state)
    sweep(db, FAR, KEEP)
    job = queue.get(db, 1)
    assert job is not None
    assert (job.text, job.token) == ("hello", None)


def test_a_token_goes_when_discord_no_longer_takes_it(db: sqlite3.Connection) -> None:
    insert_in_state(db, State.QUEUED, received_at=NOW)
    for _ in (times := moment(db, TOKEN_LIFE)):
        assert db.execute("SELECT token FROM jobs").fetchone()[0] == "token"
        next(times)
        assert db.execute("SELECT token FROM jobs").fetchone()[0] is None


def test_reports_go_after_a_year_and_hold_their_job_till_then(db: sqlite3.Connection) -> None:
    answered(db)
    db.execute("INSERT INTO reports VALUES (1, 5, ?)", (NOW,))
    for _ in (times := moment(db, 365 * DAY)):
        assert (count(db, "reports"), count(db, "jobs")) == (1, 1)
        next(times)
        assert (count(db, "reports"), count(db, "jobs")) == (0, 0)


def test_what_a_clip_or_an_open_turn_needs_stays(db: sqlite3.Connection) -> None:
    for job in (1, 2, 3):
        answered(db, job)
    db.execute("INSERT INTO clips VALUES (1, 1, 'p', 9e9)")
    turn = (
        "INSERT INTO turns (guild_id, channel_id, text_id, user_id, job, state, added_at) VALUES (2, 1, 1, 1, ?, ?, ?)"
    )
    db.execute(turn, (2, "waiting", NOW))
    db.execute(turn, (3, "played", NOW))
    for _ in (times := moment(db, 24 * HOUR)):
        assert count(db, "turns") == 2
        next(times)
        assert count(db, "turns") == 1
    sweep(db, FAR, KEEP)
    assert [row["id"] for row in db.execute("SELECT id FROM jobs")] == [1, 2]


def test_gauges_go_when_they_must_be_empty(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO meters VALUES ('u1', 5.0, ?)", (NOW,))
    for _ in (times := moment(db, DAY)):
        assert count(db, "meters") == 1
        next(times)
        assert count(db, "meters") == 0


async def test_a_servers_data_goes_a_week_after_the_bot_was_removed(tmp_path: Path) -> None:
    store, told, clock = Store.open(tmp_path / "db.sqlite3"), [], [NOW]
    await store.call(fill, tmp_path)
    audio = tmp_path / f"{jobs_of(ALICE)['answered']}.ogg"
    audio.write_bytes(b"sound")
    audio.with_suffix(".npz").write_bytes(b"tokens")

    async def forgotten(guild: int, erased: Erased) -> None:
        told.append(guild)
        assert audio in erased.files

    there = servers.Servers(store=store, clock=lambda: clock[0])
    keep = Keep(text=FAR, jobs=FAR)
    retention = Retention(store=store, clock=lambda: clock[0], keep=keep, forgotten=forgotten)
    await there.left(KENNEL)
    clock[0] += 3 * DAY
    await there.left(KENNEL)  # once more, also by being no longer listed: the first time counts
    await there.listed([999])
    clock[0] += 4 * DAY - 1
    await retention.round()
    assert (told, audio.exists()) == ([], True)
    clock[0] += 1
    await retention.round()
    assert (told, audio.exists(), audio.with_suffix(".npz").exists()) == ([KENNEL], False, False)
    assert (await store.call(mentions, KENNEL)).keys() == {"audit"}
    assert await retention.round() == Swept(rows=0, guilds={})
    store.close()


@pytest.mark.parametrize("again", ["joined", "listed"])
async def test_a_server_that_comes_back_in_time_keeps_everything(tmp_path: Path, again: str) -> None:
    store, clock = Store.open(tmp_path / "db.sqlite3"), [NOW]
    await store.call(fill, tmp_path)
    there = servers.Servers(store=store, clock=lambda: clock[0])
    await there.listed([KENNEL, ELSEWHERE])
    await there.left(KENNEL)
    clock[0] += 6 * DAY
    await (there.joined(KENNEL) if again == "joined" else there.listed([KENNEL]))
    assert (await store.call(sweep, NOW + 12 * DAY, KEEP)).guilds == {}
    assert await store.call(servers.gone, FAR) == ([] if again == "joined" else [ELSEWHERE])
    store.close()


def test_a_server_where_somebody_brought_the_bot_along_was_never_left(db: sqlite3.Connection) -> None:
    answered(db, guild_id=77)
    servers.listed(db, frozenset({KENNEL}), NOW)
    assert servers.gone(db, FAR) == []


async def test_what_went_is_not_in_the_files_either(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "db.sqlite3")
    await store.call(fill, tmp_path)
    assert on_disk(tmp_path, HELLO[ALICE]) != []
    clock = NOW + 25 * HOUR

    async def forgotten(_guild: int, _erased: Erased) -> None:
        raise AssertionError

    retention = Retention(store=store, clock=lambda: clock, keep=KEEP, forgotten=forgotten)
    await store.call(lambda db: db.execute("UPDATE jobs SET told_at = ? WHERE state = 'queued'", (None,)))
    await store.call(lambda db: [queue.cancel(db, jobs["queued"], NOW, told=True) for jobs in map(jobs_of, (ALICE,))])
    await store.call(queue.told, jobs_of(ALICE)["rendered"], NOW)
    await retention.round()
    assert on_disk(tmp_path, HELLO[ALICE]) == []
    store.close()


def test_the_timer_looks_at_what_is_due_not_at_everything(db: sqlite3.Connection) -> None:
    """Every few minutes, however much is kept."""
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    sweep(db, NOW, KEEP)
    db.set_trace_callback(None)
    scans = set()
    for statement in {sql for sql in asked if sql.startswith(("SELECT", "UPDATE", "DELETE"))}:
        plan = [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        scans |= {step for step in plan if step.startswith("SCAN") and "INDEX" not in step}
    assert {step.split()[1] for step in scans} <= SMALL
