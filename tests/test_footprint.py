"""The bot's process stays small: it shares a machine with the model."""

from pathlib import Path

import psutil

from bot.loopback.server import Loopback
from tests.lives import MovedClock, lives_on

LIMIT = 150e6  # bytes of resident memory


async def test_the_bot_process_stays_under_150_mb(tmp_path: Path) -> None:
    clock = MovedClock(tmp_path / "clock")
    async with Loopback(clock=clock) as discord, lives_on(discord, tmp_path, clock) as lives:
        await lives.begin()
        asked = [await discord.user(f"user {n}").slash("bark", "say", text=f"text {n}") for n in range(50)]
        for exchange in asked:
            await exchange.until(lambda message: message.attachments, timeout=60)
        assert psutil.Process(lives.pid).memory_info().rss < LIMIT
        assert await lives.stop() == 0
