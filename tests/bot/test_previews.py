"""Samples of voices by a real synth process: once each, one at a time, after everybody's jobs, and never at others' cost."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.presets import Preset
from bot.previews import NoPreview, Previews
from bot.store import Store
from bot.voices import Library
from synth.process import Synth
from tests.bot.harness import scripted
from tests.fakes.child import FakeOptions

GERMAN, ENGLISH = Preset.of("v2/de_speaker_1"), Preset.of("v2/en_speaker_6")


@dataclasses.dataclass
class Room:
    """Previews, and what they depend on."""

    previews: Previews
    synth: Synth
    free: int = 1


@contextlib.asynccontextmanager
async def room_in(folder: Path, options: FakeOptions | None = None, **sentences: str) -> AsyncIterator[Room]:
    store, synth = Store.open(folder / "db.sqlite3"), scripted(options)
    library = Library(
        store=store, folder=folder / "voices", clock=lambda: 0.0, presets=tuple, shares=lambda _: True, most=1
    )
    previews = Previews(
        synth=synth,
        library=library,
        folder=folder / "previews",
        seats=lambda: room.free,
        sentences={"en": "hello", "de": "hallo", **sentences},
    )
    room = Room(previews, synth)
    life = asyncio.create_task(synth.run())
    try:
        await asyncio.wait_for(library.load(), 20)
        yield room
    finally:
        await previews.close()
        await synth.close()
        await life
        store.close()


async def test_all_who_want_a_sample_get_the_same_one(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        paths = await asyncio.gather(*(room.previews.make(GERMAN) for _ in range(5)))
        assert set(paths) == {tmp_path / "previews" / "fake" / "v2%2Fde_speaker_1.ogg"}
        assert await room.previews.ready(GERMAN) == paths[0]
        assert await room.previews.ready(ENGLISH) is None


async def test_none_is_begun_while_all_seats_are_taken(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        room.free = 0
        await room.synth.until_ready()
        making = asyncio.create_task(room.previews.make(GERMAN))
        for _ in range(50):
            await asyncio.sleep(0)
        assert room.synth._flights == {}
        room.previews.seat_free()  # somebody else took it at once
        for _ in range(50):
            await asyncio.sleep(0)
        assert room.synth._flights == {}
        room.free = 1
        room.previews.seat_free()
        assert (await making).is_file()


async def test_they_are_made_one_at_a_time(tmp_path: Path) -> None:
    async with room_in(tmp_path, FakeOptions(seats=2), en="slow:0.2", de="slow:0.2") as room:
        await room.synth.until_ready()
        making = [asyncio.create_task(room.previews.make(voice)) for voice in (GERMAN, ENGLISH)]
        most = 0
        while not all(task.done() for task in making):
            most = max(most, len(room.synth._flights))
            await asyncio.sleep(0)
        assert most == 1


async def test_a_sample_gives_way_to_a_job_that_finds_no_other_seat(tmp_path: Path) -> None:
    async with room_in(tmp_path, de="hold") as room:
        await room.synth.until_ready()
        making = asyncio.create_task(room.previews.make(GERMAN))
        while not (flights := list(room.synth._flights.values())):  # noqa: ASYNC110 - a flight has no event
            await asyncio.sleep(0)
        room.free = 2
        room.previews.give_way()  # there are seats for both
        assert room.synth._flights
        room.free = 1
        room.previews.give_way()
        await flights[0].over.wait()
        room.free = 0  # the job has it
        (tmp_path / "previews" / "fake" / "v2%2Fde_speaker_1.go").touch()
        for _ in range(50):
            await asyncio.sleep(0)
        assert room.synth._flights == {}
        room.free = 1
        room.previews.seat_free()
        assert (await making).is_file()


async def test_whoever_goes_away_takes_nothing_from_the_others(tmp_path: Path) -> None:
    async with room_in(tmp_path, de="slow:0.2") as room:
        await room.synth.until_ready()
        first, second = (asyncio.create_task(room.previews.make(GERMAN)) for _ in range(2))
        while not room.synth._flights:  # noqa: ASYNC110 - a flight has no event
            await asyncio.sleep(0)
        first.cancel()
        assert (await second).is_file()


async def test_a_failure_is_a_sentence_and_is_tried_again(tmp_path: Path) -> None:
    async with room_in(tmp_path, de="fail:out-of-memory") as room:
        for _ in range(2):
            with pytest.raises(NoPreview, match="more memory"):
                await room.previews.make(GERMAN)
        assert (await room.previews.make(ENGLISH)).is_file()


async def test_a_voice_that_kills_the_synth_process_is_not_tried_again(tmp_path: Path) -> None:
    async with room_in(tmp_path, de="crash") as room:
        for _ in range(3):
            with pytest.raises(NoPreview, match="went wrong"):
                await room.previews.make(GERMAN)
        assert room.synth.deaths == 1
        assert (await room.previews.make(ENGLISH)).is_file()


async def test_at_the_end_nobody_is_left_waiting(tmp_path: Path) -> None:
    async with room_in(tmp_path, FakeOptions(load="hang")) as room:
        making = asyncio.create_task(room.previews.make(GERMAN))
        await asyncio.sleep(0)
        await room.synth.close()
        with pytest.raises(NoPreview, match="restarting"):
            await making


async def test_clips_of_other_models_go_and_their_names_stay_in_the_folder(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        path = await room.previews.make(GERMAN)
        room.previews.keep_only("fake")
        assert path.is_file()
        for model in ("../../elsewhere", "..", "suno/bark"):
            room.previews.keep_only(model)
            assert not path.exists()
        assert (tmp_path / "db.sqlite3").exists()
