"""`/bark say`, `sing`, `sound`, `takes`, `again`: what reaches the queue, and what the fields offer while somebody types."""

from pathlib import Path

import pytest

from bot.flow import queue
from bot.flow.job import Job
from bot.flow.options import Format, Kind
from bot.loopback.commands import Refused
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on, scripted


async def test_each_kind_of_text_is_asked_for_with_its_options(tmp_path: Path) -> None:
    fine = {"liveliness": 1.2, "texture": 0.3, "format": "mp3", "max_seconds": 9, "voice_message": True}
    async with Loopback() as discord, bot_on(discord, tmp_path, waiting_per_user=9) as app:
        alice = discord.user("alice")

        async def asked(name: str, **options: object) -> Job:
            exchange = await alice.slash("bark", name, **options)
            await exchange.acknowledged()
            await exchange.until(lambda message: message.content)
            job = await app._store.call(queue.get, exchange.id)
            assert job is not None
            return job

        said = await asked("say", text="hello", seed=3, **fine)
        assert (said.options.kind, said.options.format, said.options.voice_message) == (Kind.SAY, Format.MP3, True)
        assert (said.options.text_temp, said.options.waveform_temp, said.options.max_seconds) == (1.2, 0.3, 9)
        sung = await asked("sing", text="row your boat / gently down", voice="v2/en_speaker_6")
        assert (sung.options.kind, sung.text) == (Kind.SING, "row your boat\ngently down")
        assert (await asked("sound", text="rain / wind")).options.kind is Kind.SOUND
        assert (await asked("takes", text="twice")).options.takes == 2
        assert (await asked("takes", text="often", count=4)).options.takes == 4
        assert said.options.locale == "en-US"
        assert discord.complaints == []


async def test_the_simple_case_is_not_crowded(tmp_path: Path) -> None:
    """What must be said comes first, then voice and seed; the rest only shows when it is chosen."""
    async with Loopback() as discord, bot_on(discord, tmp_path):
        bark = discord.commands.all(None)[0]
        options = {command["name"]: [option["name"] for option in command["options"]] for command in bark["options"]}
        required = {
            command["name"]: [option["name"] for option in command["options"] if option["required"]]
            for command in bark["options"]
        }
        fine = ["liveliness", "texture", "format", "max_seconds", "voice_message"]
        assert options["say"] == options["sing"] == options["sound"] == ["text", "voice", "seed", *fine]
        assert options["takes"] == ["text", "count", "voice", "seed", *fine]
        assert {name: found for name, found in required.items() if found} == {
            **{name: ["text"] for name in ("say", "sing", "sound", "takes", "play")},
            "verify": ["file"],
        }


async def test_what_discord_does_not_let_through(tmp_path: Path) -> None:
    wrong: list[tuple[str, dict[str, object]]] = [
        ("say", {"text": "x", "liveliness": 1.6}),
        ("say", {"text": "x", "format": "exe"}),
        ("say", {"text": "x" * 4001}),
        ("takes", {"text": "x", "count": 5}),
        ("takes", {"text": "x", "count": 1}),
    ]
    async with Loopback() as discord, bot_on(discord, tmp_path):
        for name, options in wrong:
            with pytest.raises(Refused):
                await discord.user("alice").slash("bark", name, **options)


async def test_a_text_too_long_for_say_is_shown_the_way_to_long(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        exchange = await discord.user("alice").slash("bark", "say", text="x" * 1500)
        refusal = await exchange.until(lambda message: message.ephemeral)
        assert "use /bark long: up to 4000" in refusal.content


async def test_every_voice_field_offers_what_fits(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await synth.until_ready()
        for name in ("say", "sing", "sound", "takes", "long"):
            for dm in (False, True):
                offered = await discord.user("alice").autocomplete("bark", name, focused=("voice", "de"), dm=dm)
                assert [choice["value"] for choice in offered] == ["v2/de_speaker_1"]


async def test_again_makes_the_last_text_once_more_with_a_new_seed_also_after_a_restart(tmp_path: Path) -> None:
    async with Loopback() as discord:
        alice = discord.user("alice")
        async with bot_on(discord, tmp_path) as app:
            nothing = await (await alice.slash("bark", "again")).until(lambda message: message.content)
            assert nothing.ephemeral
            assert "Begin with /bark say" in nothing.content
            first = await alice.slash("bark", "say", text="hello", voice="v2/de_speaker_1", seed=7, format="flac")
            await first.until(lambda message: message.attachments)
            refused = await alice.slash("bark", "say", text="   ")
            await refused.until(lambda message: message.ephemeral)
        async with bot_on(discord, tmp_path) as app:
            again = await alice.slash("bark", "again", dm=True)
            await again.until(lambda message: message.attachments)
            job = await app._store.call(queue.get, again.id)
            assert job is not None
            assert (job.text, job.voice, job.options.format, job.options.parent) == (
                "hello",
                "v2/de_speaker_1",
                Format.FLAC,
                first.id,
            )
            assert job.seed != 7
            other = await (await discord.user("bob").slash("bark", "again")).until(lambda message: message.content)
            assert "no text of yours" in other.content
        assert discord.complaints == []
