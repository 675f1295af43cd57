"""A synth process that sleeps while nobody asks, under the real bot: it is woken by a job, and by nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bot.loopback.server import Loopback
from synth.process import State, Synth
from tests.bot.harness import IMPATIENT, bot_on
from tests.fakes.child import FakeOptions, main
from tests.fakes.clock import HandClock

HOUR = 3600.0


def sleepy(options: FakeOptions | None = None) -> tuple[Synth, HandClock]:
    """A synth process that sleeps after an hour without work."""
    clock = HandClock()
    patience = dataclasses.replace(IMPATIENT, unload_after=HOUR)
    return Synth(main, options or FakeOptions(), patience=patience, clock=clock), clock


async def fall_asleep(synth: Synth, clock: HandClock) -> None:
    await synth.until_ready()
    await clock.asleep(0.5)
    clock.advance(HOUR)
    while synth.state is not State.SLEEPING or synth.pid:
        await synth.changed()


async def test_it_sleeps_until_somebody_asks_and_then_answers(tmp_path: Path) -> None:
    synth, clock = sleepy()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        for text in ("hello", "hello again"):
            await fall_asleep(synth, clock)
            app._queued()  # as if something had come: the renderer looks, and finds nothing
            offered = await discord.user("alice").autocomplete("bark", "say", focused=("voice", "de"))
            assert [choice["value"] for choice in offered] == ["v2/de_speaker_1"]
            assert (synth.state, synth.pid) == (State.SLEEPING, None)
            exchange = await discord.user("alice").slash("bark", "say", text=text)
            await exchange.until(lambda message: message.attachments)
        assert synth.deaths == 0


async def test_whoever_wakes_it_is_told_that_it_starts(tmp_path: Path) -> None:
    well = tmp_path / "well"
    well.touch()
    synth, clock = sleepy(FakeOptions(load="hang", only_after=well))
    async with Loopback() as discord, bot_on(discord, tmp_path / "bot", synth=synth):
        await fall_asleep(synth, clock)
        well.unlink()
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        await exchange.until(lambda message: "The voice model is starting" in message.content)
        assert synth.state is State.STARTING


async def test_the_bot_stops_in_its_sleep(tmp_path: Path) -> None:
    synth, clock = sleepy()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await fall_asleep(synth, clock)
    assert synth.state is State.STOPPED
    assert synth.pid is None
