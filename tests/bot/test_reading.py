"""Reading a channel aloud: off until a moderator turns it on, and only with Discord's leave to know what messages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.bot.ears import Ears, ears_in, speech
from tests.bot.harness import bot_on


async def reading(ears: Ears) -> None:
    """The bot is in the voice channel with alice, and reads #general."""
    ears.discord.user("mona", permissions=Permissions.MANAGE_GUILD)
    await ears.said("alice", "join")
    exchange = await ears.discord.user("mona").slash("bark-admin", "read", on=True)
    message = await exchange.until(lambda message: message.content)
    assert not message.ephemeral
    assert "I read the messages of" in message.content


async def test_without_the_intent_it_says_what_to_do(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        ears.discord.user("mona", permissions=Permissions.MANAGE_GUILD)
        _, admin, *_ = ears.discord.commands.all(None)
        admin["default_member_permissions"] = None  # whoever runs a server can let everybody see the command
        for name, words in (("mona", "Message Content Intent"), ("alice", "for moderators")):
            exchange = await ears.discord.user(name).slash("bark-admin", "read", on=True)
            assert words in (await exchange.until(lambda message: message.ephemeral)).content


async def test_messages_are_heard_and_nothing_is_posted(tmp_path: Path) -> None:
    discord = Loopback()
    discord.world.message_content = True
    async with discord, ears_in(tmp_path, discord=discord, message_content=True) as ears:
        alice = ears.sit("alice")
        await reading(ears)
        before = len(discord.channel_messages(discord.general))
        discord.user("alice").write("look at https://example.org/x **now**")
        await ears.turns("played")
        assert len(speech(alice)) > 40
        texts = await ears.app._store.call(lambda db: [row["text"] for row in db.execute("SELECT text FROM jobs")])
        assert texts == ["look at link now"]
        for passed_over in ("x" * 201, "```code```"):
            discord.user("alice").write(passed_over)
        discord.user("bob").write("I am not in voice")
        discord.user("alice").write("elsewhere", channel=discord.second)
        discord.user("alice").write("fail:out-of-memory")
        await ears.turns("played", "dropped")
        own = [m for m in discord.channel_messages(discord.general)[before:] if m.author.bot]
        assert [m.content for m in own if "no person has" not in m.content] == []
        exchange = await discord.user("mona").slash("bark-admin", "read", on=False)
        await exchange.until(lambda message: "no messages aloud any more" in message.content)
        discord.user("alice").write("not any more")
        await ears.said("alice", "now")
        await ears.turns("played", "dropped")


async def test_it_is_remembered(tmp_path: Path) -> None:
    discord = Loopback()
    discord.world.message_content = True
    async with discord:
        async with ears_in(tmp_path, discord=discord, message_content=True) as ears:
            ears.sit("alice")
            await reading(ears)
        async with ears_in(tmp_path, discord=discord, message_content=True) as ears:
            await ears.said("alice", "join")
            discord.user("alice").write("still here?")
            await ears.turns("played")


async def test_a_portal_that_does_not_allow_it_ends_the_start_with_words(tmp_path: Path) -> None:
    async with Loopback() as discord:
        with pytest.raises(ConfigError, match="Message Content Intent"):
            async with bot_on(discord, tmp_path, message_content=True):
                pass
