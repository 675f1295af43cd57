"""`/bark dialogue`: in one line, in a window, with a cast of one's own, and what is said where it cannot be understood."""

from pathlib import Path

from bot.flow import queue
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on, scripted
from tests.fakes.child import FakeOptions

LONG = "and so on " * 200 + "bye."  # with the rest 2,030 characters: a conversation may be long
VOICES = ("v2/en_speaker_6", "v2/en_speaker_9", "v2/de_speaker_1", "v2/de_speaker_2")


async def test_turns_in_one_line(tmp_path: Path) -> None:
    synth = scripted(FakeOptions(voices=VOICES))
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        exchange = await discord.user("alice").slash(
            "bark", "dialogue", text=f"Ann: Hello! / Bob: Hi. | Ann: {LONG}", cast="bob=v2/en_speaker_6", dm=True
        )
        await exchange.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, exchange.id)
        assert job is not None
        assert job.text == f"Ann: Hello!\nBob: Hi.\nAnn: {LONG}"
        assert job.options.cast == {"Ann": "v2/en_speaker_9", "Bob": "v2/en_speaker_6"}
        assert discord.complaints == []


async def test_a_window_opens_where_there_is_no_text(tmp_path: Path) -> None:
    synth = scripted(FakeOptions(voices=VOICES))
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice = discord.user("alice")
        alice.person.locale = "de"
        opened = await alice.slash("bark", "dialogue", cast="Ann=v2/de_speaker_2", seed=5)
        await opened.acknowledged()
        assert opened.modal is not None
        assert opened.modal["title"] == "Ein Gespräch"
        sent = await alice.submit(opened, {"turns": "Ann: Hallo!\nBen: Hi."})
        await sent.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, sent.id)
        assert job is not None
        assert job.options.cast == {"Ann": "v2/de_speaker_2", "Ben": "v2/de_speaker_1"}
        assert job.seed == 5
        assert discord.complaints == []


async def test_what_is_wrong_is_said_to_the_asker(tmp_path: Path) -> None:
    wrong = [
        ({"text": "nobody speaks"}, "Begin each turn with a name"),
        ({"text": "Ann: Hi.", "cast": "Ann"}, "Write it like this"),
        ({"text": "Ann: Hi.", "cast": "Bob=v2/en_speaker_6"}, "Nobody called “Bob”"),
        ({"text": "Ann: Hi.", "cast": "Ann=v2/en_speaker_66"}, "no voice called “v2/en_speaker_66”"),
    ]
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await synth.until_ready()
        for options, said in wrong:
            exchange = await discord.user("alice").slash("bark", "dialogue", **options)
            message = await exchange.until(lambda message: message.content)
            assert message.ephemeral
            assert said in message.content
        assert discord.complaints == []
