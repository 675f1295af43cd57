"""`/bark verify` and its entry in the menu of a message: what is found, in words for whoever asks alone."""

from __future__ import annotations

import asyncio
import datetime
import io
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from bot import papers, runner
from bot.commands.verify import sounds
from bot.flow import made
from bot.flow.made import Made
from bot.flow.verify import Busy, Verdict, Verifier, chance, report
from bot.loopback.exchange import Exchange
from synth import audio, bounded, chain, credentials, mark_key, watermark
from synth.credentials import Credential
from synth.verify import Findings, Found
from tests.bot.commands.scene import scene_in
from tests.bot.harness import settings

RATE = 24_000
KEY = bytes(range(32))
THIS = "Is this from Bark?"


def speech(seconds: float) -> np.ndarray:
    """Something with the rise and fall of speech, (n,)."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(time.size)
    return (0.1 * (np.sin(2 * np.pi * 180 * time) + 0.2 * noise) * (1.2 + np.sin(2 * np.pi * 4 * time))).astype("f4")


def again(data: bytes, kind: str, subtype: str) -> bytes:
    """The sound of a file in another one, as programs on the way make it."""
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=kind, subtype=subtype)
    return out.getvalue()


def signed(folder: Path) -> bytes:
    """A marked and signed MP3, as a bot with these papers makes it."""
    pair = chain.prepare(folder / papers.FOLDER, datetime.datetime.now(datetime.UTC))
    tags = audio.Tags(voice="v2/en_speaker_6", seed=7, model="m")
    path = folder / "clip.mp3"
    audio.write(path, watermark.embed(speech(6), RATE, KEY), RATE, tags, sign=credentials.Signer(*pair))
    return path.read_bytes()


async def words(exchange: Exchange) -> str:
    """The answer, which one person sees."""
    message = await exchange.until(lambda message: message.content, timeout=60)
    assert message.ephemeral
    return message.content


async def test_a_clip_is_known_by_what_is_in_it_and_by_what_was_made_here(tmp_path: Path) -> None:
    (tmp_path / mark_key.FILE).write_text(KEY.hex())
    clip = await asyncio.to_thread(signed, tmp_path)
    async with scene_in(tmp_path, None) as scene:
        alice, bob = scene.discord.user("alice"), scene.discord.user("bob")

        said = await words(await bob.slash("bark", "verify", file=("x.mp3", clip)))
        assert "**Watermark**: found (p = " in said
        assert "valid and signed by me" in said
        assert "they say that it is AI-generated" in said
        assert "no proof" not in said

        through = again(again(clip, "OGG", "OPUS"), "OGG", "OPUS")  # as it comes after two programs
        said = await words(await bob.slash("bark", "verify", file=("x.ogg", through)))
        assert "**Watermark**: found (p = " in said
        assert "**Content Credentials**: none" in said
        assert "**Tags**: nothing" in said

        posted = await (await alice.slash("bark", "say", text="hello")).until(lambda message: message.attachments)
        said = await words(await bob.use_on_message(THIS, posted))
        assert "**I made this** on <t:" in said
        assert "it is the very file" in said

        attached = posted.attachments[0]
        said = await words(
            await bob.slash("bark", "verify", file=(attached.filename, again(attached.data, "FLAC", "PCM_16")))
        )
        assert "it is not that file" in said

        said = await words(await bob.slash("bark", "verify", file=("x.wav", b"RIFF but no sound"), dm=True))
        assert "cannot read that as audio" in said

        said = await words(await bob.use_on_message(THIS, alice.write("hello")))
        assert "no audio file in that message" in said

        exchange = await bob.slash("bark", "verify", file=("x.mp3", clip))
        scene.discord.messages._files.clear()  # before the bot has fetched it
        assert "could not fetch that file" in await words(exchange)


async def test_what_the_real_synth_process_makes_is_signed_by_the_bot_and_known_again(tmp_path: Path) -> None:
    """Its key is in a file of the store's folder, and neither in the child's command line nor in its environment."""
    synth = runner.synth_of(settings(tmp_path))
    async with scene_in(tmp_path, None, synth=synth) as scene:
        alice = scene.discord.user("alice")
        asked = await alice.slash("bark", "say", text="hello there", format="flac")
        posted = await asked.until(lambda message: message.attachments, timeout=100)
        said = await words(await alice.use_on_message(THIS, posted))
        assert "it is the very file" in said
        assert "valid and signed by me" in said
        child = psutil.Process(synth._life.pid)
        told = " ".join([*child.cmdline(), *child.environ().values()])
        secret = (tmp_path / papers.FOLDER / chain.KEY_FILE).read_text().splitlines()[1:-1]
        assert secret
        assert not any(line in told for line in secret)


def findings(**values: object) -> Findings:
    usual = {"format": "WAV", "seconds": 6.0, "mark": None, "readable": True, "credential": None, "tags": {}}
    return Findings(**(usual | values))


def credential(**values: object) -> Credential:
    usual = {"valid": True, "own": False, "signer": "Somebody", "made_by_ai": True, "made_with": "x"}
    return Credential(**(usual | values))


def told(**values: object) -> str:
    return report(Verdict(made=None, findings=findings(**values)))


class TestWords:
    def test_nothing_found_is_no_proof(self):
        said = told(mark=Found(own=True, found=False, score=2.0, p=0.5))
        assert "none found, which proves nothing" in said
        assert "no proof that a person speaks" in said

    def test_what_points_here_leaves_that_out(self):
        mark = Found(own=True, found=True, score=20.0, p=1e-50)
        for some in (
            {"mark": mark},
            {"tags": {"comment": "AI-generated audio"}},
            {"credential": credential(own=True)},
            {"credential": credential()},
        ):
            assert "no proof that a person speaks" not in told(**some)

    def test_the_public_mark_is_nobodys(self):
        assert "nobody in particular" in told(mark=Found(own=False, found=True, score=20.0, p=1e-50))

    def test_credentials_are_worth_what_their_signer_is(self):
        assert "signed by “Somebody”, whoever that is" in told(credential=credential())
        assert "do not say that it is AI" in told(credential=credential(made_by_ai=False))
        assert "broken" in told(credential=credential(valid=False, own=True))
        assert "cannot read them where I run" in told(readable=False)

    def test_a_strangers_certificate_writes_no_markup(self):
        said = told(credential=credential(signer="**@everyone** [x](https://example.org)\n# me" + "a" * 200))
        assert "@everyone" not in said
        assert "https://" not in said
        assert "\n#" not in said
        assert len(said) < 1000

    def test_long_clips_are_heard_in_part(self):
        assert "I have listened to the first 30 s" in told(seconds=30.0)

    def test_unreadable_files_may_still_be_ours(self):
        verdict = Verdict(made=Made(at=1e9, same=True), findings=None, unreadable=bounded.TimedOut("late"))
        assert report(verdict).startswith("**I made this** on <t:1000000000:f>")
        assert "too long to read" in report(verdict)

    @pytest.mark.parametrize(("p", "said"), [(0.5, "5e-01"), (3.4e-12, "3e-12"), (0.0, "1e-99")])
    def test_chances_are_short(self, p, said):
        assert chance(p) == said


def test_what_claims_to_be_a_sound_is_taken_for_one() -> None:
    assert sounds("a.OGG", None)
    assert sounds("voice", "audio/mpeg")
    assert not sounds("a.txt", "text/plain")


async def test_one_at_a_time_for_each_person_and_so_many_for_all() -> None:
    async def find(_: bytes, __: str) -> Made | None:
        return None

    verifier, over = Verifier(find=find, certificate=Path("none"), keys=lambda: ()), asyncio.Event()

    async def wait(user: int) -> None:
        async with verifier.turn(user):
            await over.wait()

    async with asyncio.TaskGroup() as tasks:
        for user in range(8):
            tasks.create_task(wait(user))
        await asyncio.sleep(0)
        for user in (3, 8):
            with pytest.raises(Busy):
                async with verifier.turn(user):
                    pass
        over.set()
    async with verifier.turn(3):
        pass


async def test_files_are_known_by_their_bytes_then_by_their_names(tmp_path: Path) -> None:
    from bot.store import Store  # noqa: PLC0415

    store = Store.open(tmp_path / "a.sqlite3")
    try:
        await store.call(made.remember, 77, [made.digest(b"one"), made.digest(b"two")], 5.0)
        assert await store.call(made.find, made.digest(b"two")) == Made(at=5.0, same=True)
        for name, known in {
            "ai-speech-77.ogg": True,
            "AI-Speech-77-2.MP3": True,
            "ai-speech-78.ogg": False,
            "ai-speech-99999999999999999999.ogg": False,
            "ai-speech-77.exe": False,
            "ai-speech-77'; DROP TABLE made; --.ogg": False,
            "": False,
        }.items():
            found = await store.call(made.find, made.digest(b"else"), name)
            assert found == (Made(at=5.0, same=False) if known else None), name
    finally:
        store.close()
