"""How an answer reaches the asker when Discord does not play along."""

import asyncio
from pathlib import Path

import pytest

from bot.app import App
from bot.flow import queue
from bot.flow.job import TOKEN_LIFE, Job, State
from bot.flow.reply import NONCE_WINDOW
from bot.loopback.exchange import Exchange
from bot.loopback.faults import Fault
from bot.loopback.problems import ARCHIVED_THREAD, LOCKED_THREAD, MISSING_PERMISSIONS, UNAUTHORIZED, Problem
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.bot.harness import answers, bot_on
from tests.lives import MovedClock

EDIT = "PATCH /webhooks/{application}/{token}/messages/@original"
SEND = "POST /channels/{channel}/messages"
HISTORY = "GET /channels/{channel}/messages"


async def held(discord: Loopback, name: str = "alice") -> Exchange:
    """A job that renders until it is let go."""
    exchange = await discord.user(name).slash("bark", "say", text="hold")
    await exchange.until(lambda message: "%" in message.content)
    return exchange


async def test_who_does_not_want_to_be_called_is_named_but_not_called(tmp_path: Path, clock: MovedClock) -> None:
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        await app._book.change_mine(discord.user("alice").id, mention_late=False)
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        let_go(app, exchange)
        message = await exchange.until(lambda message: message.attachments)
        assert f"<@{discord.user('alice').id}>" in message.content
        assert message.pings == ()
        assert discord.complaints == []


def let_go(app: App, exchange: Exchange) -> None:
    (app._audio / f"{exchange.id}.go").touch()


async def settled(app: App, job: int) -> Job:
    async with asyncio.timeout(20):
        while (row := await app._store.call(queue.get, job)) is None or row.told_at is None:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0)
    return row


@pytest.fixture
def clock(tmp_path: Path) -> MovedClock:
    return MovedClock(tmp_path / "clock")


async def test_after_15_minutes_the_answer_is_a_message_that_mentions_only_the_asker(
    tmp_path: Path, clock: MovedClock
) -> None:
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        let_go(app, exchange)
        message = await exchange.until(lambda message: message.attachments)
        assert message.id != exchange.original.id
        assert message.nonce == str(exchange.id)
        assert f"<@{discord.user('alice').id}>" in message.content
        assert message.pings == (discord.user("alice").id,)
        assert (await settled(app, exchange.id)).state is State.ANSWERED
        assert len(answers(exchange.messages)) == 1
        assert discord.complaints == []


async def test_where_the_channel_is_closed_to_the_bot_the_asker_gets_a_direct_message(
    tmp_path: Path, clock: MovedClock
) -> None:
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        discord.deny(discord.general, Permissions.SEND_MESSAGES)
        let_go(app, exchange)
        message = await exchange.until(lambda message: message.attachments)
        assert message.channel_id == discord.user("alice").dm.id
        assert (await settled(app, exchange.id)).state is State.ANSWERED


@pytest.mark.parametrize("problem", [ARCHIVED_THREAD, LOCKED_THREAD])
async def test_an_answer_in_a_closed_thread_finds_another_way_at_once(problem: Problem, tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await discord.user("alice").slash("bark", "say", text="hold", channel=discord.thread)
        await exchange.until(lambda message: "%" in message.content)
        discord.faults.add(Fault.problem(problem, EDIT, times=None))
        discord.faults.add(Fault.problem(problem, SEND))
        let_go(app, exchange)
        assert (await settled(app, exchange.id)).state is State.ANSWERED
        message = await exchange.until(lambda message: message.attachments)
        assert message.channel_id == discord.user("alice").dm.id


async def test_an_answer_with_nowhere_to_go_is_given_up_without_a_storm(tmp_path: Path, clock: MovedClock) -> None:
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        discord.deny(discord.general, Permissions.SEND_MESSAGES)
        discord.user("alice").close_dms()
        let_go(app, exchange)
        job = await settled(app, exchange.id)
        assert (job.state, job.reason) == (State.EXPIRED, "nowhere-to-send")
        assert answers(exchange.messages) == []


async def test_a_token_that_dies_early_is_no_problem(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await held(discord)
        discord.faults.add(Fault.expired_token(EDIT, times=None))
        let_go(app, exchange)
        message = await exchange.until(lambda message: message.attachments)
        assert message.nonce == str(exchange.id)


async def test_audio_that_discord_finds_too_large_is_said_in_words(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await discord.user("alice").slash("bark", "say", text="hello", upload_limit=2048)
        message = await exchange.until(lambda message: message.ephemeral)
        assert "larger than I may upload here (2 kB)" in message.content
        assert (await settled(app, exchange.id)).state is State.FAILED


@pytest.mark.parametrize(
    "fault",
    [Fault.server_error(503, EDIT), Fault.lost_answer(EDIT), Fault.reset(EDIT), Fault.rate_limited(EDIT)],
    ids=lambda f: f.effect.name,
)
async def test_a_passing_fault_costs_only_time(tmp_path: Path, fault: Fault) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await held(discord)
        discord.faults.add(fault)
        let_go(app, exchange)
        await exchange.until(lambda message: message.attachments)
        assert (await settled(app, exchange.id)).state is State.ANSWERED
        assert len(answers(exchange.messages)) == 1


async def test_after_a_long_gap_the_history_is_looked_through_before_sending_again(
    tmp_path: Path, clock: MovedClock
) -> None:
    """Discord took the message, the answer was lost, and the nonce is forgotten by the time of the next try."""
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        discord.faults.add(Fault.lost_answer(SEND))
        let_go(app, exchange)
        await exchange.until(lambda message: message.attachments)
        clock.advance(NONCE_WINDOW + 600)
        assert (await settled(app, exchange.id)).state is State.ANSWERED
        assert len(answers(exchange.messages)) == 1


async def test_an_answer_that_discord_took_before_the_token_died_is_not_sent_again(
    tmp_path: Path, clock: MovedClock
) -> None:
    """The reply was replaced, the answer to that was lost, and the next try comes after the token's end."""
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        discord.faults.add(Fault.lost_answer(EDIT, times=None))
        let_go(app, exchange)
        await exchange.until(lambda message: message.attachments)
        clock.advance(TOKEN_LIFE)
        assert (await settled(app, exchange.id)).state is State.ANSWERED
        assert len(answers(exchange.messages)) == 1


async def test_where_the_history_is_closed_a_second_message_says_that_it_may_be_one(
    tmp_path: Path, clock: MovedClock
) -> None:
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        discord.faults.add(Fault.lost_answer(SEND))
        discord.faults.add(Fault.problem(MISSING_PERMISSIONS, HISTORY, times=None))
        let_go(app, exchange)
        await exchange.until(lambda message: message.attachments)
        clock.advance(NONCE_WINDOW + 600)
        await exchange.until(lambda message: "may be here twice" in message.content)
        assert (await settled(app, exchange.id)).state is State.ANSWERED


async def test_a_failure_after_15_minutes_is_still_told(tmp_path: Path, clock: MovedClock) -> None:
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock):
        first = await held(discord)
        second = await discord.user("bob").slash("bark", "say", text="fail:out-of-memory")
        await second.acknowledged()
        clock.advance(TOKEN_LIFE)
        (tmp_path / "audio" / f"{first.id}.go").touch()
        message = await second.until(lambda message: "more memory" in message.content)
        assert message.content.startswith(f"<@{discord.user('bob').id}>")


async def test_a_late_answer_that_is_too_large_is_said_in_words(tmp_path: Path, clock: MovedClock) -> None:
    """The channel may take less than the interaction did."""
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        discord.faults.add(Fault.too_large(SEND))
        let_go(app, exchange)
        await exchange.until(lambda message: "larger than I may upload" in message.content)
        assert (await settled(app, exchange.id)).state is State.FAILED


async def test_an_answer_is_kept_while_discord_refuses_the_bots_own_token(tmp_path: Path, clock: MovedClock) -> None:
    """It was reset, and the operator will set the new one."""
    async with Loopback(clock=clock) as discord, bot_on(discord, tmp_path, clock=clock) as app:
        exchange = await held(discord)
        clock.advance(TOKEN_LIFE)
        discord.faults.add(Fault.problem(UNAUTHORIZED, SEND))
        let_go(app, exchange)
        message = await exchange.until(lambda message: message.attachments)
        assert message.channel_id == discord.general
        assert (await settled(app, exchange.id)).state is State.ANSWERED


async def test_a_failure_whose_token_died_early_is_still_told(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        first = await held(discord)
        second = await discord.user("bob").slash("bark", "say", text="fail:out-of-memory")
        await second.acknowledged()
        discord.faults.add(Fault.expired_token(EDIT, times=None))
        let_go(app, first)
        message = await second.until(lambda message: "more memory" in message.content)
        assert message.content.startswith(f"<@{discord.user('bob').id}>")


async def test_audio_that_vanished_before_it_was_delivered_is_made_again_at_once(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await held(discord)
        discord.faults.add(Fault.reset(EDIT, times=None))
        let_go(app, exchange)
        async with asyncio.timeout(10):
            while (await app._store.call(queue.get, exchange.id)).state is not State.RENDERED:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
        (app._audio / f"{exchange.id}.ogg").unlink()
        discord.faults.clear()
        await exchange.until(lambda message: message.attachments)
        assert len(answers(exchange.messages)) == 1


async def test_takes_that_nobody_wants_any_more_leave_no_file(tmp_path: Path) -> None:
    """Each take has a file, and what was generated another."""
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await discord.user("alice").slash("bark", "takes", text="hold", count=3)
        await exchange.until(lambda message: "%" in message.content)
        await app._store.call(queue.cancel, exchange.id, 1.0, told=True)
        let_go(app, exchange)
        after = await discord.user("bob").slash("bark", "say", text="hello")
        await after.until(lambda message: message.attachments)
        assert {path.name for path in app._audio.glob(f"{exchange.id}*")} <= {f"{exchange.id}.go"}


async def test_audio_that_nobody_wants_any_more_leaves_no_file(tmp_path: Path) -> None:
    """The job was cancelled while its last step was made."""
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        exchange = await held(discord)
        await app._store.call(queue.cancel, exchange.id, 1.0, told=True)
        let_go(app, exchange)
        after = await discord.user("bob").slash("bark", "say", text="hello")
        await after.until(lambda message: message.attachments)
        assert not (app._audio / f"{exchange.id}.ogg").exists()
        assert answers(exchange.messages) == []


STUMBLE = (
    "CREATE TRIGGER stumble BEFORE UPDATE OF {column} ON jobs WHEN NEW.state = '{state}'"
    " BEGIN SELECT RAISE(ABORT, 'a mistake of ours'); END"
)


async def test_a_mistake_of_ours_ends_as_a_failure_with_words_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        await app._store.call(lambda db: db.execute(STUMBLE.format(column="told_at", state="answered")) and None)
        exchange = await discord.user("alice").slash("bark", "say", text="hello")
        message = await exchange.until(lambda message: message.ephemeral and "Something went wrong" in message.content)
        assert "the log has the details" in message.content
        job = await settled(app, exchange.id)
        assert (job.state, job.reason) == (State.FAILED, "internal")
        assert "a mistake of ours" in caplog.text
        await app._store.call(lambda db: db.execute("DROP TRIGGER stumble") and None)
        after = await discord.user("bob").slash("bark", "say", text="hello")
        await after.until(lambda message: message.attachments)
        await idle(app)


async def test_a_failure_that_cannot_be_told_by_a_mistake_of_ours_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        await app._store.call(lambda db: db.execute(STUMBLE.format(column="send_at", state="failed")) and None)
        exchange = await discord.user("alice").slash("bark", "say", text="fail:out-of-memory")
        job = await settled(app, exchange.id)
        assert (job.state, job.reason) == (State.FAILED, "out-of-memory")
        assert "nor can its end be told" in caplog.text
        await idle(app)


async def idle(app: App) -> None:
    """Until nothing is being delivered."""
    async with asyncio.timeout(20):
        while app._outbox._busy:  # noqa: ASYNC110 - a set has no event
            await asyncio.sleep(0)
