"""`/bark help`, `about` and `stats`."""

from pathlib import Path
from typing import Any

from bot import texts
from bot.commands.help import TAGS
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.world import MODERATOR, Permissions
from tests.bot.harness import bot_on, scripted


def shown(message: Message) -> str:
    return "\n".join(f"{embed.get('title', '')}\n{embed.get('description', '')}" for embed in message.embeds)


def test_each_mark_has_its_meaning_and_an_example_that_holds_it() -> None:
    assert list(TAGS) == list(texts.MARKS) == list(texts.EXAMPLES)
    assert all(TAGS[name] in texts.EXAMPLES[name] for name in TAGS if name != "capitals")


async def test_help_names_every_command_and_a_mark_can_be_tried_also_after_a_restart(tmp_path: Path) -> None:
    async with Loopback() as discord:
        alice = discord.user("alice")
        async with bot_on(discord, tmp_path):
            message = await (await alice.slash("bark", "help", dm=True)).until(lambda message: message.embeds)
            assert message.ephemeral
            for command in discord.commands.all(None)[0]["options"]:
                assert f"`/bark {command['name']}` {command['description']}" in shown(message)
            assert all(f"`{tag}`" in shown(message) for tag in TAGS.values())
            assert "bark-admin" not in shown(message)
            mona = discord.user("mona", permissions=MODERATOR)
            helped = await (await mona.slash("bark", "help")).until(lambda message: message.embeds)
            assert "`/bark-admin halt` Stop at once" in shown(helped)
            chosen = await alice.choose(message, "bark-help:marks", ["laughs"])
            await chosen.until(lambda message: "it was the cat" in message.content)
        async with bot_on(discord, tmp_path):
            await (await alice.choose(message, "bark-help:marks", ["sighs"])).acknowledged()
            opened = await alice.press(message, label="Try [sighs]")
            await opened.acknowledged()
            assert opened.modal is not None
            assert opened.modal["components"][0]["component"]["value"] == "[sighs] "
            sent = await alice.submit(opened, {"text": "[sighs] Monday"})
            await sent.until(lambda message: message.attachments)
        assert discord.complaints == []


async def test_help_is_in_the_readers_language(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        alice = discord.user("alice")
        for locale, said in (
            ("fr", "`/bark dire` Dire un texte"),
            ("ja", "`/bark 話す`"),
            ("es-419", "una risa corta"),
        ):
            alice.person.locale = locale
            message = await (await alice.slash("bark", "help")).until(lambda message: message.embeds)
            assert said in shown(message)
        assert discord.complaints == []


async def test_about_says_what_it_is(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await synth.until_ready()
        message = await (await discord.user("alice").slash("bark", "about")).until(lambda message: message.embeds)
        assert message.ephemeral
        for words in ("barkbot 0.", "fake on cpu", "Made by AI", "MIT", "github.com/suno-ai/bark", "oauth2/authorize"):
            assert words in shown(message)
        assert discord.complaints == []


async def test_stats_count_ones_own_and_for_moderators_the_servers(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path):
        alice, owner = discord.user("alice"), discord.user("owner", permissions=Permissions.MANAGE_GUILD)

        async def stats(person: Any, *, dm: bool = False) -> list[str]:
            message = await (await person.slash("bark", "stats", dm=dm)).until(lambda message: message.content)
            assert message.ephemeral
            return message.content.splitlines()

        assert "**You**: answered 0, not made 0, audio 0.0 s" in await stats(alice)
        for text in ("one", "two"):
            asked = await alice.slash("bark", "say", text=text)
            await asked.until(lambda message: message.attachments)
        failed = await alice.slash("bark", "say", text="fail:out-of-memory", dm=True)
        await failed.until(lambda message: message.ephemeral)
        mine = await stats(alice)
        assert mine[0] == "**You**: answered 2, not made 1, audio 2.0 s"
        assert mine[1] == "**Everywhere**: answered 2, not made 1, audio 2.0 s"
        assert mine[2].startswith("In line now: 0. Up for ")
        theirs = await stats(owner)
        assert theirs[0].startswith("**You**: answered 0")
        assert theirs[1] == "**This server**: answered 2, not made 0, audio 2.0 s"
        assert (await stats(owner, dm=True))[3:] == [mine[3], "Counted are requests of the last 30 days."]
        assert discord.complaints == []
