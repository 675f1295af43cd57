"""The database guards what must always hold."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import StoreError, StoreLocked, StoreTooNew
from bot.flow import queue
from bot.schema import MIGRATIONS, STATES, TRANSITIONS
from bot.store import MEMORY, Store, connect, recall, remember
from tests.bot.rows import a_row, insert_in_state


def test_it_survives_the_loss_of_power(tmp_path: Path) -> None:
    db = connect(tmp_path / "db.sqlite3")
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    db.close()


def test_one_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    connect(Path(MEMORY)).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_only_drawn_transitions_happen(tmp_path: Path, before: str, after: str) -> None:
    db = connect(tmp_path / "db.sqlite3")
    insert_in_state(db, before)
    # every other guard is satisfied, so only the transition itself can be refused
    change = (
        "UPDATE jobs SET state = :after, lease = iif(:after = 'rendering', 'life', NULL), path = 'p', seconds = 1.0, reason = 'r',"
        " told_at = iif(:after IN ('received', 'queued', 'rendering', 'rendered'), NULL, 1.0)"
    )
    if before == after or (before, after) in TRANSITIONS:
        db.execute(change, {"after": after})
    else:
        with pytest.raises(sqlite3.IntegrityError, match="cannot change state"):
            db.execute(change, {"after": after})
    db.close()


@pytest.mark.parametrize("state", [state for state in STATES if state not in ("received", "refused")])
def test_a_job_begins_as_received_or_refused(tmp_path: Path, state: str) -> None:
    db = connect(tmp_path / "db.sqlite3")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(
            a_row(1, state=state, lease="x" if state == "rendering" else None, path="p", seconds=1.0, reason="r")
        )
    db.close()


def test_a_database_of_the_first_version_is_brought_up_to_date_with_its_jobs(tmp_path: Path) -> None:
    """There a life could render one job at a time."""
    old = connect(tmp_path / "db.sqlite3", MIGRATIONS[:1])
    insert_in_state(old, "queued", job=1)
    insert_in_state(old, "queued", job=2)
    old.execute("UPDATE jobs SET state = 'rendering', lease = 'life' WHERE id = 1")
    with pytest.raises(sqlite3.IntegrityError):
        old.execute("UPDATE jobs SET state = 'rendering', lease = 'life' WHERE id = 2")
    old.close()
    db = connect(tmp_path / "db.sqlite3")
    db.execute("UPDATE jobs SET state = 'rendering', lease = 'life' WHERE id = 2")
    assert [row["state"] for row in db.execute("SELECT state FROM jobs")] == ["rendering", "rendering"]
    db.close()


@pytest.mark.parametrize(
    "change",
    [
        "state = 'rendering'",
        "state = 'queued', lease = 'x'",
        "state = 'queued', told_at = 1.0",
        "seed = -1",
        "size_limit = 0",
    ],
)
def test_impossible_rows_are_refused(tmp_path: Path, change: str) -> None:
    db = connect(tmp_path / "db.sqlite3")
    insert_in_state(db, "queued")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(f"UPDATE jobs SET {change}")
    db.close()


def test_a_newer_schema_is_refused_with_words(tmp_path: Path) -> None:
    db = connect(tmp_path / "db.sqlite3")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(StoreTooNew, match="Update barkbot"):
        connect(tmp_path / "db.sqlite3")


def test_a_migration_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    clash = "CREATE TABLE extra (a INT); CREATE TABLE jobs (clash INT);"
    with pytest.raises(StoreError):
        connect(tmp_path / "db.sqlite3", (*MIGRATIONS, clash))
    db = connect(tmp_path / "db.sqlite3")
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone()[0] == 0
    db.close()


def test_a_damaged_file_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        connect(path)


def test_a_folder_that_cannot_be_used_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"store\.folder"):
        connect(tmp_path / "file" / "db.sqlite3")


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_refused_with_words(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"store\.folder"):
        Store.open(tmp_path / folder / "db.sqlite3")


def test_a_full_disk_at_the_start_is_not_called_damage(tmp_path: Path) -> None:
    """Whoever is told that the file is damaged throws away a good one."""
    migration = "PRAGMA max_page_count = 1; CREATE TABLE more (a TEXT) STRICT; CREATE TABLE again (a TEXT) STRICT;"
    connect(tmp_path / "db.sqlite3").close()
    with pytest.raises(StoreError, match="full") as raised:
        connect(tmp_path / "db.sqlite3", (*MIGRATIONS, migration))
    assert "damaged" not in str(raised.value)


async def test_a_commit_that_is_refused_leaves_the_store_usable(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")

    def promise(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE child (of TEXT REFERENCES facts (name) DEFERRABLE INITIALLY DEFERRED)")
        db.execute("INSERT INTO child VALUES ('nobody')")

    with pytest.raises(sqlite3.IntegrityError):
        await held.call(promise)
    await held.call(remember, "thing", 1)
    assert await held.call(recall, "thing") == 1
    held.close()


async def test_the_cost_of_a_new_job_does_not_grow_with_the_old_ones(tmp_path: Path) -> None:
    """What each accepted job asks of the table is answered by an index over the open ones."""
    db = connect(tmp_path / "db.sqlite3")
    asked = []
    db.set_trace_callback(asked.append)
    db.execute(a_row(1))
    queue.accept(db, 1, 1.0)
    queue.claim(db, "life", 1.0)
    db.set_trace_callback(None)
    for statement in {sql for sql in asked if sql.startswith(("SELECT", "UPDATE"))}:
        plan = [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], statement
    db.close()


def test_a_second_process_cannot_open_it(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")
    script = "import sys, pathlib; from bot.store import Store; Store.open(pathlib.Path(sys.argv[1]))"
    second = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "db.sqlite3")], capture_output=True, text=True, check=False
    )
    assert "StoreLocked" in second.stderr
    assert "store.folder" in second.stderr
    held.close()
    Store.open(tmp_path / "db.sqlite3").close()


async def test_a_call_is_finished_even_when_its_caller_is_cancelled(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")
    task = asyncio.ensure_future(held.call(remember, "thing", 1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await held.call(recall, "thing") == 1
    held.close()


@contextlib.contextmanager
def busy(store: Store) -> Iterator[list[str]]:
    """The thread that writes has its hands full until the end; what it has said to SQLite."""
    free, said = threading.Event(), []
    store._thread.submit(free.wait)
    store._connection.set_trace_callback(said.append)
    try:
        yield said
    finally:
        free.set()


async def test_calls_that_wait_together_share_one_commit(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")

    def half(db: sqlite3.Connection) -> None:
        remember(db, "b", 1)
        raise ValueError

    with busy(held) as said:
        waiting = [asyncio.ensure_future(held.call(remember, name, name)) for name in "ac"]
        waiting.insert(1, asyncio.ensure_future(held.call(half)))
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
    assert said.count("COMMIT") == 1
    assert [await held.call(recall, name) for name in "abc"] == ["a", None, "c"]
    held.close()


async def test_what_does_not_fit_on_the_disk_takes_nothing_with_it_that_does(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")
    pages = await held.call(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await held.call(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with busy(held):
        sizes = {"a": 1, "b": 100_000, "c": 1}
        waiting = [asyncio.ensure_future(held.call(remember, name, name * size)) for name, size in sizes.items()]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), sqlite3.OperationalError, type(None)]
    assert [await held.read(recall, name) for name in "abc"] == ["a", None, "c"]
    held.close()


async def test_nobody_stands_in_line_to_read_what_is_committed(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")
    await held.call(remember, "thing", 1)
    with busy(held):
        writing = asyncio.ensure_future(held.call(remember, "thing", 2))
        assert await held.read(recall, "thing") == 1
        assert not writing.done()
    await writing
    assert await held.read(recall, "thing") == 2
    with pytest.raises(sqlite3.ProgrammingError, match="it is for `call`"):
        await held.read(remember, "thing", 3)
    held.close()


async def test_a_failed_call_leaves_nothing_behind(tmp_path: Path) -> None:
    held = Store.open(tmp_path / "db.sqlite3")

    def half(db: sqlite3.Connection) -> None:
        remember(db, "thing", 1)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - raised by the line above
        await held.call(half)
    assert await held.call(recall, "thing", "nothing") == "nothing"
    held.close()


async def test_what_must_be_written_waits_until_the_disk_has_room(tmp_path: Path) -> None:
    """The full disk is SQLite's own page limit: the same error from the same place."""
    held = Store.open(tmp_path / "db.sqlite3", again=0.01)
    pages = await held.call(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await held.call(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await held.call(remember, "thing", "x" * 100_000)
    task = asyncio.ensure_future(held.insist(remember, "thing", "x" * 100_000))
    done, _ = await asyncio.wait({task}, timeout=0.1)
    assert not done
    await held.call(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
    await task
    assert len(await held.call(recall, "thing")) == 100_000
    held.close()


def test_two_locks_on_one_process_are_told_apart(tmp_path: Path) -> None:
    first = Store.open(tmp_path / "a" / "db.sqlite3")
    with pytest.raises(StoreLocked):
        Store.open(tmp_path / "a" / "db.sqlite3")
    Store.open(tmp_path / "b" / "db.sqlite3").close()
    first.close()
