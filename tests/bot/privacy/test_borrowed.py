"""Member voices in what is forgotten: they end at once, their messages are still found, and nobody is named meanwhile."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import audit
from bot.consent import revoke
from bot.flow import queue
from bot.moderation.rules import SHOWN_FOR
from bot.privacy import servers
from bot.privacy.erase import erase
from bot.privacy.keep import DAY, HOUR, Keep
from bot.privacy.retention import sweep
from bot.store import connect
from tests.bot.privacy.people import ALICE, BOB, KENNEL, NOW, fill, jobs_of, mentions, name_of

KEEP = Keep()
TABLES = ("ceremonies", "member_voices", "grants", "job_voices", "voice_posts")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(tmp_path / "db.sqlite3")) as connection:
        fill(connection, tmp_path)
        yield connection


def counts(db: sqlite3.Connection) -> list[int]:
    return [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]


def doomed(db: sqlite3.Connection) -> list[int]:
    return [row["message_id"] for row in db.execute("SELECT message_id FROM voice_posts WHERE doomed = 1 ORDER BY 1")]


def delete_doomed(db: sqlite3.Connection) -> None:
    db.execute("UPDATE voice_posts SET gone_at = ? WHERE doomed = 1", (NOW,))


def test_with_a_person_their_voice_ends_and_its_messages_are_still_found(db: sqlite3.Connection) -> None:
    hers, lent = jobs_of(ALICE)["voiced"], jobs_of(BOB)["lent"]
    erased = erase(db, ALICE, NOW + 1, KEEP)
    assert [(ended.voice.user_id, ended.over) for ended in erased.ended] == [(ALICE, True), (BOB, False)]
    assert doomed(db) == [hers, lent]
    assert [row["voice"] for row in db.execute("SELECT voice FROM voice_keys")] == [2]
    assert not mentions(db, ALICE).keys() & {*TABLES, "subjects"}
    names = db.execute("SELECT user_id > 0 AS known, name FROM member_voices ORDER BY id").fetchall()
    assert [tuple(row) for row in names] == [(0, ""), (1, name_of(BOB))]
    sweep(db, NOW + DAY, KEEP)
    assert doomed(db) == [hers, lent]  # Discord does not take the deletion yet
    delete_doomed(db)
    sweep(db, NOW + DAY, KEEP)  # the other's request stays until its time is over: it refers to the voice
    assert db.execute("SELECT count(*) FROM jobs WHERE id = ?", (hers,)).fetchone()[0] == 0
    sweep(db, NOW + 31 * DAY, KEEP)
    assert counts(db) == [
        1,
        1,
        1,
        2,
        2,
    ]  # his voice, what was posted with it, and by what right: all of it nobody's but his


@pytest.mark.parametrize("how", ["person", "server"])
def test_what_a_voice_was_called_is_in_nobodys_requests(db: sqlite3.Connection, how: str) -> None:
    """By the name of its member."""

    def named() -> int:
        sql = "SELECT count(*) FROM jobs WHERE voice = :name OR instr(options, :name)"
        return db.execute(sql, {"name": name_of(ALICE)}).fetchone()[0]

    db.execute("UPDATE jobs SET guild_id = NULL WHERE id = ?", (jobs_of(ALICE)["voiced"],))
    assert named() == 2
    if how == "person":
        erase(db, ALICE, NOW + 1, KEEP)
        row = db.execute(
            "SELECT voice, options ->> '$.cast.Ann' FROM jobs WHERE id = ?", (jobs_of(BOB)["lent"],)
        ).fetchone()
        assert tuple(row) == ("?", "?")
    else:
        servers.delete(db, KENNEL, NOW)
    assert named() == 0


def test_who_used_a_voice_is_forgotten_and_its_owner_can_still_have_it_deleted(db: sqlite3.Connection) -> None:
    lent = jobs_of(ALICE)["lent"]
    erase(db, ALICE, NOW + 1, KEEP)
    delete_doomed(db)
    sweep(db, NOW + DAY, KEEP)
    row = db.execute("SELECT user_id, text, token, flow FROM jobs WHERE id = ?", (lent,)).fetchone()
    assert tuple(row) == (-lent, "", None, "")
    assert revoke.of_user(db, BOB, NOW + DAY) is not None
    assert doomed(db) == [lent, jobs_of(BOB)["voiced"], jobs_of(BOB)["lent"]]
    delete_doomed(db)
    sweep(db, NOW + DAY, KEEP)
    assert db.execute("SELECT 1 FROM jobs WHERE id = ?", (lent,)).fetchone() is None


def test_what_was_under_way_with_a_voice_is_nobodys_once_it_has_ended(db: sqlite3.Connection) -> None:
    job = jobs_of(ALICE)["queued"]
    db.execute("INSERT INTO job_voices SELECT ?, id, NULL FROM member_voices WHERE user_id = ?", (job, BOB))
    erase(db, ALICE, NOW + 1, KEEP)
    assert queue.told(db, job, NOW + 2)
    sweep(db, NOW + 3, KEEP)
    assert db.execute("SELECT user_id FROM jobs WHERE id = ?", (job,)).fetchone()["user_id"] == -job
    sweep(db, NOW + DAY, KEEP)
    assert queue.get(db, job) is None


def test_a_request_whose_time_is_over_is_nobodys_as_long_as_a_voice_needs_it(db: sqlite3.Connection) -> None:
    voiced = [jobs[name] for jobs in map(jobs_of, (ALICE, BOB)) for name in ("voiced", "lent")]
    sweep(db, NOW + 31 * DAY, KEEP)
    owners = [row["user_id"] for row in db.execute("SELECT user_id FROM jobs WHERE id IN (SELECT job FROM job_voices)")]
    assert owners == [-job for job in voiced]
    revoke.overdue(db, NOW + 90 * DAY)  # by its term: what was posted stays, and is no longer kept in mind
    sweep(db, NOW + 90 * DAY, KEEP)
    assert counts(db) == [2, 2, 2, 0, 0]


def test_the_record_of_a_consent_goes_a_year_after_its_end(db: sqlite3.Connection) -> None:
    end = NOW + 90 * DAY
    revoke.overdue(db, end)
    sweep(db, end + 365 * DAY - 1, KEEP)
    assert counts(db)[:3] == [2, 2, 2]
    sweep(db, end + 365 * DAY, KEEP)
    assert counts(db) == [0] * 5


def test_ceremonies_that_came_to_nothing_go_after_a_month(db: sqlite3.Connection) -> None:
    for early, left in ((1, 4), (0, 2)):
        sweep(db, NOW + 30 * DAY - early, KEEP)
        assert counts(db)[0] == left


def test_a_servers_voices_end_with_it_and_go(db: sqlite3.Connection) -> None:
    erased = servers.delete(db, KENNEL, NOW)
    assert [(ended.voice.user_id, ended.over) for ended in erased.ended] == [(ALICE, True), (BOB, True)]
    sweep(db, NOW, KEEP)
    assert counts(db) == [0] * 5


@pytest.mark.parametrize("state", ["challenged", "hearing"])
def test_no_voice_comes_of_what_is_being_heard(db: sqlite3.Connection, state: str) -> None:
    db.execute(
        "UPDATE ceremonies SET state = ?, challenge_id = 1, answer_id = 2 WHERE user_id = ? AND state = 'offered'",
        (state, ALICE),
    )
    erase(db, ALICE, NOW + 1, KEEP)
    assert db.execute("SELECT 1 FROM ceremonies WHERE state = ?", (state,)).fetchone() is None


def test_the_audit_log_is_whole_and_nobodys(db: sqlite3.Connection) -> None:
    known = audit.known_as(db, ALICE)
    erase(db, ALICE, NOW + 1, KEEP)
    assert audit.known_as(db, ALICE) is None
    rows = db.execute("SELECT count(*) FROM audit WHERE subject = ?", (known,)).fetchone()[0]
    assert rows > 0
    assert audit.verify(db).broken is None
    assert audit.pseudonym(db, ALICE) != known


@pytest.mark.parametrize(
    ("table", "span"), [("complaints", 365 * DAY), ("made", 365 * DAY), ("questions", SHOWN_FOR), ("bans", HOUR)]
)
def test_moderations_rows_go_in_their_time(db: sqlite3.Connection, table: str, span: float) -> None:
    db.execute("UPDATE bans SET until = ?", (NOW + HOUR,))
    for early in (1, 0):
        sweep(db, NOW + span - early, KEEP)
        assert (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0) == bool(early)
