"""After a restart the voice queue goes on where people still wait for it, and says what happened."""

from __future__ import annotations

from pathlib import Path

from bot.loopback.server import Loopback
from tests.bot.ears import Ears, ears_in, packets_of, posted, speech


async def two_left(ears: Ears) -> list[bytes]:
    """One is paused, one waits; the files of both."""
    alice = ears.sit("alice")
    first = await ears.play("alice", "hold", seed=1)
    await ears.heard(alice, 5)
    await ears.said("alice", "pause")
    second = await ears.play("alice", "two", seed=2)
    ears.go(first)
    return [await posted(exchange) for exchange in (first, second)]


async def test_it_goes_on_and_says_so(tmp_path: Path) -> None:
    async with Loopback() as discord:
        async with ears_in(tmp_path, discord=discord) as ears:
            files = await two_left(ears)
        discord.user("alice").leave_voice()
        alice = discord.user("alice").join_voice()
        async with ears_in(tmp_path, discord=discord) as ears:
            words = await ears.told("I was restarted")
            assert words == f"I was restarted and go on in <#{discord.voice_channel}>: 2 to be heard."
            await ears.turns("played", "played")
            assert speech(alice) == packets_of(files[0]) + packets_of(files[1])


async def test_what_was_still_being_made_is_heard_from_its_beginning(tmp_path: Path) -> None:
    async with Loopback() as discord:
        async with ears_in(tmp_path, discord=discord) as ears:
            alice = ears.sit("alice")
            exchange = await ears.play("alice", "hold", seed=1)
            await ears.heard(alice, 5)
            ears.app._renderer._stopping = True
        discord.user("alice").leave_voice()
        alice = discord.user("alice").join_voice()
        async with ears_in(tmp_path, discord=discord) as ears:
            await ears.told("1 to be heard")
            ears.go(exchange)
            file = await posted(exchange)
            await ears.turns("played")
            assert speech(alice) == packets_of(file)


async def test_nobody_is_left(tmp_path: Path) -> None:
    async with Loopback() as discord:
        async with ears_in(tmp_path, discord=discord) as ears:
            await two_left(ears)
        discord.user("alice").leave_voice()
        async with ears_in(tmp_path, discord=discord) as ears:
            words = await ears.told("I was restarted, and nobody is left")
            assert "2 not heard" in words
            await ears.turns("dropped", "dropped")
            assert discord.application_id not in discord.world.voice_states


async def test_what_is_no_longer_kept_is_lost(tmp_path: Path) -> None:
    async with Loopback() as discord:
        async with ears_in(tmp_path, discord=discord) as ears:
            files = await two_left(ears)
        first, second = sorted((tmp_path / "audio").glob("*.ogg"))
        first.unlink()
        discord.user("alice").leave_voice()
        alice = discord.user("alice").join_voice()
        async with ears_in(tmp_path, discord=discord) as ears:
            assert "1 to be heard; 1 are lost" in await ears.told("I was restarted")
            await ears.turns("dropped", "played")
            assert speech(alice) == packets_of(files[1])
        second.unlink()


async def test_a_server_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    async with Loopback() as discord:
        async with ears_in(tmp_path, discord=discord) as ears:
            await two_left(ears)
            await ears.app._store.call(lambda db: db.execute("UPDATE turns SET guild_id = 1"))
        async with ears_in(tmp_path, discord=discord) as ears:
            await ears.turns("dropped", "dropped")
