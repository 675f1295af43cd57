"""The library: kept voices, favourites, recent ones, and what each person is offered. The database is a real one."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.check import Refused
from bot.kept import LONGEST, SHORTEST, Kept, clean_name
from bot.store import Store
from bot.voices import Library
from tests.bot.rows import insert_in_state

ALICE, BOB, KENNEL, ELSEWHERE = 1, 2, 10, 11
PRESETS = ("v2/en_speaker_6", "v2/de_speaker_1", "v2/de_speaker_8", "announcer")


@dataclasses.dataclass
class Room:
    """A library on a folder, what it asks others for, and a file to make voices of."""

    library: Library
    store: Store
    folder: Path
    source: Path
    presets: list[str]
    sharing: set[int]

    async def keep(self, name: str, who: int = ALICE) -> Kept:
        voice = await self.library.keep(who, name, self.source)
        assert isinstance(voice, Kept)
        return voice

    def offered(self, who: int, typed: str = "", where: int | None = KENNEL) -> list[str]:
        return [offer.name for offer in self.library.offer(who, where, typed)]


@contextlib.asynccontextmanager
async def room_in(folder: Path) -> AsyncIterator[Room]:
    store = Store.open(folder / "db.sqlite3")
    source, presets, sharing = folder / "source.npz", list(PRESETS), {KENNEL}
    source.write_bytes(b"tokens")
    library = Library(
        store=store,
        folder=folder / "voices",
        clock=lambda: 5.0,
        presets=lambda: tuple(presets),
        shares=lambda guild: guild in sharing,
        most=3,
    )
    try:
        await library.load()
        yield Room(library, store, folder, source, presets, sharing)
    finally:
        store.close()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with room_in(tmp_path) as room:
        yield room


def words(outcome: object) -> str:
    assert isinstance(outcome, Refused)
    return outcome.words


async def test_a_kept_voice_is_a_file_named_by_its_id(room: Room) -> None:
    voice = await room.keep("  Grandpa   Joe ")
    assert voice.name == "Grandpa Joe"
    path = room.library.resolve(ALICE, None, "grandpa JOE")
    assert path == room.folder / "voices" / f"{voice.id}.npz"
    assert path.read_bytes() == b"tokens"
    assert room.library.resolve(BOB, KENNEL, "Grandpa Joe") is None
    assert room.library.resolve(ALICE, None, "v2/en_speaker_6") == "v2/en_speaker_6"
    assert room.library.resolve(ALICE, None, "nobody") is None
    files = room.library.files(ALICE, None, "Grandpa Joe", "announcer", None, "nobody")
    assert files == {"Grandpa Joe": str(path.resolve())}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x", "2 to 32"),
        ("", "2 to 32"),
        ("***", "2 to 32"),
        ("y" * 33, "2 to 32"),
        ("Announcer", "already"),
        ("pup_low", "already"),  # not among these presets, but among another model's
        ("GRANDPA", "already"),
    ],
)
async def test_a_name_that_cannot_be_is_refused_with_words(room: Room, name: str, said: str) -> None:
    await room.keep("Grandpa")
    assert said in words(await room.library.keep(ALICE, name, room.source))
    other = await room.keep("Other")
    assert said in words(await room.library.rename(ALICE, other, name))
    assert len(room.library.own(ALICE)) == 2


@given(st.text(max_size=60))
def test_a_clean_name_has_no_markup_and_stays_clean(typed: str) -> None:
    name = clean_name(typed)
    assert clean_name(name) == name
    assert not set(name) & set("*_~`|<>@#:/\\[]()\n\r\t\0\u200b")
    assert name == name.strip()
    assert "  " not in name


@given(st.text(max_size=40))
def test_what_passes_as_a_name_fits_the_database(typed: str) -> None:
    name = clean_name(typed)
    if SHORTEST <= len(name) <= LONGEST:
        assert name.encode()  # no lone surrogates, which SQLite would not take


async def test_names_are_unique_for_each_person(room: Room) -> None:
    mine, theirs = await room.keep("Grandpa"), await room.keep("grandpa", BOB)
    assert room.library.find(ALICE, KENNEL, "GRANDPA") == mine
    assert room.library.find(BOB, KENNEL, "GRANDPA") == theirs
    assert isinstance(await room.library.rename(ALICE, mine, "GRANDPA"), Kept)  # its own name in other letters


async def test_two_presses_at_once_make_one_voice(room: Room) -> None:
    outcomes = await asyncio.gather(*(room.library.keep(ALICE, "Twin", room.source) for _ in range(2)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Kept", "Refused"]
    assert [path.name for path in (room.folder / "voices").iterdir()] == [room.library.own(ALICE)[0].file]


async def test_only_so_many_can_be_kept(room: Room) -> None:
    for number in range(3):
        await room.keep(f"Voice {number}")
    assert "3 voices" in words(await room.library.keep(ALICE, "One more", room.source))
    await room.keep("Another person's", BOB)


async def test_a_file_that_cannot_be_copied_leaves_no_row(room: Room) -> None:
    with pytest.raises(FileNotFoundError):
        await room.library.keep(ALICE, "Ghost", room.folder / "missing.npz")
    assert room.library.own(ALICE) == ()
    rows = await room.store.call(lambda db: db.execute("SELECT count(*) FROM voices").fetchone()[0])
    assert rows == 0
    assert list((room.folder / "voices").iterdir()) == []


async def test_a_deleted_voice_is_gone_everywhere_and_its_id_is_not_given_again(room: Room) -> None:
    voice = await room.keep("Grandpa")
    await room.library.share(voice, KENNEL)
    await room.library.favour(BOB, voice.key, on=True)
    assert not await room.library.delete(BOB, voice)  # not his
    assert await room.library.delete(ALICE, voice)
    assert room.library.resolve(ALICE, KENNEL, "Grandpa") is None
    assert room.library.by_key(BOB, KENNEL, voice.key) is None
    assert room.library.favourites(BOB) == ()
    assert not room.library.path(voice).exists()
    assert "not there" in words(await room.library.rename(ALICE, voice, "Ghost"))
    assert (await room.keep("Grandpa")).id > voice.id


async def test_a_shared_voice_is_for_that_server_as_long_as_it_wants_that(room: Room) -> None:
    voice = await room.keep("Grandpa")
    shared = await room.library.share(voice, KENNEL)
    assert isinstance(shared, Kept)
    assert room.library.find(BOB, KENNEL, "grandpa") == shared
    assert room.library.find(BOB, ELSEWHERE, "grandpa") is None
    assert room.library.find(BOB, None, "grandpa") is None
    assert "Grandpa" in room.library.names(BOB, KENNEL)
    room.sharing.clear()
    assert room.library.find(BOB, KENNEL, "grandpa") is None
    assert "does not let" in words(await room.library.share(shared, KENNEL))
    await room.library.share(shared, None)  # that is always possible
    room.sharing.add(KENNEL)
    assert room.library.find(BOB, KENNEL, "grandpa") is None


async def test_favourites_come_first_then_recent_then_kept_then_the_models(room: Room) -> None:
    await room.keep("Mine")
    await room.library.share(await room.keep("Theirs", BOB), KENNEL)
    await room.library.favour(ALICE, "v2/de_speaker_8", on=True)
    room.library.used(ALICE, "announcer")
    assert room.offered(ALICE) == [
        "v2/de_speaker_8",
        "announcer",
        "Mine",
        "Theirs",
        "v2/en_speaker_6",
        "v2/de_speaker_1",
    ]
    assert room.offered(ALICE, "german")[0] == "v2/de_speaker_8"
    assert room.offered(ALICE, where=None)[2:] == ["Mine", "v2/en_speaker_6", "v2/de_speaker_1"]
    labels = [offer.label for offer in room.library.offer(ALICE, KENNEL, "")]
    assert labels[0] == "German 8 · woman · v2/de_speaker_8 ★"
    assert labels[2:4] == ["Mine · yours", "Theirs · from this server"]


async def test_a_renamed_voice_stays_a_favourite(room: Room) -> None:
    voice = await room.keep("Grandpa")
    await room.library.favour(ALICE, voice.key, on=True)
    await room.library.rename(ALICE, voice, "Grandma")
    assert room.library.offer(ALICE, None, "")[0].label == "Grandma · yours ★"


async def test_everything_is_there_after_a_restart_and_strays_are_removed(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        voice = await room.keep("Grandpa")
        await room.library.share(voice, KENNEL)
        await room.library.favour(BOB, voice.key, on=True)
        await room.store.call(lambda db: insert_in_state(db, "answered", job=1, user_id=ALICE, voice="announcer"))
        await room.store.call(lambda db: insert_in_state(db, "answered", job=2, user_id=ALICE, voice="v2/de_speaker_1"))
        (tmp_path / "voices" / "99.npz").touch()
    async with room_in(tmp_path) as room:
        assert room.offered(BOB)[0] == "Grandpa"
        assert room.offered(ALICE)[:3] == ["v2/de_speaker_1", "announcer", "Grandpa"]
        assert [path.name for path in (tmp_path / "voices").iterdir()] == [voice.file]


async def test_as_long_as_the_model_is_not_loaded_no_name_counts_as_wrong(room: Room) -> None:
    await room.keep("Grandpa")
    room.presets.clear()
    assert room.library.names(ALICE, KENNEL) == ()
    assert room.offered(ALICE) == ["Grandpa"]
    room.presets.append("announcer")
    assert room.library.names(ALICE, KENNEL) == ("announcer", "Grandpa")
