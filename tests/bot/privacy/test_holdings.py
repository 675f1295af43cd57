"""Every table is in the register, and the register is right: what a person wants deleted is nowhere afterwards."""

import contextlib
import io
import json
import random
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import texts
from bot.flow import queue
from bot.flow.job import State
from bot.moderation.herald import POSTED
from bot.privacy import servers
from bot.privacy.erase import erase, finish
from bot.privacy.export import archive, collect
from bot.privacy.holdings import HOLDINGS, NOT_ABOUT_ANYBODY
from bot.privacy.keep import Keep
from bot.privacy.office import held
from bot.store import connect, recall
from tests.bot.privacy.people import ALICE, BOB, ELSEWHERE, HELLO, KENNEL, NOW, fill, jobs_of, mentions, rows_of

KEEP = Keep()
# Where rows of one person name another
SHARED = {"turns", "favourites", "reports", "bans", "complaints", "ceremonies", "grants"}
# What a server does not take along
THEIRS = {"jobs", "voices", "favourites", "settings", "meters", "flows", "acceptances", "questions", "bans", "subjects"}
REGISTERED = {holding.table for holding in HOLDINGS}
# What a column is called that says who or where somebody is
PERSONAL = re.compile(r"user|guild|member|subject|owner|author|reporter|scope|flow|channel|^by$|^who$")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(tmp_path / "db.sqlite3")) as connection:
        yield connection


@pytest.fixture
def full(db: sqlite3.Connection, tmp_path: Path) -> sqlite3.Connection:
    fill(db, tmp_path)
    return db


def tables(db: sqlite3.Connection) -> set[str]:
    return {row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_every_table_is_in_the_register(db: sqlite3.Connection) -> None:
    assert tables(db) == REGISTERED | NOT_ABOUT_ANYBODY
    assert REGISTERED.isdisjoint(NOT_ABOUT_ANYBODY)


def test_what_is_said_to_be_about_nobody_names_nobody(db: sqlite3.Connection) -> None:
    named = {
        f"{table}.{row['name']}"
        for table in NOT_ABOUT_ANYBODY
        for row in db.execute(f"PRAGMA table_info({table})")
        if PERSONAL.search(row["name"])
    }
    assert named == {"servers.guild_id"}


def test_what_refers_to_others_is_deleted_before_them(db: sqlite3.Connection) -> None:
    """Else a deletion would be refused by the database."""
    order = [holding.table for holding in HOLDINGS]
    for table in tables(db) & REGISTERED:
        for key in db.execute(f"PRAGMA foreign_key_list({table})"):
            assert order.index(table) < order.index(key["table"])


def test_everything_is_deleted_or_has_a_reason_to_stay() -> None:
    assert all(bool(holding.erase) != bool(holding.stays) for holding in HOLDINGS)


def test_all_of_it_has_words() -> None:
    assert [holding.what for holding in HOLDINGS if holding.what not in texts.HELD] == []
    assert {holding.until for holding in HOLDINGS} == set(texts.HELD_UNTIL)
    assert {holding.stays for holding in HOLDINGS if holding.stays} == set(texts.HELD_STAYS)


def test_a_full_house_has_something_of_everybody(full: sqlite3.Connection) -> None:
    """So that the tests below can miss something."""
    by_their_job = {"clips", "made", "voice_posts"}
    assert REGISTERED - {"erasures"} == set(mentions(full, ALICE)) | by_their_job | {"audit"}
    assert {holding.what for holding, _ in held(full, ALICE)} == set(texts.HELD) - {"erasures"}


def test_it_is_shown_and_copied_for_its_person_alone(full: sqlite3.Connection) -> None:
    shown = {holding.what: count for holding, count in held(full, ALICE)}
    assert shown["texts"] == shown["jobs"] == len(jobs_of(ALICE))
    assert (shown["turns"], shown["favourites"], shown["flows"], shown["meters"]) == (2, 2, 3, 2)
    copy = collect(full, ALICE)
    assert {what: len(rows) for what, rows in copy.rows.items() if rows} == shown
    assert {row["text"] for row in copy.rows["texts"]} == {HELLO[ALICE]}
    packed = str(copy.rows)
    assert {what for what, rows in copy.rows.items() if str(BOB) in str(rows)} == {
        "grants",
        "ceremonies",
    }  # her choices
    assert "token" not in packed
    assert held(full, 999) == []


def test_what_was_deleted_is_nowhere_and_nobody_else_notices(full: sqlite3.Connection, tmp_path: Path) -> None:
    before, counts = (
        [row for row in rows_of(full, BOB) if row[0] not in SHARED and row[1] != jobs_of(BOB)["lent"]],
        mentions(full, BOB),
    )
    jobs = jobs_of(ALICE)
    erased = erase(full, ALICE, NOW + 1, KEEP)
    assert erased.cancelled == (jobs["queued"],)
    audio = {tmp_path / f"{job}.ogg" for name, job in jobs.items() if name != "queued"}
    assert set(erased.files) == audio
    assert erased.stays == ("reported", "bans", "audit", "meters", "erasures")
    assert mentions(full, ALICE) == {"jobs": 2, "meters": 2, "erasures": 1, "bans": 2}
    left = full.execute("SELECT * FROM jobs WHERE user_id = ? ORDER BY id", (ALICE,)).fetchall()
    assert [(row["id"], row["state"], row["text"]) for row in left] == [
        (jobs["queued"], State.CANCELLED, ""),  # its reply is to say so
        (jobs["reported"], State.ANSWERED, ""),  # and this one others reported
    ]
    assert "Ann" not in str([tuple(row) for row in left])
    assert full.execute("SELECT count(*) FROM reports WHERE user_id < 0").fetchone()[0] == 1  # hers, by nobody
    after = [row for row in rows_of(full, BOB) if row[0] not in SHARED and row[1] != jobs_of(BOB)["lent"]]
    assert after == before
    fewer = {"turns": 1, "favourites": 1, "ceremonies": 2, "grants": 1}  # hers that named him
    assert mentions(full, BOB) == {
        table: count - fewer.get(table, 0) for table, count in counts.items() if count != fewer.get(table)
    }
    assert [row["user_id"] for row in full.execute("SELECT user_id FROM favourites")] == [BOB]


def test_what_was_under_way_goes_when_it_has_ended(full: sqlite3.Connection) -> None:
    erase(full, ALICE, NOW + 1, KEEP)
    job = jobs_of(ALICE)["queued"]
    assert finish(full) == 0
    assert mentions(full, ALICE)["erasures"] == 1
    assert queue.told(full, job, NOW + 2)
    assert finish(full) == 1
    assert mentions(full, ALICE) == {"jobs": 1, "meters": 2, "bans": 2}
    assert queue.died(full, job, NOW) is State.CANCELLED  # the synth process was at it all the time


def test_what_came_after_the_wish_stays(full: sqlite3.Connection) -> None:
    erase(full, ALICE, NOW + 1, KEEP)
    new = {"token": None, "state": "refused", "reason": "x", "told_at": NOW + 3, "received_at": NOW + 3}
    old = dict(full.execute("SELECT * FROM jobs WHERE id = ?", (jobs_of(ALICE)["reported"],)).fetchone())
    assert queue.insert(full, **{**old, "id": 99, "path": None, "seconds": None, **new})
    queue.told(full, jobs_of(ALICE)["queued"], NOW + 2)
    assert finish(full) == 1
    assert queue.get(full, 99) is not None
    assert "erasures" not in mentions(full, ALICE)


def test_a_servers_data_is_deleted_and_nothing_elsewhere(full: sqlite3.Connection) -> None:
    erased = servers.delete(full, KENNEL, NOW)
    assert len(erased.files) == 10
    assert set(erased.cancelled) == {jobs_of(person)["queued"] for person in (ALICE, BOB)}
    assert mentions(full, KENNEL) == {"audit": 2}  # which only grows
    assert [ended.voice.user_id for ended in erased.ended] == [ALICE, BOB]
    assert full.execute("SELECT count(*) FROM voice_keys").fetchone()[0] == 0
    assert recall(full, POSTED) == {}
    assert recall(full, "read aloud") == {str(ELSEWHERE): 6}
    assert set(mentions(full, ELSEWHERE)) == {"settings", "meters", "servers", "facts"}
    for person in (ALICE, BOB):  # what is theirs, not the server's
        assert mentions(full, person).keys() == THEIRS
    assert [row["id"] for row in full.execute("SELECT id FROM jobs ORDER BY id")] == [
        jobs_of(ALICE)["dm"],
        jobs_of(BOB)["dm"],
    ]


def test_a_copy_keeps_to_its_size_and_says_what_is_missing(full: sqlite3.Connection) -> None:
    def broken() -> bytes:
        raise OSError

    copy, noise = collect(full, ALICE), random.Random(0).randbytes
    voices = [("voices/1.npz", lambda: noise(50_000)), ("voices/2.npz", lambda: noise(200)), ("voices/3.npz", broken)]
    packed = archive(copy, voices, user=ALICE, now=NOW, most=60_000)
    assert len(packed) < 60_000
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.namelist() == ["data.json", "voices/2.npz"]
        told = json.loads(file.read("data.json"))
    clip = f"clips/{jobs_of(ALICE)['answered']}.ogg"
    assert told["files_left_out"] == ["voices/1.npz", "voices/3.npz", clip]  # that file was never there
    assert told["made_at"] == "1970-01-12T13:46:40+00:00"
    assert told["kept"]["jobs"][0]["options"] == {"kind": "dialogue", "cast": {"Ann": "announcer"}}
