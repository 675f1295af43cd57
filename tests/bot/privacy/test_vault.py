"""The data key: what is sealed opens in its place only, with its key only, and is nowhere on the disk as it was."""

import base64
import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import sealing, vault
from bot.consent import rites
from bot.doctor import _data_key
from bot.errors import ConfigError, Exit
from bot.flow import queue, stage
from bot.flow.job import State
from bot.flow.options import Kind, Options
from bot.flow.script import tidy
from bot.moderation import complaints, rules
from bot.moderation.complaints import Complaint
from bot.moderation.rules import Held, Question
from bot.privacy.export import collect
from bot.sealing import COLUMNS, FACT
from bot.store import Store, connect
from bot.vault import MARK, Sealed, Vault, is_sealed
from tests.bot.privacy.disk import on_disk
from tests.bot.rows import DEFAULTS, insert_in_state

KEY, OTHER = b"k" * 32, b"o" * 32
CANARY = "canary in a coal mine"


@contextlib.contextmanager
def opened(path: Path, keys: Vault = vault.PLAIN) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(connect(path / "db.sqlite3", vault=keys)) as db:
        yield db


def insert(db: sqlite3.Connection, job: int = 1, text: str = CANARY) -> None:
    assert queue.insert(db, **{**DEFAULTS, "id": job, "text": text, "token": "token of an interaction"})


def raw(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path / "db.sqlite3")) as db:
        return [row[0] for row in db.execute("SELECT text FROM jobs ORDER BY id")]


@given(st.text(), st.binary())
def test_what_is_sealed_opens_as_it_was(text: str, content: bytes) -> None:
    keys = Vault(KEY)
    sealed = keys.seal(text, "here")
    assert is_sealed(sealed)
    assert keys.open(sealed, "here") == text
    assert keys.unwrap(keys.wrap(content, "here"), "here") == content
    assert sealed != keys.seal(text, "here")


@given(st.text(), st.sampled_from(Kind))
def test_nothing_that_is_typed_looks_sealed(text: str, kind: Kind) -> None:
    assert not is_sealed(tidy(MARK + text, kind))


@pytest.mark.parametrize("value", ["words", b"bytes"])
def test_it_opens_nowhere_else_with_no_other_key_and_not_when_changed(value: str | bytes) -> None:
    keys = Vault(KEY)
    sealed = keys.seal(value, "here")
    changed = sealed[:-5] + (b"A" if isinstance(sealed, bytes) else "A") * 5
    for strange, place, with_keys in ((sealed, "there", keys), (sealed, "here", Vault(OTHER)), (changed, "here", keys)):
        with pytest.raises(Sealed, match="BARKBOT_DATA_KEY"):
            with_keys.open(strange, place)
    assert Vault(OTHER, KEY).open(sealed, "here") == value


def test_no_two_tables_call_a_sealed_column_the_same_and_all_exist(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        for column, (table, key) in COLUMNS.items():
            assert {column, key} <= {row["name"] for row in db.execute(f"PRAGMA table_info({table})")}


def test_texts_are_sealed_when_written_and_open_when_read(tmp_path: Path) -> None:
    with opened(tmp_path, Vault(KEY)) as db:
        insert(db)
        job = queue.get(db, 1)
        assert job is not None
        assert (job.text, job.token) == (CANARY, "token of an interaction")
        queue.accept(db, 1, 1.0)
        claimed = queue.claim(db, "life", 1.0)
        assert claimed is not None
        assert claimed.text == CANARY
        assert [job.text for job in queue.line(db)] == [CANARY]
        stage.add(db, guild_id=2, channel_id=3, text_id=4, user_id=5, job=1, take=1, now=1.0)
        assert stage.line(db, 2)[0].job.text == CANARY
        assert on_disk(tmp_path, "token of an") == []
        length = "SELECT length(unsealed('jobs.text/' || id, text)) FROM jobs"
        assert db.execute(length).fetchone()[0] == len(CANARY)
        assert on_disk(tmp_path, CANARY) == []
    assert all(map(is_sealed, raw(tmp_path)))
    assert on_disk(tmp_path, CANARY) == []


def test_without_a_key_texts_stand_there_as_they_are(tmp_path: Path) -> None:
    """So the search of the disk above can find something."""
    with opened(tmp_path) as db:
        insert(db)
        assert on_disk(tmp_path, CANARY) == ["db.sqlite3-wal"]
    assert on_disk(tmp_path, CANARY) == ["db.sqlite3"]


def test_a_text_that_is_moved_to_another_job_does_not_open(tmp_path: Path) -> None:
    with opened(tmp_path, Vault(KEY)) as db:
        insert(db, 1)
        insert(db, 2, "another text")
        db.execute("UPDATE jobs SET text = (SELECT text FROM jobs WHERE id = 1) WHERE id = 2")
        with pytest.raises(Sealed):
            queue.get(db, 2)
        assert db.execute("SELECT sum(length(unsealed('jobs.text/' || id, text))) FROM jobs").fetchone()[0] > 0
    with pytest.raises(Sealed, match=r"jobs\.text/2"), opened(tmp_path, Vault(KEY)):
        pass


def test_a_key_that_comes_later_seals_what_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as db:
        for job in range(1, 40):
            insert(db, job)
        db.execute("DELETE FROM jobs WHERE id > 20")  # free pages hold texts, too
    with caplog.at_level(logging.INFO), opened(tmp_path, Vault(KEY)) as db:
        assert on_disk(tmp_path, CANARY) == []
        job = queue.get(db, 7)
        assert job is not None
        assert job.text == CANARY
    assert "40 texts and tokens are sealed" in caplog.text


@pytest.mark.parametrize("texts", [0, 1])
def test_without_the_key_or_with_another_it_does_not_start(tmp_path: Path, texts: int) -> None:
    """Also where no text is left: other things may be under the key."""
    with opened(tmp_path, Vault(KEY)) as db:
        for job in range(texts):
            insert(db, job)
    for keys in (vault.PLAIN, Vault(OTHER), Vault(OTHER, OTHER)):
        with pytest.raises(Sealed, match="Set BARKBOT_DATA_KEY to the key") as caught:
            Store.open(tmp_path / "db.sqlite3", vault=keys)
        assert caught.value.exit_code is Exit.STORE
    Store.open(tmp_path / "db.sqlite3", vault=Vault(KEY)).close()  # nothing was changed, and nothing is held


def test_the_key_is_changed_and_the_encryption_ended(tmp_path: Path) -> None:
    with opened(tmp_path, Vault(KEY)) as db:
        insert(db)
    with opened(tmp_path, Vault(OTHER, KEY)):
        pass
    with opened(tmp_path, Vault(OTHER)) as db:  # the one before is of no more use
        job = queue.get(db, 1)
        assert job is not None
        assert job.text == CANARY
        assert on_disk(tmp_path, CANARY) == []
    with opened(tmp_path, Vault(None, OTHER)) as db:
        assert db.execute("SELECT count(*) FROM facts WHERE name = ?", (FACT,)).fetchone()[0] == 0
    assert raw(tmp_path) == [CANARY]
    with opened(tmp_path):
        pass


def test_a_pass_that_is_broken_off_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, Vault(KEY)) as db:
        insert(db, 1)
        insert(db, 2)
        db.execute("UPDATE jobs SET text = (SELECT text FROM jobs WHERE id = 1) WHERE id = 2")
    before = raw(tmp_path)
    with pytest.raises(Sealed), opened(tmp_path, Vault(OTHER, KEY)):
        pass
    assert raw(tmp_path) == before


def test_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        insert_in_state(db, State.ANSWERED, text=CANARY)
        db.execute("UPDATE jobs SET text = ''")
    assert on_disk(tmp_path, CANARY) == []


def test_asks_that_wait_reports_and_keys_of_voices_are_sealed(tmp_path: Path) -> None:
    """Also under a new key; and what is read is open."""
    held = Held(text=CANARY, voice=None, seed=1, options=Options(), token="token of an interaction")
    report = Complaint(id=5, user_id=6, guild_id=7, target=None, words=CANARY)
    inner = os.urandom(32)
    with opened(tmp_path, Vault(KEY)) as db:
        rules.show(db, 4, Question(user_id=6, version="1-a", held=held), 1.0)
        assert complaints.add(db, report, 1.0)
        _voice(db)
        rites.keep_key(db, 1, inner)
        assert collect(db, 6).rows["questions"] == [{"id": 4, "version": "1-a", "at": 1.0, "held_text": CANARY}]
        assert on_disk(tmp_path, CANARY) == on_disk(tmp_path, "token of an") == []
        assert inner not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for keys in (Vault(OTHER, KEY), Vault(OTHER)):
        with opened(tmp_path, keys) as db:
            known = rules.question(db, 4, 2.0)
            assert known is not None
            assert known.held == held
            assert collect(db, 6).rows["complaints"][0]["words"] == CANARY
            assert rites.key_of(db, 1) == inner
            assert on_disk(tmp_path, CANARY) == []
            assert inner not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    with opened(tmp_path, Vault(None, OTHER)) as db:
        assert rites.key_of(db, 1) == inner
        assert on_disk(tmp_path, CANARY) != []  # so this search can find it


def _voice(db: sqlite3.Connection) -> None:
    columns = (
        "id, user_id, guild_id, name, locale, terms, wishes, state, made_at, agreed_at, words, challenge_id, answer_id"
    )
    db.execute(
        f"INSERT INTO ceremonies ({columns}) VALUES ('c', 6, 7, 'Ann', 'en', '1:x', '{{}}', 'done', 1, 1, 'a', 1, 2)"
    )
    columns = "id, user_id, guild_id, ceremony, name, made_at, until"
    db.execute(f"INSERT INTO member_voices ({columns}) VALUES (1, 6, 7, 'c', 'voice', 1, 2)")


def test_keys_of_other_parts_are_wrapped_like_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column of bytes in the register is sealed, opened and brought under a new key by the same few words."""
    monkeypatch.setitem(COLUMNS, "wrapped", ("secrets", "number"))
    inner = os.urandom(32)
    with opened(tmp_path, Vault(KEY)) as db:
        db.execute("CREATE TABLE secrets (number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT")
        db.execute("INSERT INTO secrets VALUES (1, sealed('secrets.wrapped/' || 1, ?))", (inner,))
        assert db.execute("SELECT * FROM secrets").fetchone()["wrapped"] == inner
    for keys in (Vault(OTHER, KEY), Vault(OTHER)):
        with opened(tmp_path, keys) as db:
            assert db.execute("SELECT * FROM secrets").fetchone()["wrapped"] == inner
            assert inner not in (tmp_path / "db.sqlite3").read_bytes()


@pytest.mark.parametrize("variable", ["BARKBOT_DATA_KEY", "BARKBOT_DATA_KEY_OLD"])
def test_keys_are_taken_out_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    text = base64.b64encode(KEY).decode()
    (tmp_path / "key").write_text(f"{text}\n")
    sealed = Vault(KEY).seal(CANARY, "here")
    for name, value in ((variable, text), (f"{variable}_FILE", str(tmp_path / "key"))):
        monkeypatch.setenv(name, value)
        keys = vault.take()
        assert name not in os.environ
        assert keys.open(sealed, "here") == CANARY
        assert keys.sealing == (variable == "BARKBOT_DATA_KEY")
    assert not vault.take().opening


@pytest.mark.parametrize("text", ["not base64 at all!", base64.b64encode(b"too short").decode(), "é"])
def test_something_that_is_no_key_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BARKBOT_DATA_KEY", text)
    with pytest.raises(ConfigError, match="32 bytes in base64") as caught:
        vault.take()
    assert text not in str(caught.value)
    monkeypatch.setenv("BARKBOT_DATA_KEY_FILE", "/nowhere/key")
    with pytest.raises(ConfigError, match="cannot be read"):
        vault.take()


async def test_the_doctor_says_whether_there_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "none; texts are on the disk as they are" in (await _data_key()).line()
    monkeypatch.setenv("BARKBOT_DATA_KEY", base64.b64encode(KEY).decode())
    assert "texts and kept voices are encrypted" in (await _data_key()).line()
    monkeypatch.setenv("BARKBOT_DATA_KEY", "wrong")
    assert (await _data_key()).good is False
    assert sealing.place("text", 5) == "jobs.text/5"
