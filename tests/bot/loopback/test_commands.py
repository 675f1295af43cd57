"""What a person can do, and what a bot can answer: commands, autocomplete, buttons, menus, modals, DMs."""

from __future__ import annotations

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.loopback.commands import Refused
from bot.loopback.exchange import DidNotRespond
from bot.loopback.interactions import Callback
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.bot.loopback.kennel import AUDIO, VOICES, Kennel


async def test_a_command_runs_from_deferral_to_a_file_that_downloads_unchanged(discord_: Loopback, client: Kennel):
    exchange = await discord_.user("alice").slash("bark", "say", text="hello", seed=3)
    answer = await exchange.acknowledged()
    message = await exchange.until(lambda message: message.attachments)
    assert answer.type is Callback.DEFERRED_MESSAGE
    assert exchange.history == ["", "hello: semantic", f"hello {VOICES[0]} 3"]
    attachment = message.attachments[0]
    async with aiohttp.ClientSession() as session, session.get(attachment.url) as response:
        assert await response.read() == attachment.data == AUDIO
    assert (attachment.filename, attachment.description, attachment.size) == ("bark.ogg", "a bark", len(AUDIO))
    assert discord_.channel_messages(discord_.general) == [message]
    assert discord_.complaints == []
    assert client.errors == []


async def test_the_bot_sees_who_asked_where_and_how_much_it_may_upload(discord_: Loopback, client: Kennel):
    seen: list[discord.Interaction] = []

    @client.tree.command(name="look", description="Look")
    async def look(interaction: discord.Interaction) -> None:
        seen.append(interaction)
        await interaction.response.send_message("seen", ephemeral=True)

    await client.tree.sync()
    alice = discord_.user("alice", permissions=Permissions.MANAGE_GUILD)
    exchange = await alice.slash("look", channel=discord_.thread, upload_limit=1234)
    await exchange.until(lambda message: message.content == "seen")
    assert (seen[0].user.id, seen[0].guild_id, seen[0].channel_id) == (alice.id, discord_.guild_id, discord_.thread)
    assert isinstance(seen[0].channel, discord.Thread)
    assert seen[0].filesize_limit == 1234
    assert seen[0].permissions.manage_guild
    assert seen[0].app_permissions.send_messages


async def test_ephemeral_answers_are_not_in_the_channel(discord_: Loopback, client: Kennel):
    exchange = await discord_.user("alice").slash("bark", "hide")
    await exchange.until(lambda message: message.content == "nor this")
    assert exchange.ephemeral
    assert [message.ephemeral for message in exchange.messages] == [True, True]
    assert discord_.channel_messages(discord_.general) == []
    channel = client.get_partial_messageable(discord_.general)
    assert [message async for message in channel.history()] == []


async def test_autocomplete_suggests_what_fits_what_was_typed(discord_: Loopback, client: Kennel):
    choices = await discord_.user("alice").autocomplete("bark", "say", focused=("voice", "de"), text="hello")
    assert choices == [{"name": VOICES[1], "value": VOICES[1]}]
    assert client.errors == []


async def test_a_button_edits_the_message_it_is_on(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice")
    message = await (await alice.slash("bark", "say", text="hello")).until(lambda message: message.components)
    pressed = await alice.press(message, label="Again")
    assert await pressed.until(lambda message: message.content == "again 77") is message
    assert (await pressed.acknowledged()).type is Callback.UPDATE
    assert message.attachments
    assert client.errors == []


async def test_a_select_menu_hands_over_the_choice(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice")
    message = await (await alice.slash("bark", "say", text="hello")).until(lambda message: message.components)
    chosen = await alice.choose(message, "flavour", ["loud"])
    assert (await chosen.until(lambda message: message.content)).content == "chosen loud"
    with pytest.raises(Refused):
        await alice.choose(message, "flavour", ["spicy"])
    assert client.errors == []


async def test_a_modal_opens_is_filled_in_and_answered(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice")
    opened = await alice.slash("bark", "form")
    await opened.acknowledged()
    with pytest.raises(Refused):
        await alice.submit(opened, {"text": "x" * 41})
    submitted = await alice.submit(opened, {"text": "woof"})
    assert (await submitted.until(lambda message: message.content)).content == "typed woof"
    assert client.errors == []


async def test_a_message_command_gets_the_message(discord_: Loopback, client: Kennel):
    alice, bob = discord_.user("alice"), discord_.user("bob")
    exchange = await alice.use_on_message("Speak this", bob.write("good dog"))
    assert (await exchange.until(lambda message: message.content)).content == "spoken: good dog"
    assert client.errors == []


async def test_the_bot_can_write_to_a_person_and_the_exchange_finds_it(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice")
    exchange = await alice.slash("bark", "dm")
    message = await exchange.until(lambda message: message.content == "in private")
    assert discord_.channel_messages(alice.dm.id) == [message] == exchange.channel_messages
    assert client.errors == []


async def test_commands_work_in_a_direct_message(discord_: Loopback, client: Kennel):
    exchange = await discord_.user("alice").slash("bark", "say", text="hello", dm=True)
    await exchange.until(lambda message: message.attachments)
    assert discord_.channel_messages(discord_.general) == []
    assert client.errors == []


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (("bark", "say"), {}),
        (("bark", "say"), {"text": ""}),
        (("bark", "say"), {"text": "x" * 61}),
        (("bark", "say"), {"text": 5}),
        (("bark", "say"), {"text": "hello", "seed": 10}),
        (("bark", "say"), {"text": "hello", "seed": True}),
        (("bark", "say"), {"text": "hello", "loudness": 1}),
        (("bark",), {"text": "hello"}),
        (("bark", "meow"), {}),
        (("meow",), {}),
    ],
)
@pytest.mark.usefixtures("client")
async def test_what_the_client_would_refuse_is_refused(discord_: Loopback, path, options):
    with pytest.raises(Refused):
        await discord_.user("alice").slash(*path, **options)


async def test_a_command_for_servers_or_for_managers_is_kept_from_others(discord_: Loopback, client: Kennel):
    @app_commands.command(name="admin", description="Settings")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def admin(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("done")

    client.tree.add_command(admin)
    await client.tree.sync()
    with pytest.raises(Refused, match="permissions"):
        await discord_.user("alice").slash("admin")
    owner = discord_.user("owner", permissions=Permissions.MANAGE_GUILD)
    with pytest.raises(Refused, match="servers only"):
        await owner.slash("admin", dm=True)
    assert await (await owner.slash("admin")).acknowledged()


async def test_syncing_again_keeps_the_ids(discord_: Loopback, client: Kennel):
    before = {command["name"]: command["id"] for command in discord_.commands.all(None)}
    fetched = await client.tree.fetch_commands()
    await client.tree.sync()
    assert {command["name"]: command["id"] for command in discord_.commands.all(None)} == before
    assert {command.name: str(command.id) for command in fetched} == before


async def test_where_no_bot_ever_was_the_application_does_not_respond(discord_: Loopback):
    discord_.commands.sync(None, [{"name": "bark", "description": "Bark"}])
    exchange = await discord_.user("alice").slash("bark")
    assert exchange.lost
    with pytest.raises(DidNotRespond):
        await exchange.acknowledged()


async def test_people_channels_and_files_arrive_as_options(discord_: Loopback, client: Kennel):
    given: list[object] = []

    @client.tree.command(name="mix", description="Mix")
    async def mix(
        interaction: discord.Interaction,
        who: discord.Member,
        where: discord.TextChannel,
        what: discord.Attachment,
        loud: bool,  # noqa: FBT001 - a command's option
        tempo: float,
    ) -> None:
        given.extend([who.name, where.id, await what.read(), loud, tempo])
        await interaction.response.send_message("mixed", ephemeral=True)

    await client.tree.sync()
    bob = discord_.user("bob").person
    options = {"who": bob, "where": discord_.second, "what": ("a.npz", b"voice"), "loud": True, "tempo": 1.5}
    exchange = await discord_.user("alice").slash("mix", **options)
    await exchange.until(lambda message: message.content == "mixed")
    assert given == ["bob", discord_.second, b"voice", True, 1.5]


async def test_a_user_command_gets_the_person(discord_: Loopback, client: Kennel):
    @client.tree.context_menu(name="Greet")
    async def greet(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"hello {member.name}", ephemeral=True)

    await client.tree.sync()
    exchange = await discord_.user("alice").use_on_user("Greet", discord_.user("bob").person)
    assert (await exchange.until(lambda message: message.content)).content == "hello bob"


async def test_what_is_hidden_from_a_person_cannot_be_pressed_by_them(discord_: Loopback, client: Kennel):
    @client.tree.command(name="secret", description="Secret")
    async def secret(interaction: discord.Interaction) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Open", custom_id="open", disabled=True))
        await interaction.response.send_message("hidden", ephemeral=True, view=view)

    await client.tree.sync()
    message = await (await discord_.user("alice").slash("secret")).until(lambda message: message.components)
    with pytest.raises(Refused, match="cannot see"):
        await discord_.user("bob").press(message, "open")
    with pytest.raises(Refused, match="disabled"):
        await discord_.user("alice").press(message, "open")
    with pytest.raises(Refused, match="has no 'Close'"):
        await discord_.user("alice").press(message, label="Close")
