"""Waits between restarts, and waits that end early."""

from __future__ import annotations

import asyncio

import pytest

from synth.patience import Patience, SystemClock, within
from tests.fakes.clock import HandClock


@pytest.mark.parametrize(("deaths", "delay"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (7, 32), (8, 60), (10_000, 60)])
def test_the_first_restart_is_immediate_and_the_next_ones_wait_twice_as_long_up_to_the_cap(deaths, delay):
    assert Patience(backoff=1, backoff_cap=60).restart_delay(deaths) == delay


async def test_a_wait_ends_when_its_time_is_over():
    clock = HandClock()
    waiting = asyncio.create_task(within(clock, 10, asyncio.Event().wait()))
    await clock.asleep(10)
    clock.advance(9)
    assert not waiting.done()
    clock.advance(1)
    await waiting


async def test_a_wait_ends_early_when_the_event_comes():
    event = asyncio.Event()
    waiting = asyncio.create_task(within(HandClock(), 10, event.wait()))
    event.set()
    await waiting


async def test_the_system_clock_goes_forward():
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(0.001)
    assert clock.now() > before
