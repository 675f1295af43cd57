"""The audit log: a chain that only grows, and in which nobody stands by name."""

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import audit
from bot.store import connect

ALICE, MODERATOR = 4001, 4002


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "db.sqlite3")
    yield connection
    connection.close()


def filled(db: sqlite3.Connection, count: int = 5) -> sqlite3.Connection:
    for number in range(count):
        audit.write(db, 1000.0 + number, "ban", subject=ALICE, by=MODERATOR, until=2000 + number)
    return db


def tampered(db: sqlite3.Connection, sql: str) -> None:
    """What somebody with the file in their hands can do."""
    for trigger in ("audit_goes_on", "audit_stays", "audit_is_kept"):
        db.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    db.execute(sql)


def test_an_empty_log_is_whole(db: sqlite3.Connection) -> None:
    assert audit.verify(db) == audit.Verdict(head=audit.Head())
    assert audit.head(db).hash == "0" * 64


def test_a_row_says_what_was_done_and_follows_the_last(db: sqlite3.Connection) -> None:
    first = audit.write(db, 10, "halt", feature="sing", guild=77, until=None)
    second = audit.write(db, 11.5, "resume", guild=77)
    rows = list(audit.rows(db))
    assert [row.kind for row in rows] == ["halt", "resume"]
    assert json.loads(rows[0].details) == {"feature": "sing", "guild": 77}
    assert (rows[0].before, rows[1].before) == ("0" * 64, first.hash)
    assert audit.head(db) == second == audit.verify(db).head
    assert [row.seq for row in audit.rows(db, since=11)] == [2]
    assert [row.seq for row in audit.last(db, 1)] == [2]


def test_a_hash_can_be_computed_by_anybody(db: sqlite3.Connection) -> None:
    """As docs/moderation.md says it: SHA-256 of a JSON list."""
    audit.write(db, 10, "halt", guild=77)
    row = next(audit.rows(db))
    said = '[1,10.0,"halt",null,"{\\"guild\\":77}","' + "0" * 64 + '"]'
    assert row.hash == hashlib.sha256(said.encode()).hexdigest()


@pytest.mark.parametrize(
    "sql", ["UPDATE audit SET kind = 'unban' WHERE seq = 2", "DELETE FROM audit WHERE seq = 5", "DELETE FROM audit"]
)
def test_the_database_lets_it_only_grow(db: sqlite3.Connection, sql: str) -> None:
    filled(db)
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        db.execute(sql)


@pytest.mark.parametrize(
    "values",
    [
        {"seq": 5},  # in the place of another
        {"seq": 7},  # with a gap
        {"seq": 6, "before": "1" * 64},  # bound to nothing
        {"seq": 6, "details": "no json"},
    ],
)
def test_the_database_takes_only_what_goes_on(db: sqlite3.Connection, values: dict[str, Any]) -> None:
    filled(db)
    row = {"at": 1.0, "kind": "ban", "details": "{}", "before": audit.head(db).hash, "hash": "a" * 64, **values}
    sql = f"INSERT OR REPLACE INTO audit ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(sql, row)
    assert audit.verify(db).broken is None


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE audit SET at = 1 WHERE seq = 3", 3),
        ("UPDATE audit SET kind = 'unban' WHERE seq = 3", 3),
        ("UPDATE audit SET subject = NULL WHERE seq = 3", 3),
        ("UPDATE audit SET details = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET hash = before WHERE seq = 3", 3),
        ("UPDATE audit SET before = hash WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 4),
        ("DELETE FROM audit WHERE seq = 1", 2),
    ],
)
def test_each_change_behind_its_back_is_found(db: sqlite3.Connection, sql: str, broken: int) -> None:
    tampered(filled(db), sql)
    assert audit.verify(db).broken == broken


def test_an_end_that_was_cut_off_is_found_only_by_who_has_seen_a_head(db: sqlite3.Connection) -> None:
    posted = audit.head(filled(db))
    tampered(db, "DELETE FROM audit WHERE seq > 3")
    assert audit.verify(db).broken is None
    assert audit.verify(db, posted=posted).broken == 4


def test_a_log_written_anew_does_not_go_through_a_posted_head(db: sqlite3.Connection, tmp_path: Path) -> None:
    posted = audit.head(filled(db))
    other = connect(tmp_path / "other.sqlite3")
    filled(other, 7)  # the same deeds; other keys, so other pseudonyms
    assert audit.verify(other).broken is None
    assert audit.verify(other, posted=posted).broken == 5
    assert audit.verify(db, posted=posted) == audit.verify(db)
    other.close()


def test_people_stand_in_it_under_one_pseudonym_each(db: sqlite3.Connection) -> None:
    filled(db, 2)
    rows = list(audit.rows(db))
    alice, moderator = audit.known_as(db, ALICE), audit.known_as(db, MODERATOR)
    assert {row.subject for row in rows} == {alice}
    assert {json.loads(row.details)["by"] for row in rows} == {moderator}
    assert alice != moderator
    assert audit.known_as(db, 4003) is None
    everything = json.dumps([dataclasses.astuple(row) for row in rows])
    assert str(ALICE) not in everything
    assert str(MODERATOR) not in everything


def test_a_pseudonym_tells_nothing_without_its_key(db: sqlite3.Connection) -> None:
    """Ids are few enough to be tried one by one: a bare hash would give them away."""
    subject = audit.pseudonym(db, ALICE)
    assert subject not in {hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000, 4010)}


def test_who_is_forgotten_cannot_be_found_and_the_chain_stays_whole(db: sqlite3.Connection) -> None:
    head = audit.head(filled(db))
    before = audit.known_as(db, ALICE)
    assert audit.forget(db, ALICE)
    assert not audit.forget(db, ALICE)
    assert audit.known_as(db, ALICE) is None
    assert audit.pseudonym(db, ALICE) != before  # whoever comes back is somebody else
    assert audit.verify(db) == audit.Verdict(head=head)


@pytest.mark.parametrize("fact", ["two words", "Alice!", "x" * 81, "line\n", "<@4001>", "Ännchen"])
def test_texts_are_nothing_for_it(db: sqlite3.Connection, fact: str) -> None:
    with pytest.raises(ValueError, match="plain word"):
        audit.write(db, 1, "ban", reason=fact)
    assert audit.head(db).seq == 0


@pytest.mark.parametrize("kind", ["", "Ban", "ban ", "a b", "ban\n", "-ban"])
def test_a_kind_is_a_plain_word(db: sqlite3.Connection, kind: str) -> None:
    with pytest.raises(ValueError, match="no kind"):
        audit.write(db, 1, kind)


@given(
    at=st.floats(min_value=0, max_value=1e11),
    facts=st.dictionaries(
        st.from_regex(r"[a-z]{1,9}", fullmatch=True),
        st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    ),
)
def test_what_was_hashed_is_what_comes_back(at: float, facts: dict[str, Any]) -> None:
    db = connect(Path(":memory:"))
    facts = {name: value for name, value in facts.items() if name not in {"now", "kind", "subject", "by", "db"}}
    audit.write(db, at, "ban", **facts)
    assert audit.verify(db).broken is None
    assert json.loads(next(audit.rows(db)).details) == facts
    db.close()
