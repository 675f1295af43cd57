"""`/bark long`: the window, the file, and each way in which a file cannot be read."""

import codecs
from pathlib import Path

from bot.commands.long import MOST_BYTES, decoded
from bot.flow import queue
from bot.loopback.server import Loopback
from bot.settings import Feature
from tests.bot.harness import bot_on

LONG = "a long text. " * 120  # 1,560 characters: more than /bark say takes


async def test_a_window_takes_what_say_does_not(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        opened = await alice.slash("bark", "long", voice="v2/de_speaker_1", seed=4, dm=True)
        await opened.acknowledged()
        sent = await alice.submit(opened, {"text": LONG})
        await sent.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, sent.id)
        assert job is not None
        assert (job.text, job.voice, job.seed, job.options.long) == (LONG.strip(), "v2/de_speaker_1", 4, True)
        assert discord.complaints == []


async def test_a_file_is_read_aloud_in_each_of_its_encodings(tmp_path: Path) -> None:
    plain, big = LONG.encode(), codecs.BOM_UTF16_BE + LONG.encode("utf-16-be")
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        for data in (plain, codecs.BOM_UTF8 + plain, LONG.encode("utf-16"), big):
            asked = {"file": ("story.TXT", data), "voice": "v2/de_speaker_1"}
            exchange = await discord.user("alice").slash("bark", "long", **asked)
            await exchange.until(lambda message: message.attachments)
            job = await app._store.call(queue.get, exchange.id)
            assert job is not None
            assert (job.text, job.voice) == (LONG.strip(), "v2/de_speaker_1")
        assert discord.complaints == []


async def test_a_file_that_cannot_be_read_is_refused_in_private(tmp_path: Path) -> None:
    wrong = [
        ("story.pdf", b"text", "only read .txt"),
        ("story.txt", b"a" * (MOST_BYTES + 1), "64 kB is the most"),
        ("story.txt", b"caf\xe9", "Save it as UTF-8"),
        ("story.txt", "hello".encode("utf-16-le"), "Save it as UTF-8"),
        ("story.txt", b" \n ", "nothing to say"),
        ("story.txt", b"word " * 1000, "4000 is the most"),
    ]
    async with Loopback() as discord, bot_on(discord, tmp_path):
        for name, data, said in wrong:
            exchange = await discord.user("alice").slash("bark", "long", file=(name, data))
            words = await exchange.until(lambda message: message.ephemeral)
            assert said in words.content
            await discord.until(lambda: discord.channel_messages(discord.general) == [])
        assert discord.complaints == []


async def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        exchange = await discord.user("alice").slash("bark", "long", file=("story.txt", b"hello"))
        discord.messages._files.clear()  # before the bot has heard of it
        words = await exchange.until(lambda message: message.ephemeral)
        assert "could not fetch that file" in words.content
        assert discord.complaints == []


def test_what_is_no_text() -> None:
    assert decoded(b"\0\1\2") is None
    assert decoded(b"\xff\xfea") is None
    assert decoded(b"") == ""


async def test_a_window_that_cannot_be_written_down_is_answered_too(tmp_path: Path) -> None:
    """A mistake behind a window becomes words like one behind a command."""
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        opened = await alice.slash("bark", "long")
        await opened.acknowledged()
        await app._store.call(lambda db: db.execute("ALTER TABLE jobs RENAME TO gone"))
        sent = await alice.submit(opened, {"text": "hello"})
        words = await sent.until(lambda message: message.content)
        await app._store.call(lambda db: db.execute("ALTER TABLE gone RENAME TO jobs"))
        assert words.ephemeral
        assert "I cannot take this down" in words.content


async def test_a_server_can_turn_it_off_also_for_windows_that_are_open(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        direct = await alice.slash("bark", "long", file=("story.txt", LONG.encode()), dm=True)
        await direct.until(lambda message: message.attachments)
        opened = await alice.slash("bark", "long")
        await opened.acknowledged()
        await app._book.change_server(discord.guild_id, off=[Feature.LONG])
        for exchange in (
            await alice.slash("bark", "long"),
            await alice.slash("bark", "long", file=("story.txt", LONG.encode())),
            await alice.submit(opened, {"text": LONG}),
            await alice.slash("bark", "again"),
        ):
            words = await exchange.until(lambda message: message.ephemeral)
            assert words.content == "This server has turned long texts off."
        words = await (await alice.slash("bark", "say", text=LONG)).until(lambda message: message.ephemeral)
        assert "send it in parts" in words.content  # what is off is not advised
        opened = await alice.slash("bark", "long", dm=True)
        await opened.acknowledged()
        assert opened.modal is not None
        assert discord.channel_messages(discord.general) == []
        assert discord.complaints == []
