"""Names of commands in other languages, and people who carry a bot with them."""

import discord
import pytest
from discord import app_commands

from bot.loopback.commands import COMMAND_TEXT, Refused
from bot.loopback.interactions import FOLLOW_UPS_ELSEWHERE
from bot.loopback.localisation import check_localisations
from bot.loopback.problems import ApiError
from bot.loopback.server import Loopback
from tests.bot.loopback.kennel import Kennel


@pytest.mark.parametrize(
    ("field", "words", "why"),
    [
        ("name", {"tlh": "jatlh"}, "unknown locale"),
        ("name", {"de": "Sagen"}, "no name"),
        ("name", {"de": "zwei worte"}, "no name"),
        ("name", {"de": "x" * 33}, "between 1 and 32"),
        ("description", {"de": "x" * 101}, "between 1 and 100"),
        ("description", {"de": ""}, "between 1 and 100"),
    ],
)
def test_what_discord_does_not_take(field: str, words: dict[str, str], why: str) -> None:
    option = {"name": "say", "description": "Say", f"{field}_localizations": words}
    for options in ([option], [{"name": "bark", "description": "Bark", "options": [option]}]):
        with pytest.raises(ApiError, match=why):
            check_localisations(options)


def test_two_siblings_cannot_have_one_name() -> None:
    options = [{"name": name, "name_localizations": {"de": "sagen"}} for name in ("say", "speak")]
    with pytest.raises(ApiError, match="two are called"):
        check_localisations(options)


def test_of_several_languages_the_longest_counts() -> None:
    discord_ = Loopback()
    options = [
        {"type": 1, "name": f"o{number:02}", "description": "x", "description_localizations": {"de": "y" * 100}}
        for number in range(COMMAND_TEXT // 103 + 1)  # each counts 103 characters
    ]
    command = {"name": "bark", "description": "Bark", "options": options[:-1]}
    discord_.commands.sync(None, [command])
    with pytest.raises(ApiError, match="maximum size"):
        discord_.commands.sync(None, [command | {"options": options}])


async def test_commands_go_with_those_who_installed_them(discord_: Loopback, client: Kennel) -> None:
    seen: list[discord.Interaction] = []

    @app_commands.command(name="mine", description="Mine")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def mine(interaction: discord.Interaction) -> None:
        seen.append(interaction)
        await interaction.response.send_message("first")
        for number in range(FOLLOW_UPS_ELSEWHERE + 1):
            await interaction.followup.send(str(number))

    client.tree.add_command(mine)
    await client.tree.sync()
    alice = discord_.user("alice")
    with pytest.raises(Refused, match="install it themselves"):
        await alice.slash("bark", "say", text="hello", channel=discord_.private)
    exchange = await alice.slash("mine", channel=discord_.private)
    await client.failed.wait()
    assert [message.content for message in exchange.messages] == ["first", "0", "1", "2", "3", "4"]
    assert [error.code for error in client.errors if isinstance(error, discord.HTTPException)] == [40094]
    assert seen[0].is_user_integration()
    assert not seen[0].is_guild_integration()
    assert (seen[0].context.private_channel, seen[0].guild_id, seen[0].channel_id) == (True, None, discord_.private)
    with pytest.raises(discord.Forbidden):
        await client.get_partial_messageable(discord_.private).send("by my own token")
    assert discord_.complaints == []
