"""The limits as people meet them: on seconds of speech, and on what costs little. The clock is moved by hand."""

import re
import time
from pathlib import Path

import pytest

from bot.app import App
from bot.commands.brake import MANY, TYPING, Brake
from bot.flow import meters, queue
from bot.loopback.exchange import Exchange
from bot.loopback.interactions import Callback
from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from tests.bot.commands.scene import scene_in
from tests.bot.harness import bot_on

TEXT = "a" * 900  # a minute of speech


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


async def private(exchange: Exchange) -> str:
    message = await exchange.until(lambda message: message.ephemeral and message.content)
    return message.content


def when(words: str) -> int:
    return int(re.findall(r"<t:(\d+):R>", words)[0])


async def levels(app: App) -> dict[str, float]:
    return await app._store.call(lambda db: dict(map(tuple, db.execute("SELECT name, level FROM meters"))))


async def test_speech_is_limited_shown_before_it_bites_and_there_again_when_it_was_promised(
    tmp_path: Path, schema: Schema | None
) -> None:
    clock, limits = Clock(), {"member_seconds_per_hour": 0, "user_seconds_per_hour": 1800, "user_burst_seconds": 90}
    async with Loopback(schema=schema) as discord_:
        alice = discord_.user("alice")
        async with bot_on(discord_, tmp_path, clock=clock, **limits) as app:
            assert "You can have about 2 min of speech right now." in await private(await alice.slash("bark", "queue"))
            held = await alice.slash("bark", "say", text=f"hold {TEXT}"[:900])
            await held.until(lambda message: "%" in message.content)
            shown = await private(await alice.slash("bark", "queue"))
            assert "You can have about 30 s of speech right now; all of it again" in shown
            assert when(shown) == clock.now + 120
            refusal = await private(await alice.slash("bark", "say", text=TEXT))
            assert "You have had your share of speech for now: 30 min an hour for a person." in refusal
            assert when(refusal) == clock.now + 60
            elsewhere = await private(await alice.slash("bark", "say", text=TEXT, dm=True))
            assert when(elsewhere) == clock.now + 60
            too_much = await private(await alice.slash("bark", "takes", text=TEXT, count=2))
            assert "2 min of speech" in too_much
        clock.now += 60
        async with bot_on(discord_, tmp_path, clock=clock, **limits) as app:  # a restart forgets nothing
            (app._audio / f"{held.id}.go").touch()
            await held.until(lambda message: message.attachments)
            job = await app._store.call(queue.get, held.id)
            assert job is not None
            assert job.charged == job.seconds
            allowed = await alice.slash("bark", "say", text=TEXT)
            await allowed.until(lambda message: message.attachments)
        assert discord_.complaints == []


async def test_what_is_taken_back_is_given_back(tmp_path: Path) -> None:
    clock = Clock()
    async with Loopback() as discord_, bot_on(discord_, tmp_path, clock=clock) as app:
        alice, bob = discord_.user("alice"), discord_.user("bob")
        first = await bob.slash("bark", "say", text="hold")
        await first.until(lambda message: "%" in message.content)
        second = await alice.slash("bark", "say", text=TEXT)
        await second.until(lambda message: "Next in line" in message.content)
        assert (await levels(app))[f"u{alice.id}"] == 60.0
        await private(await alice.slash("bark", "cancel"))
        after = await levels(app)
        assert after[f"u{alice.id}"] == 0.0
        assert after[f"g{discord_.guild_id}"] == after[f"u{bob.id}"] == meters.SHORTEST
        (app._audio / f"{first.id}.go").touch()
        await first.until(lambda message: message.attachments)


async def test_a_server_lowers_what_its_members_may_have(tmp_path: Path) -> None:
    clock = Clock()
    async with Loopback() as discord_, bot_on(discord_, tmp_path, clock=clock) as app:
        await app._book.change_server(discord_.guild_id, member_seconds_per_hour=30)
        alice = discord_.user("alice")
        assert "30 s is the most at once here" in await private(await alice.slash("bark", "say", text=TEXT))
        assert "about 30 s of speech" in await private(await alice.slash("bark", "queue"))
        assert "about 10 min of speech" in await private(await alice.slash("bark", "queue", dm=True))


async def test_who_is_too_fast_is_told_when_to_go_on(tmp_path: Path, schema: Schema | None) -> None:
    clock = Clock()
    async with scene_in(tmp_path, schema, clock=clock, actions_per_minute=3) as scene:
        answer = await scene.answered("alice")
        alice = scene.discord.user("alice")
        for _ in range(2):
            await private(await alice.slash("bark", "queue"))
        await scene.private(await alice.press(answer, label="More"))
        slow = await private(await alice.slash("bark", "about"))
        assert slow == f"That was a lot at once. Try again <t:{int(clock.now) + 20}:R>."
        pressed = await alice.press(answer, label="Again")
        assert await private(pressed) == slow
        assert pressed.acknowledgement.type is Callback.MESSAGE
        assert len(pressed.messages) == 1
        assert len(await scene.jobs()) == 1
        assert "in line" in await private(await scene.discord.user("bob").slash("bark", "queue"))
        clock.now += 20
        assert "in line" in await private(await alice.slash("bark", "queue"))


async def test_who_types_too_fast_gets_no_choices_and_may_still_act(tmp_path: Path) -> None:
    clock = Clock()
    async with Loopback() as discord_, bot_on(discord_, tmp_path, clock=clock, actions_per_minute=1) as app:
        alice = discord_.user("alice")
        await app._synth.until_ready()
        offered = [await alice.autocomplete("bark", "say", focused=("voice", "")) for _ in range(TYPING + 1)]
        assert all(offered[:TYPING])
        assert offered[TYPING] == []
        assert "in line" in await private(await alice.slash("bark", "queue"))
        clock.now += 60 / TYPING
        assert await alice.autocomplete("bark", "say", focused=("voice", ""))


def test_a_clock_set_back_stops_nobody() -> None:
    clock = Clock()
    brake = Brake(clock=clock, actions=2)
    assert [brake.press(1) for _ in range(3)] == [0.0, 0.0, 30.0]
    clock.now -= 365 * 86_400
    assert brake.press(1) == 30.0
    clock.now += 30
    assert brake.press(1) == 0.0


def test_people_who_have_become_quiet_are_forgotten() -> None:
    clock = Clock()
    brake = Brake(clock=clock, actions=2)
    for user in range(MANY):
        brake.press(user)
    clock.now += 61
    brake.press(MANY)
    assert len(brake._gauges) == 1


@pytest.mark.parametrize("typing", [False, True])
def test_no_limit_is_no_limit(typing: bool) -> None:  # noqa: FBT001 - pytest hands it over
    brake = Brake(clock=Clock(), actions=0)
    assert {brake.press(1, typing=typing) for _ in range(1000)} == {0.0}
