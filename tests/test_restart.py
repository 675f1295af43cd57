"""A restart in the middle of everything: the bot is killed, and to people it is as if nothing had happened."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from bot.loopback.server import Loopback
from tests.lives import MovedClock, lives_on
from tests.test_crashes import check, some_changes, stop, wait_until


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_with_everything_open_at_once(tmp_path: Path, seed: int) -> None:
    """One job is made, two wait, one is answered, a form and a panel are open; after the kill all of it goes on."""
    clock = MovedClock(tmp_path / "clock")
    async with Loopback(clock=clock) as discord, lives_on(discord, tmp_path, clock) as lives:
        await lives.begin()
        alice, bob = discord.user("alice"), discord.user("bob")
        told = await alice.slash("bark", "say", text="the answered one")
        answer = await told.until(lambda message: message.attachments, timeout=30)
        more = await (await alice.press(answer, label="More")).until(lambda message: message.ephemeral)
        naming = await alice.press(more, label="Keep voice")
        await naming.acknowledged()
        await (await alice.submit(naming, {"name": "Old Friend"})).acknowledged()
        panel = await alice.slash("bark", "settings")
        await panel.acknowledged()
        await (await alice.choose(panel.original, "bark-settings:format", ["wav"])).acknowledged()
        form = await alice.press(answer, label="Edit")
        await form.acknowledged()
        made = await bob.slash("bark", "say", text="hold")
        await made.until(lambda message: "%" in message.content, timeout=30)
        waiting = [await bob.slash("bark", "say", text=f"waits {number}") for number in range(2)]
        await asyncio.gather(*(exchange.acknowledged() for exchange in waiting))
        (tmp_path / "audio" / f"{made.id}.go").touch()
        await some_changes(discord, random.Random(seed).randrange(12))
        await lives.kill()
        await lives.begin()
        (tmp_path / "audio" / f"{made.id}.go").touch()  # the new life has swept what belongs to no job
        edited = await alice.submit(form, {"text": "edited after the restart"})
        again = await bob.press(answer, label="Again")
        for exchange in (made, *waiting, edited, again):
            await exchange.until(lambda message: message.attachments, timeout=30)
        assert await alice.autocomplete("bark", "say", focused=("voice", "old fr"), text="x")
        assert (await (await alice.press(answer, label="More")).until(lambda message: message.ephemeral)).components
        await (await alice.choose(panel.original, "bark-settings:format", ["flac"])).acknowledged()
        mine = await alice.slash("bark", "say", text="in my format", voice="Old Friend")
        audio = await mine.until(lambda message: message.attachments, timeout=30)
        assert audio.attachments[0].filename.endswith(".flac")
        await wait_until(tmp_path, "NOT EXISTS (SELECT 1 FROM jobs WHERE told_at IS NULL)")
        await stop(tmp_path, lives)
        for exchange in (told, made, *waiting):
            check(exchange)
        assert len(edited.original.attachments) == len(again.original.attachments) == 1
        assert discord.complaints == []
