"""What people and servers have set: typed, kept over restarts, and laid over each other."""

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.check import Limits
from bot.flow.options import Format
from bot.settings import Book, Feature, Liveliness, Mine, Server, parse
from bot.store import Store

ALICE, KENNEL = 1, 10
LIMITS = Limits(max_chars=1000, long_chars=4000, waiting_per_user=3, waiting_per_guild=20, max_wait=720.0)


@contextlib.asynccontextmanager
async def book_in(folder: Path) -> AsyncIterator[tuple[Book, Store]]:
    store = Store.open(folder / "db.sqlite3")
    book = Book(store=store, limits=LIMITS)
    try:
        await book.load()
        yield book, store
    finally:
        store.close()


def stored(scope: str) -> Any:
    return lambda db: json.loads(db.execute("SELECT value FROM settings WHERE scope = ?", (scope,)).fetchone()[0])


async def test_what_was_set_is_there_after_a_restart(tmp_path: Path) -> None:
    async with book_in(tmp_path) as (book, _):
        await book.change_mine(ALICE, voice="announcer", format=Format.MP3)
        await book.change_mine(ALICE, liveliness="lively", format=None)
        await book.change_server(KENNEL, channels=[5, 6], off=["sing"], sharing=False)
    async with book_in(tmp_path) as (book, _):
        assert book.mine(ALICE) == Mine(voice="announcer", liveliness=Liveliness.LIVELY)
        assert book.server(KENNEL) == Server(channels=(5, 6), off=(Feature.SING,), sharing=False)
        assert book.mine(2) == Mine()
        assert book.server(None) == Server()


async def test_what_a_newer_version_wrote_survives_a_change_by_this_one(tmp_path: Path) -> None:
    newer = {"voice": "announcer", "format": "opus2", "mood": {"of": "tomorrow"}}
    async with book_in(tmp_path) as (_, store):
        await store.call(lambda db: db.execute("INSERT INTO settings VALUES ('u1', ?)", (json.dumps(newer),)))
    async with book_in(tmp_path) as (book, store):
        assert book.mine(ALICE) == Mine(voice="announcer")
        await book.change_mine(ALICE, mention_late=False)
        assert await store.call(stored("u1")) == {**newer, "mention_late": False}


@pytest.mark.parametrize(
    "change", [{"format": "exe"}, {"liveliness": "mad"}, {"language": "xx"}, {"voice_message": "perhaps"}]
)
async def test_a_value_that_is_none_is_refused_and_nothing_written(tmp_path: Path, change: dict[str, Any]) -> None:
    async with book_in(tmp_path) as (book, store):
        with pytest.raises(pydantic.ValidationError):
            await book.change_mine(ALICE, **change)
        assert await store.call(lambda db: db.execute("SELECT count(*) FROM settings").fetchone()[0]) == 0


async def test_the_persons_come_first_then_the_servers_then_the_configurations(tmp_path: Path) -> None:
    async with book_in(tmp_path) as (book, _):
        plain = book.effective(ALICE, KENNEL)
        assert (plain.voices, plain.text_temp, plain.format, plain.language) == ((), None, Format.OGG, None)
        await book.change_server(KENNEL, voice="announcer", language="de")
        assert book.effective(ALICE, KENNEL).language == "de"
        await book.change_mine(ALICE, voice="v2/en_speaker_6", language="fr", liveliness="calm", format="flac")
        mixed = book.effective(ALICE, KENNEL)
        assert mixed.voices == ("v2/en_speaker_6", "announcer")
        assert (mixed.text_temp, mixed.format, mixed.language) == (0.5, Format.FLAC, "fr")
        assert book.effective(ALICE, None).voices == ("v2/en_speaker_6",)


async def test_a_server_may_ask_for_less_than_the_configuration_allows_never_for_more(tmp_path: Path) -> None:
    async with book_in(tmp_path) as (book, _):
        await book.change_server(KENNEL, max_chars=200, waiting_per_user=50)
        limits = book.limits(KENNEL)
        assert (limits.max_chars, limits.waiting_per_user, limits.waiting_per_guild) == (200, 3, 20)
        assert book.limits(None) == LIMITS


async def test_a_servers_limit_on_speech_holds_under_the_operators(tmp_path: Path) -> None:
    async with book_in(tmp_path) as (book, _):
        await book.change_server(KENNEL, member_seconds_per_hour=300)
        assert book.limits(KENNEL).member_seconds_per_hour == 300  # the operator has none
        book._limits = dataclasses.replace(LIMITS, member_seconds_per_hour=120)
        assert book.limits(KENNEL).member_seconds_per_hour == 120
        assert book.limits(None).member_seconds_per_hour == 120


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from([*Server.model_fields, *Mine.model_fields, "other"]), JSON))
def test_whatever_is_stored_gives_values(values: dict[str, Any]) -> None:
    assert isinstance(parse(Mine, values), Mine)
    assert isinstance(parse(Server, values), Server)
