"""What stands in the context menu of a message."""

from pathlib import Path

from bot.flow import queue
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on

HERE, IN_VOICE = "Bark this", "Bark this in voice"


async def test_a_message_is_spoken_in_words(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice, bob = discord.user("alice"), discord.user("bob")
        said = bob.write(f"**hey** <@{alice.id}>, see https://example.org <:wave:1>")
        exchange = await alice.use_on_message(HERE, said)
        await exchange.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, exchange.id)
        assert job is not None
        assert job.text.replace("Alice", "") == "hey , see link wave"
        assert discord.complaints == []


async def test_what_cannot_be_spoken_is_said_in_private(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        alice = discord.user("alice")
        for content, said in (("```code```", "nothing to read in that message"), ("x" * 1800, "1000 is the most")):
            exchange = await alice.use_on_message(HERE, discord.user("bob").write(content))
            words = await exchange.until(lambda message: message.content)
            assert words.ephemeral
            assert said in words.content
        assert discord.complaints == []


async def test_in_voice_is_for_those_who_sit_in_a_voice_channel(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        alice = discord.user("alice")
        said = discord.user("bob").write("good dog")
        alone = await (await alice.use_on_message(IN_VOICE, said)).until(lambda message: message.content)
        assert alone.ephemeral
        assert "Join one" in alone.content
        alice.join_voice()
        exchange = await alice.use_on_message(IN_VOICE, said)
        await exchange.until(lambda message: message.attachments)
        job = await app._store.call(queue.get, exchange.id)
        assert job is not None
        assert job.options.speak_in == discord.voice_channel
        assert discord.complaints == []
