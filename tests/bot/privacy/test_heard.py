"""Who is forgotten in the middle of being heard: it ends, and the others come."""

from pathlib import Path

from bot.privacy import servers
from tests.bot.ears import ears_in, posted
from tests.bot.privacy.people import mentions


async def test_what_was_heard_ends_and_others_are_heard(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        alice = ears.sit("alice")
        ears.sit("bob")
        first = await ears.play("alice", "hold")
        await ears.heard(alice, 10)
        second = await ears.play("bob", "next")
        erased = await ears.app._office.erase(ears.discord.user("alice").id)
        assert erased.cancelled == (first.id,)
        await posted(second)
        await ears.turns("played")
        assert await ears.line() == []


async def test_a_server_that_is_forgotten_in_the_middle_of_it_stops_nobody(tmp_path: Path) -> None:
    """It should have left long ago; whatever the clock says, the bot goes on."""
    async with ears_in(tmp_path) as ears:
        alice, guild = ears.sit("alice"), ears.discord.guild_id
        await ears.play("alice", "hold")
        await ears.heard(alice, 10)
        store = ears.app._store
        await store.call(servers.left, guild, 0.0)
        assert list((await ears.app._retention.round()).guilds) == [guild]
        assert "jobs" not in await store.call(mentions, guild)
        again = await ears.play("alice", "once more")  # the synth process has a seat for it: the other was told to stop
        await posted(again)
