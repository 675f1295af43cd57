"""Who may skip, stop, pause and take out what; and what everybody sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.loopback.world import Permissions
from tests.bot.ears import Ears, ears_in, posted, speech


@pytest.fixture
async def ears(tmp_path: Path):
    async with ears_in(tmp_path) as ears:
        ears.discord.user("mona", permissions=Permissions.MANAGE_GUILD)
        yield ears


async def test_whoever_asked_skips_at_once(ears: Ears) -> None:
    alice = ears.sit("alice")
    exchange = await ears.play("alice", "hold")
    await ears.heard(alice, 10)
    assert await ears.said("alice", "skip") == "Skipped."
    await ears.turns("skipped")
    ears.go(exchange)
    await posted(exchange)
    assert len(speech(alice)) <= 26
    assert await ears.said("alice", "skip") == "Nothing is heard at the moment."


async def test_others_vote_and_more_than_half_of_those_who_listen_decide(ears: Ears) -> None:
    alice = ears.sit("alice")
    for name in ("bob", "carol", "dave"):
        ears.sit(name)
    ears.discord.user("dave").deafen()
    await ears.play("alice", "hold")
    await ears.heard(alice)
    assert await ears.said("dave", "skip") == "You want the next: 0 of 2 votes that it takes."
    assert await ears.said("bob", "skip") == "You want the next: 1 of 2 votes that it takes."
    assert await ears.said("bob", "skip") == "You want the next: 1 of 2 votes that it takes."
    assert await ears.said("carol", "skip") == "Skipped."
    await ears.turns("skipped")


async def test_a_moderator_needs_no_vote_and_need_not_listen(ears: Ears) -> None:
    alice = ears.sit("alice")
    await ears.play("alice", "hold")
    await ears.heard(alice)
    assert "You are not in" in await ears.said("bob", "skip")
    assert "You are not in" in await ears.said("bob", "pause")
    assert await ears.said("mona", "skip") == "Skipped."


async def test_pausing_is_for_the_asker_and_goes_on_where_it_was(ears: Ears) -> None:
    alice = ears.sit("alice")
    ears.sit("bob")
    exchange = await ears.play("alice", "hold", seed=5)
    await ears.heard(alice, 5)
    assert "not yours" in await ears.said("bob", "pause")
    assert "Paused" in await ears.said("alice", "pause")
    assert " · paused" in await ears.said("bob", "now")
    ears.go(exchange)
    await posted(exchange)
    before = len(speech(alice))
    assert before < 45
    assert await ears.said("mona", "pause") == "It goes on."
    await ears.turns("played")
    assert len(speech(alice)) > before


async def test_now_shows_the_queue_and_keeps_the_words_of_others(ears: Ears) -> None:
    alice = ears.sit("alice")
    bob = ears.sit("bob")
    first = await ears.play("alice", "hold")
    await ears.heard(alice)
    await ears.play("bob", "bob's secret")
    await ears.play("alice", "my own **words**")
    shown = await ears.said("alice", "now")
    assert shown.startswith(f"**hold** · for <@{alice.user_id}> · ")
    assert shown.splitlines()[1:] == [
        f"1. something for <@{bob.user_id}> · being made",
        "2. my own words · being made",
    ]
    assert "bob's secret" in await ears.said("bob", "now")
    assert await ears.line() == [first.id, *(await ears.line())[1:]]


async def test_one_takes_out_ones_own_and_a_moderator_everything(ears: Ears) -> None:
    alice = ears.sit("alice")
    ears.sit("bob")
    await ears.play("alice", "hold")
    await ears.heard(alice)
    await ears.play("bob", "two")
    await ears.play("alice", "three")
    assert "not yours" in await ears.said("alice", "skip", number=1)
    assert "no number 7" in await ears.said("alice", "skip", number=7)
    assert await ears.said("alice", "skip", number=2) == "Taken out of the queue."
    await ears.turns("playing", "waiting", "skipped")
    assert await ears.said("carol", "stop") == "You are not in <#%d>. Join it to have a say in what is heard there." % (
        ears.discord.voice_channel
    )
    assert await ears.said("alice", "stop") == "Taken out: 1."
    await ears.turns("skipped", "waiting", "skipped")
    assert await ears.said("alice", "stop") == "Nothing of yours is in the queue. Everything: that is for moderators."
    assert await ears.said("mona", "stop") == "Taken out: 1."
    await ears.turns("skipped", "skipped", "skipped")


async def test_nobody_takes_the_bot_away_from_others(ears: Ears) -> None:
    alice = ears.sit("alice")
    ears.sit("bob")
    await ears.play("alice", "hold")
    await ears.heard(alice)
    assert "Others have something" in await ears.said("bob", "leave")
    assert await ears.said("mona", "leave") == "I am out of the voice channel and have forgotten the 1 that waited."
    await ears.turns("skipped")
    assert ears.discord.application_id not in ears.discord.world.voice_states
    assert "I am in no voice channel" in await ears.said("alice", "skip")
