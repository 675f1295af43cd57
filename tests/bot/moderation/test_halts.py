"""The kill switch: what it stops, what it keeps, and that it outlives a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import audit, texts
from bot.app import DATABASE
from bot.flow import queue
from bot.flow.job import State
from bot.flow.options import Kind, Options
from bot.loopback.server import Loopback
from bot.loopback.world import MODERATOR
from bot.moderation import halts
from bot.moderation.halts import Halt
from bot.settings import Feature
from bot.store import connect
from tests.bot.ears import ears_in, speech
from tests.bot.harness import bot_on, scripted
from tests.bot.moderation.test_bans import admin, refused
from tests.bot.rows import insert_in_state

ALL = Halt(place="", feature="")

placed = st.sampled_from(("", "g2", "g3"))
halting = st.builds(Halt, place=placed, feature=st.sampled_from(("", *Feature)))
asked = st.builds(
    Options,
    kind=st.sampled_from(Kind),
    long=st.booleans(),
    speak_in=st.none() | st.integers(1, 5),
    takes=st.integers(1, 2),
)


@settings(max_examples=40, deadline=None)
@given(halting, asked, st.none() | st.sampled_from((2, 3)))
def test_the_queue_and_the_value_say_the_same(halt: Halt, options: Options, guild: int | None) -> None:
    db = connect(Path(":memory:"))
    flow = queue.flow_of(guild, 1)
    insert_in_state(db, "received", options=options.to_json(), guild_id=guild, flow=flow)
    queue.accept(db, 1, 5.0)
    halts.add(db, halt, 9, 6.0)
    stopped = halts.touches(halt, guild, halts.features(options))
    assert queue.waiting(db) is not stopped
    claimed = queue.claim(db, "life", 7.0)
    assert (claimed is None) is stopped
    db.close()


def test_each_halt_is_written_down_once_and_lifted_one_by_one_or_together(tmp_path: Path) -> None:
    db = connect(tmp_path / DATABASE)
    sing, voice = Halt(place="g2", feature="sing"), Halt(place="g2", feature="voice")
    assert halts.add(db, sing, 9, 1.0)
    assert not halts.add(db, sing, 9, 1.0)
    assert halts.add(db, voice, 9, 1.0)
    assert halts.add(db, ALL, 9, 1.0)
    assert halts.read(db) == {sing, voice, ALL}
    assert halts.lift(db, voice, 9, 2.0) == 1
    assert halts.lift(db, voice, 9, 2.0) == 0
    assert halts.add(db, voice, 9, 3.0)
    assert halts.lift(db, Halt(place="g2", feature=""), 9, 4.0) == 2
    assert halts.read(db) == {ALL}
    assert [row.kind for row in audit.rows(db)] == ["halt"] * 3 + ["resume"] + ["halt"] + ["resume"] * 2
    db.close()


def test_what_is_given_back_was_being_made(tmp_path: Path) -> None:
    """A job that was cancelled meanwhile is not paid back: it was never given back."""
    db = connect(tmp_path / DATABASE)
    insert_in_state(db, "received")
    queue.accept(db, 1, 1.0)
    queue.claim(db, "life", 2.0)
    queue.cancel(db, 1, 3.0)
    before = [tuple(row) for row in db.execute("SELECT * FROM flows")]
    queue.give_back(db, 1)
    assert [tuple(row) for row in db.execute("SELECT * FROM flows")] == before
    db.close()


async def test_everything_stops_at_once_is_kept_over_a_restart_and_goes_on(tmp_path: Path) -> None:
    async with Loopback() as discord:
        alice, bob = discord.user("alice"), discord.user("bob")
        async with bot_on(discord, tmp_path):
            at_hand = await alice.slash("bark", "say", text="hold")
            await at_hand.until(lambda message: "%" in message.content)
            in_line = await bob.slash("bark", "say", text="hello")
            await in_line.until(lambda message: message.content)
            words = await admin(discord, "owner", "halt", dm=True, everywhere=True)
            assert words.startswith("Stopped wherever I am: everything.")
            assert await admin(discord, "owner", "halt", dm=True) == texts.HALT_ALREADY
            for exchange in (at_hand, in_line):
                await exchange.until(lambda message: message.content == texts.HALTED_WAITING)
            assert await refused(discord, "carol", "say", text="hello") == texts.HALTED
            assert await refused(discord, "carol", "say", text="hello", dm=True) == texts.HALTED
            assert "paused" in await refused(discord, "alice", "queue")
        synth = scripted()
        async with bot_on(discord, tmp_path, synth=synth) as app:
            await synth.until_ready()
            assert await refused(discord, "carol", "say", text="hello") == texts.HALTED
            rows = [await app._store.call(queue.get, exchange.id) for exchange in (at_hand, in_line)]
            assert [row and (row.state, row.restarts, row.deaths) for row in rows] == [(State.QUEUED, 0, 0)] * 2
            assert "goes on wherever I am" in await admin(discord, "owner", "resume", dm=True)
            (app._audio / f"{at_hand.id}.go").touch()
            assert await admin(discord, "owner", "resume", dm=True) == texts.RESUME_NOTHING
            for exchange in (at_hand, in_line):
                await exchange.until(lambda message: message.attachments)
        assert discord.complaints == []


async def test_moderators_stop_their_server_or_one_feature_of_it(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        morgan = discord.user("morgan", permissions=MODERATOR)
        words = await admin(discord, "morgan", "halt", feature="sing")
        assert words.startswith("Stopped here: singing.")
        assert "moderators of this server have paused singing" in await refused(discord, "alice", "sing", text="la")
        said = await discord.user("alice").slash("bark", "say", text="hello")
        await said.until(lambda message: message.attachments)
        await admin(discord, "morgan", "halt")
        assert await refused(discord, "alice", "say", text="hello") == texts.HALTED_HERE
        gallery = await (await discord.user("alice").slash("bark", "voices")).until(lambda message: message.ephemeral)
        chosen = await morgan.slash("bark", "join")
        assert (await chosen.until(lambda message: message.content)).content == texts.HALTED_HERE
        assert gallery.components
        direct = await discord.user("alice").slash("bark", "sing", text="la", dm=True)
        await direct.until(lambda message: message.attachments)
        await admin(discord, "morgan", "resume")
        for kind in ("say", "sing"):
            again = await discord.user("alice").slash("bark", kind, text="la")
            await again.until(lambda message: message.attachments)
        shown = await admin(discord, "morgan", "audit")
        assert shown.count("**halt**") == shown.count("**resume**") == 2
        head = await app._store.call(audit.head)
        assert f"Head: row {head.seq}, SHA-256 `{head.hash}`" in shown
        assert "feature=sing" in shown
        assert str(morgan.id) not in shown


async def test_the_voice_falls_silent_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        discord = ears.discord
        discord.user("morgan", permissions=MODERATOR)
        alice = ears.sit("alice")
        exchange = await discord.user("alice").slash("bark", "play", text="hold")
        await exchange.until(lambda message: "%" in message.content)
        await ears.turns("playing")  # the first half is heard while the rest is made
        await admin(discord, "morgan", "halt", feature="voice")
        await ears.turns("waiting")
        await discord.until(lambda: discord.application_id not in discord.world.voice_states)
        assert "paused" in await refused(discord, "alice", "play", text="hi")
        heard = len(speech(alice))
        await admin(discord, "morgan", "resume", feature="voice")
        ears.go(exchange)
        await ears.turns("played")
        assert len(speech(alice)) > heard


def test_a_job_is_stopped_by_what_it_uses() -> None:
    assert halts.features(Options()) == {"say"}
    assert halts.features(Options(kind=Kind.DIALOGUE, long=True)) == {"dialogue"}
    assert halts.features(Options(long=True, speak_in=1)) == {"say", "long", "voice"}
    assert not halts.touches(Halt(place="g2", feature=""), None, frozenset({"say"}))


@pytest.mark.parametrize("feature", Feature)
def test_every_feature_can_be_halted_and_has_its_words(feature: Feature) -> None:
    assert texts.FEATURES[feature]


def test_the_database_knows_only_places(tmp_path: Path) -> None:
    db = connect(tmp_path / DATABASE)
    with pytest.raises(sqlite3.IntegrityError):
        halts.add(db, Halt(place="u2", feature=""), 9, 1.0)
    db.close()
