"""What the open replies say, on a real database and a Discord that refuses."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest

from bot.commands.buttons import waiting_view
from bot.flow import queue
from bot.flow.pace import Pace
from bot.flow.post import Post
from bot.flow.progress import Board
from bot.loopback.faults import Effect, Fault
from bot.loopback.point import point_discord_at
from bot.loopback.server import Loopback
from bot.store import Store
from tests.bot.rows import insert_in_state

EDIT = "PATCH /webhooks/{application}/{token}/messages/@original"


@contextlib.asynccontextmanager
async def boards(folder: Path, *states: str, pace: Pace | None = None) -> AsyncIterator[tuple[Loopback, Store, Board]]:
    """A board over one job in each of these states."""
    store = Store.open(folder / "db.sqlite3")
    async with Loopback() as server:
        with point_discord_at(server.api_url, server.gateway_url):
            client = discord.Client(intents=discord.Intents.none())
            await client.login(server.token)
            try:
                await store.call(insert_all, states)
                board = Board(
                    store=store,
                    post=Post(client),
                    clock=lambda: 100.0,  # when the rows were received
                    every=0.01,
                    pace=lambda: pace or Pace(),
                    starting=lambda: False,
                    cancel=lambda _: None,
                    view=waiting_view,
                )
                yield server, store, board
            finally:
                await client.close()
                store.close()


def insert_all(db: sqlite3.Connection, states: tuple[str, ...]) -> None:
    for number, state in enumerate(states, 1):
        insert_in_state(db, state, job=number, queued_at=float(number))
    db.execute("INSERT OR IGNORE INTO flows (flow) VALUES ('g2'), ('g2/u1')")


@pytest.mark.parametrize(
    ("fault", "requests"), [(Fault.expired_token(EDIT, times=None), 1), (Fault.reset(EDIT, times=None), 2)]
)
async def test_a_reply_that_cannot_be_edited_any_more_is_left_alone(
    tmp_path: Path, fault: Fault, requests: int
) -> None:
    """Each try would count as an invalid request; after a passing fault the next words are shown."""
    async with boards(tmp_path, "rendering") as (server, _, board):
        server.faults.add(fault)
        for step in (0.1, 0.2):
            board.step(1, "fine", step)
            await board.refresh()
        assert len(server.faults.struck) == requests


async def test_nothing_is_kept_of_jobs_that_are_over(tmp_path: Path) -> None:
    async with boards(tmp_path, "rendering", "queued") as (_, store, board):
        board.step(1, "fine", 0.5)
        await board.refresh()
        async with board.last_word(1):
            await store.call(queue.cancel, 1, 1.0, told=True)
            await store.call(queue.cancel, 2, 1.0, told=True)
        await board.refresh()
        assert [len(kept) for kept in (board._said, board._mute, board._locks, board._running)] == [0, 0, 0, 0]


async def test_the_shown_wait_follows_what_was_measured_since_the_ask(tmp_path: Path) -> None:
    """The rows were estimated at 2 s each; by now a text of their length is known to take a minute."""
    async with boards(tmp_path, "rendering", "queued", pace=Pace(mean=60 / 25, deviation=0.0)) as (_, store, board):
        board.step(1, "fine", 0.5)
        shown = {job.id: words for job, words in board._words(await store.call(queue.line))}
        assert shown[2] == "Next in line. About 2 min."  # half of the first, and its own


async def test_several_takes_are_several_times_the_work(tmp_path: Path) -> None:
    async with boards(tmp_path, "queued", "queued", pace=Pace(mean=60 / 25, deviation=0.0)) as (_, store, board):
        await store.call(lambda db: db.execute("UPDATE jobs SET options = ? WHERE id = 1", ('{"takes": 3}',)))
        shown = {job.id: words for job, words in board._words(await store.call(queue.line))}
        assert "About 3 min." in shown[1]
        assert "About 4 min." in shown[2]


async def test_a_pause_that_discord_asks_for_holds_for_every_request(tmp_path: Path) -> None:
    """A 429 without Via is the shield in front of Discord: it counts every further request against the machine."""
    async with boards(tmp_path, "rendering") as (server, store, board):
        server.faults.add(Fault.rate_limited(via=False, times=None))
        await board.refresh()
        job = await store.call(queue.get, 1)
        other = asyncio.ensure_future(board._post.exists(job))
        done, _ = await asyncio.wait({other}, timeout=0.2)
        other.cancel()
        assert not done
        assert server.faults.struck == [(EDIT, Effect.RATE_LIMIT)]


async def test_a_long_line_is_told_in_several_rounds_whoever_heard_least_first(tmp_path: Path) -> None:
    async with boards(tmp_path, "rendering", *["queued"] * 20) as (_, store, board):
        jobs = await store.call(queue.line)
        rounds = []
        for _ in range(3):
            board.changed.clear()
            rounds.append([job.id for job, _ in board._due(jobs)])
            assert board.changed.is_set()  # the others come next
            for job in rounds[-1]:
                board._said.pop(job, None)
                board._said[job] = "something else"
        assert rounds == [[1, *range(2, 9)], [1, *range(9, 16)], [1, *range(16, 22), 2]]
