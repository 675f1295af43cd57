"""In a voice channel the cue is heard before the first clip, and not again until the bot has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.flow.speaker import FRAME, Speech, cue
from tests.bot.ears import CUE, ears_in, packets_of, posted, sound


def times(heard: list[bytes]) -> int:
    """How often the whole cue is in what was heard."""
    return sum(heard[at : at + len(CUE)] == CUE for at in range(len(heard)))


async def test_it_comes_first_and_once_until_the_bot_has_left(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        alice = ears.sit("alice")
        first = packets_of(await posted(await ears.play("alice", "one", seed=1)))
        await ears.turns("played")
        assert sound(alice) == CUE + first
        second = packets_of(await posted(await ears.play("alice", "two", seed=2)))
        await ears.turns("played", "played")
        assert sound(alice) == CUE + first + second
        await ears.said("alice", "leave")
        third = packets_of(await posted(await ears.play("alice", "three", seed=3)))
        await ears.turns("played", "played", "played")
        assert sound(alice) == CUE + first + second + CUE + third


async def test_whoever_is_in_another_channel_hears_it_there(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        ears.sit("alice")
        await posted(await ears.play("alice", "one", seed=1))
        await ears.turns("played")
        other = ears.discord.add_voice_channel("other")
        bob = ears.sit("bob", other)
        ears.discord.user("alice").leave_voice()
        await ears.said("bob", "join")
        second = packets_of(await posted(await ears.play("bob", "two", seed=2)))
        await ears.turns("played", "played")
        assert sound(bob) == CUE + second


async def test_a_cue_that_was_skipped_comes_before_the_next(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        alice = ears.sit("alice")
        await ears.play("alice", "hold", seed=1)
        await ears.discord.until(lambda: sound(alice))
        await ears.said("alice", "skip")
        await ears.let_go()
        second = packets_of(await posted(await ears.play("alice", "two", seed=2)))
        await ears.turns("skipped", "played")
        assert sound(alice)[-len(CUE + second) :] == CUE + second
        assert times(sound(alice)) == 1


def test_it_counts_for_nothing() -> None:
    speech = Speech([b"one", b"two"], whole=True)
    speech.precede([b"a", b"b"])
    assert [speech.read(), speech.preceded, speech.heard] == [b"a", False, 0]
    assert [speech.read(), speech.preceded, speech.heard, speech.over] == [b"b", True, 0, False]
    assert [speech.read(), speech.read(), speech.read(), speech.over] == [b"one", b"two", b"", True]


def test_it_is_short() -> None:
    assert len(cue()) * FRAME == pytest.approx(0.44, abs=0.05)
