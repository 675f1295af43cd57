"""The whole story over real wire bytes: a real discord.py client, a real synth process, a real database. Read this first."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
import soundfile

from bot.app import DATABASE, App
from bot.flow import queue
from bot.flow.job import Job, State
from bot.loopback.faults import Fault
from bot.loopback.server import Loopback
from bot.vault import Vault
from synth import worker
from synth.process import Patience, Synth
from tests.bot.harness import answers, bot_on, scripted
from tests.bot.privacy.disk import on_disk
from tests.fakes.child import FakeOptions


async def told(app: App, job: int) -> Job:
    """The job as written down once its asker was told."""
    async with asyncio.timeout(10):
        while (row := await app._store.call(queue.get, job)) is None or row.told_at is None:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0)
    return row


async def test_one_bark(tmp_path: Path) -> None:
    """Deferred at once, told where it stands, then the audio with its label, voice and seed; on disk nothing is left to do."""
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        exchange = await alice.slash("bark", "say", text="hello there", voice="v2/de_speaker_1", seed=7)
        acknowledged = await exchange.acknowledged()
        assert acknowledged.type == 5  # deferred: "barkbot is thinking..."

        message = await exchange.until(lambda message: message.attachments)
        assert message.id == exchange.original.id
        assert message.content.startswith("AI-generated speech (Bark) · voice v2/de_speaker_1 · seed 7 · 1.0 s")
        shown = "\n".join(exchange.history)
        assert "%" in shown

        audio = message.attachments[0]
        assert audio.filename == f"ai-speech-{exchange.id}.ogg"
        assert "AI-generated" in audio.description
        with soundfile.SoundFile(io.BytesIO(audio.data)) as file:
            assert file.subtype == "OPUS"
            assert f"job={exchange.id}; seed=7; text=hello there" in file.comment

        job = await told(app, exchange.id)
        assert job.state is State.ANSWERED
        assert job.token is None
        assert discord.complaints == []
    kept = {path.name for path in (tmp_path / "audio").iterdir()}
    assert kept == {f"{exchange.id}.ogg", f"{exchange.id}.npz"}  # for the buttons


async def test_the_shipped_model_speaks(tmp_path: Path) -> None:
    """The same with the real synth process and the model in the package; with a data key no file holds the text."""
    synth = Synth(worker.main, worker.WorkerOptions(model="pup", device="cpu", threads=1), patience=Patience())
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth, vault=Vault(b"k" * 32)):
        exchange = await discord.user("alice").slash("bark", "say", text="hello there", seed=3)
        message = await exchange.until(lambda message: message.attachments, timeout=60)
        samples, rate = soundfile.read(io.BytesIO(message.attachments[0].data))
        assert 0.3 < len(samples) / rate < 5
        assert abs(samples).max() > 0.05
        offered = await discord.user("alice").autocomplete("bark", "say", focused=("voice", ""))
        assert message.content.split("voice ")[1].startswith(offered[0]["value"])
        assert discord.complaints == []
        assert on_disk(tmp_path, "OggS") == [f"{exchange.id}.ogg"]
        assert on_disk(tmp_path, "hello there") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text": "   "}, "Write some text"),
        ({"text": "x" * 1001}, "1000 is the most"),
        ({"text": "hi", "voice": "v2/en_speaker_7"}, "Did you mean v2/en_speaker_6"),
    ],
)
async def test_a_refusal_is_private_and_says_what_to_do(tmp_path: Path, options: dict[str, str], said: str) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await synth.until_ready()
        exchange = await discord.user("alice").slash("bark", "say", **options)
        message = await exchange.until(lambda message: message.content)
        assert exchange.ephemeral
        assert said in message.content
        assert discord.channel_messages(discord.general) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fail:out-of-memory", "more memory"),
        ("fail:empty-speech", "stayed silent"),
        ("error", "Something went wrong"),
        ("fail:disk-full", "disk"),
    ],
)
async def test_a_failure_is_told_to_the_asker_alone(tmp_path: Path, text: str, said: str) -> None:
    """The placeholder goes away, and words that help appear where only the asker sees them."""
    async with Loopback() as discord, bot_on(discord, tmp_path):
        exchange = await discord.user("alice").slash("bark", "say", text=text)
        message = await exchange.until(lambda message: message.ephemeral)
        assert said in message.content
        assert "Traceback" not in message.content
        await discord.until(lambda: exchange.messages == [message])
        assert discord.channel_messages(discord.general) == []


async def test_a_text_that_kills_the_synth_process_is_put_aside_and_others_go_on(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        bad = await discord.user("mallory").slash("bark", "say", text="crash")
        good = await discord.user("alice").slash("bark", "say", text="hello")
        await good.until(lambda message: message.attachments, timeout=30)
        words = await bad.until(lambda message: message.ephemeral, timeout=30)
        assert "3 times" in words.content


async def test_the_place_in_line_is_shown_and_kept_current(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        first = await discord.user("alice").slash("bark", "say", text="hold")
        await first.until(lambda message: "%" in message.content)
        second = await discord.user("bob").slash("bark", "say", text="hold")
        third = await discord.user("carol").slash("bark", "say", text="three")
        await second.until(lambda message: "Next in line" in message.content)
        await third.until(lambda message: "2 of 2" in message.content)
        (app._audio / f"{first.id}.go").touch()
        await third.until(lambda message: "Next in line" in message.content)
        (app._audio / f"{second.id}.go").touch()
        await third.until(lambda message: message.attachments)


async def test_as_many_jobs_are_in_work_as_the_synth_process_has_seats(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=scripted(FakeOptions(seats=2))) as app:
        names = ("alice", "bob", "carol")
        asked = [await discord.user(name).slash("bark", "say", text="hold") for name in names]
        for exchange in asked[:2]:
            await exchange.until(lambda message: "%" in message.content)
        await asked[2].until(lambda message: "Next in line" in message.content)
        for exchange in (asked[1], asked[2], asked[0]):
            (app._audio / f"{exchange.id}.go").touch()
            await exchange.until(lambda message: message.attachments)


async def test_jobs_that_were_at_hand_at_a_death_go_one_at_a_time(tmp_path: Path) -> None:
    """Whoever killed the process kills it again, but alone; the others are answered."""
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=scripted(FakeOptions(seats=3))):
        good = [await discord.user(name).slash("bark", "say", text="slow:0.3") for name in ("alice", "bob")]
        bad = await discord.user("mallory").slash("bark", "say", text="crash")
        for exchange in good:
            await exchange.until(lambda message: message.attachments, timeout=30)
        words = await bad.until(lambda message: message.ephemeral, timeout=30)
        assert "3 times" in words.content


async def test_whoever_deletes_the_reply_does_not_want_the_answer(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        first = await discord.user("alice").slash("bark", "say", text="hold")
        await first.until(lambda message: "%" in message.content)
        second = await discord.user("bob").slash("bark", "say", text="never mind")
        reply = await second.until(lambda message: "Next in line" in message.content)
        discord.messages.delete(reply)
        third = await discord.user("carol").slash("bark", "say", text="three")
        (app._audio / f"{first.id}.go").touch()
        await third.until(lambda message: message.attachments)
        job = await told(app, second.id)
        assert job.state in (State.CANCELLED, State.EXPIRED)
        assert answers(second.messages) == []


async def test_it_works_in_direct_messages(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        exchange = await discord.user("alice").slash("bark", "say", text="hello", dm=True)
        await exchange.until(lambda message: message.attachments)


async def test_the_voice_field_offers_what_was_typed(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await synth.until_ready()
        offered = await discord.user("alice").autocomplete("bark", "say", focused=("voice", "de"))
        assert [choice["value"] for choice in offered] == ["v2/de_speaker_1"]


async def test_voices_are_offered_after_a_restart_before_the_model_is_loaded(tmp_path: Path) -> None:
    async with Loopback() as discord:
        synth = scripted()
        async with bot_on(discord, tmp_path, synth=synth):
            await synth.until_ready()
            (
                await (await discord.user("alice").slash("bark", "say", text="one")).until(
                    lambda message: message.attachments
                )
            )
        async with bot_on(discord, tmp_path, synth=scripted(FakeOptions(load="hang"))):
            offered = await discord.user("alice").autocomplete("bark", "say", focused=("voice", ""))
            assert [choice["value"] for choice in offered] == ["v2/en_speaker_6", "v2/de_speaker_1"]


async def test_commands_are_synced_only_when_they_changed(tmp_path: Path) -> None:
    sync = "PUT /applications/{application}/commands"
    async with Loopback() as discord:
        async with bot_on(discord, tmp_path):
            assert [command["name"] for command in discord.commands.all(None)] == [
                "bark",
                "bark-admin",
                "Bark this",
                "Bark this in voice",
                "Report to moderators",
                "Is this from Bark?",
            ]
        discord.faults.add(Fault.server_error(400, sync, times=None))
        async with bot_on(discord, tmp_path):
            pass
        assert discord.faults.struck == []  # no second sync
        (tmp_path / DATABASE).unlink()
        async with bot_on(discord, tmp_path):  # the mark is gone: a sync is tried, and its failure is no reason to stop
            pass
        assert [route for route, _ in discord.faults.struck] == [sync]


async def test_one_person_cannot_fill_the_queue(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path, waiting_per_user=2) as app:
        alice = discord.user("alice")
        first = await alice.slash("bark", "say", text="hold")
        await alice.slash("bark", "say", text="two")
        await first.until(lambda message: "%" in message.content)
        third = await alice.slash("bark", "say", text="three")
        message = await third.until(lambda message: message.content)
        assert third.ephemeral
        assert "2 in line already" in message.content
        (app._audio / f"{first.id}.go").touch()


@pytest.mark.parametrize("route", ["GET /users/@me", "GET /oauth2/applications/@me"])
async def test_a_discord_that_stumbles_at_the_start_is_asked_again(tmp_path: Path, route: str) -> None:
    async with Loopback() as discord:
        discord.faults.add(Fault.server_error(503, route, times=2))
        async with bot_on(discord, tmp_path):
            exchange = await discord.user("alice").slash("bark", "say", text="hello")
            await exchange.until(lambda message: message.attachments)
        assert len(discord.faults.struck) == 2
