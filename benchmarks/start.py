"""The bot's own cost: seconds from the start of the process to connected on loopback, and memory before and after work."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.report import heading, spread
from bot.loopback.server import Loopback
from tests.lives import MovedClock, lives_on

REPEATS, ASKS = 7, 50


async def main() -> None:
    """Print the figures. The synth child is the scripted one: the model's own loading is not the bot's."""
    print(heading("discord.py", "aiohttp"))
    starts, idle, worked = [], [], []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as name:
            clock = MovedClock(Path(name) / "clock")
            async with Loopback(clock=clock) as discord, lives_on(discord, Path(name), clock) as lives:
                began = time.perf_counter()
                await lives.begin()
                starts.append(time.perf_counter() - began)
                process = psutil.Process(lives.pid)
                idle.append(process.memory_info().rss / 1e6)
                asked = [await discord.user(f"user {n}").slash("bark", "say", text=f"text {n}") for n in range(ASKS)]
                for exchange in asked:
                    await exchange.until(lambda message: message.attachments, timeout=60)
                worked.append(process.memory_info().rss / 1e6)
                await lives.stop()
    print(f"start to connected     {spread(starts)}")
    print(f"memory when connected  {spread(idle, 'MB')}")
    print(f"memory after {ASKS} asks   {spread(worked, 'MB')}")
