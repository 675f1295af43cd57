"""What is kept of delivered audio, for how long, and that nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app import DATABASE
from bot.flow import clips
from bot.flow.clips import Janitor
from bot.loopback.server import Loopback
from bot.store import Store
from tests.bot.harness import bot_on
from tests.bot.rows import insert_in_state
from tests.fakes.clock import HandClock

HOUR = 3600.0


@pytest.fixture
def store(tmp_path: Path):
    store = Store.open(tmp_path / "db.sqlite3")
    yield store
    store.close()


async def kept(store: Store, folder: Path, *jobs: int, until: float = 10.0) -> list[Path]:
    """Jobs that were answered, with their files."""

    def write(db) -> None:
        for number, job in enumerate(jobs):
            insert_in_state(db, "answered", job=job)
            clips.keep(db, job, 1, folder / f"{job}.ogg", until + number)

    await store.call(write)
    paths = [folder / f"{job}.ogg" for job in jobs]
    for path in paths:
        path.touch()
        path.with_suffix(".npz").touch()
    return paths


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in (".ogg", ".npz")}


async def test_what_is_kept_is_found_until_its_time_is_over(store: Store, tmp_path: Path) -> None:
    await kept(store, tmp_path, 1)
    now = [9.9]
    janitor = Janitor(store=store, clock=lambda: now[0], room=10)
    await janitor.sweep()
    found = await store.call(clips.find, 1, 1)
    assert found is not None
    assert found.tokens.is_file()
    now[0] = 10.0
    await janitor.sweep()
    assert await store.call(clips.find, 1, 1) is None
    assert left(tmp_path) == set()


async def test_the_oldest_go_when_there_are_too_many(store: Store, tmp_path: Path) -> None:
    paths = await kept(store, tmp_path, 1, 2, 3)
    await Janitor(store=store, clock=lambda: 0.0, room=2).sweep()
    assert [path.is_file() for path in paths] == [False, True, True]


async def test_an_answer_is_kept_for_its_buttons_over_a_restart_and_then_removed(tmp_path: Path) -> None:
    clock = HandClock(1.8e9)
    async with Loopback(clock=clock.now) as discord:
        async with bot_on(discord, tmp_path, clock=clock.now):
            exchange = await discord.user("alice").slash("bark", "say", text="hello")
            await exchange.until(lambda message: message.attachments)
        names = {f"{exchange.id}.ogg", f"{exchange.id}.npz"}
        (tmp_path / "audio" / "stranger.ogg").touch()
        async with bot_on(discord, tmp_path, clock=clock.now) as app:
            assert left(app._audio) == names
            clock.advance(25 * HOUR)
            await app._janitor.sweep()
            assert left(app._audio) == set()
    store = Store.open(tmp_path / DATABASE)
    assert await store.call(clips.all_kept) == []
    store.close()
