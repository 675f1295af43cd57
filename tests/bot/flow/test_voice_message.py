"""The picture of a voice message, and when the reply step sends one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bot.flow import queue
from bot.flow.job import State
from bot.flow.voice_message import POINTS, draw, peaks
from bot.loopback.faults import Fault
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.bot.harness import bot_on

samples = arrays.arrays(np.int16, st.integers(0, 2000))


@given(samples, st.integers(1, POINTS))
def test_a_picture_has_as_many_points_as_asked_and_shows_the_loudest(audio: np.ndarray, count: int) -> None:
    points = peaks(audio, count)
    assert len(points) == max(1, min(count, len(audio)))
    loudest = int(np.abs(audio.astype(int)).max(initial=0))
    assert max(points) == min(255, loudest * 256 // 32768)


@given(samples, st.integers(1, POINTS))
def test_a_picture_is_the_same_upside_down(audio: np.ndarray, count: int) -> None:
    """But for -32768, which has no counterpart."""
    audio = np.maximum(audio, -32767)
    assert peaks(audio, count) == peaks(-audio, count)


@given(st.integers(1, POINTS), st.integers(1, 20))
def test_a_loud_slice_is_seen_in_its_place(count: int, width: int) -> None:
    for place in (0, count // 2, count - 1):
        audio = np.zeros(count * width, dtype=np.int16)
        audio[place * width : (place + 1) * width] = -32768
        assert peaks(audio, count) == bytes(255 if number == place else 0 for number in range(count))


@pytest.mark.parametrize(("seconds", "count"), [(0.02, 1), (1.5, 15), (30.0, POINTS)])
@pytest.mark.parametrize(
    ("kind", "subtype"), [("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")]
)
def test_every_format_is_drawn(tmp_path: Path, seconds: float, count: int, kind: str, subtype: str) -> None:
    path = tmp_path / f"tone.{kind.lower()}"
    audio = np.sin(np.arange(int(seconds * 24_000)) / 5) / 2
    audio[len(audio) // 2 :] = 0
    soundfile.write(path, audio, 24_000, format=kind, subtype=subtype)
    picture = draw(path)
    assert picture.seconds == pytest.approx(seconds, abs=0.1)
    assert len(picture.points) == pytest.approx(count, abs=1)
    if count > 3:
        assert picture.points[1] > 100
        assert picture.points[-1] < 10


async def test_whoever_wants_a_voice_message_gets_one_beside_the_answer(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await discord.user("alice").slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content)
        await app._store.call(_wish, exchange.id)
        (app._audio / f"{exchange.id}.go").touch()
        await discord.until(lambda: len([m for m in discord.channel_messages(discord.general) if m.attachments]) == 2)
        answer, bubble = discord.channel_messages(discord.general)
        assert answer.components
        assert bubble.flags == 1 << 13
        assert bubble.attachments[0].data == answer.attachments[0].data
        assert discord.complaints == []
    assert [path.name for path in (tmp_path / "audio").glob("*.ogg")] == [f"{exchange.id}.ogg"]  # kept for the buttons


async def test_where_voice_messages_are_not_allowed_the_asker_is_told_what_is_missing(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        discord.deny(discord.general, Permissions.SEND_VOICE_MESSAGES)
        exchange = await discord.user("alice").slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content)
        await app._store.call(_wish, exchange.id)
        (app._audio / f"{exchange.id}.go").touch()
        await exchange.until(lambda message: message.ephemeral and "“Send Voice Messages”" in message.content)
        assert exchange.original.attachments
        assert discord.complaints == []


async def test_where_there_is_no_answer_there_is_no_voice_message(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await discord.user("alice").slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content)
        await app._store.call(_wish, exchange.id)
        discord.faults.add(Fault.too_large("PATCH /webhooks/{application}/{token}/messages/@original", times=None))
        (app._audio / f"{exchange.id}.go").touch()
        async with asyncio.timeout(10):
            while (await app._store.call(queue.get, exchange.id)).told_at is None:  # noqa: ASYNC110 - a row has no event
                await asyncio.sleep(0)
        await app._outbox.flush(10)
        assert (await app._store.call(queue.get, exchange.id)).state is State.FAILED
        assert [m for m in discord.channel_messages(discord.general) if m.attachments] == []


def _wish(db, job: int) -> None:
    db.execute("UPDATE jobs SET options = '{\"voice_message\": true}' WHERE id = ?", (job,))


async def test_audio_that_cannot_be_drawn_costs_only_the_voice_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is there already; the outbox goes on, and is empty."""
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        await app._book.change_mine(alice.id, voice_message=True)
        discord.faults.add(Fault.reset("PATCH /webhooks/{application}/{token}/messages/@original", times=None))
        exchange = await alice.slash("bark", "say", text="hello")
        async with asyncio.timeout(20):
            while (job := await app._store.call(queue.get, exchange.id)) is None or job.state is not State.RENDERED:  # noqa: ASYNC110 - a row has no event
                await asyncio.sleep(0)
        (app._audio / f"{exchange.id}.ogg").write_bytes(b"no audio")
        discord.faults.clear()
        await exchange.until(lambda message: message.attachments)
        async with asyncio.timeout(20):
            while app._outbox._busy:  # noqa: ASYNC110 - nor has a set
                await asyncio.sleep(0)
        job = await app._store.call(queue.get, exchange.id)
        assert job is not None
        assert job.state is State.ANSWERED
        assert "cannot be delivered" in caplog.text
