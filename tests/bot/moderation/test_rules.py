"""The rules: asked once, versioned, and nothing that was typed is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot import audit, i18n, texts
from bot.app import DATABASE, App
from bot.config import GuardSection
from bot.errors import ConfigError
from bot.flow import queue
from bot.flow.job import TOKEN_LIFE, Job
from bot.loopback.commands import Refused
from bot.loopback.exchange import Exchange
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from bot.moderation import rules
from bot.moderation.rules import Rulebook
from bot.store import connect
from tests.bot.commands.scene import labels
from tests.bot.ears import ears_in
from tests.bot.harness import bot_on

YES, NO = texts.RULES_ACCEPT, texts.RULES_DECLINE


class HandDate:
    """The date, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def shown(exchange: Exchange) -> Message:
    """The rules, which only their reader sees."""
    message = await exchange.until(lambda message: message.ephemeral and message.components)
    assert message.content.startswith("**Before I speak for you")
    assert labels(message) == [YES, NO]
    assert len({button["style"] for row in message.components for button in row["components"]}) == 1
    return message


async def rows(app: App, sql: str, *values: Any) -> list[dict[str, Any]]:
    return await app._store.call(lambda db: [dict(row) for row in db.execute(sql, values)])


async def job(app: App, number: int) -> Job | None:
    return await app._store.call(queue.get, number)


async def test_who_accepts_has_at_once_what_they_asked_for_and_is_not_asked_again(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path, strangers=True) as app:
        alice = discord.user("alice")
        asked = await alice.slash("bark", "sing", text="row / row", voice="v2/de_speaker_1", seed=7, format="mp3")
        message = await shown(asked)
        assert message.content.endswith("You accept them once. What you asked for waits 15 minutes.")
        assert (await job(app, asked.id)).reason == "rules"  # type: ignore[union-attr]
        assert await rows(app, "SELECT text FROM jobs") == [{"text": ""}]

        pressed = await alice.press(message, label=YES)
        answer = await pressed.until(lambda message: message.attachments)
        assert not answer.ephemeral
        assert answer.content.startswith("AI-generated speech (Bark) · voice v2/de_speaker_1 · seed 7")
        made = await job(app, pressed.id)
        assert made is not None
        assert (made.text, made.options.kind, made.options.suffix) == ("row\nrow", "sing", ".mp3")
        await discord.until(lambda: message.content.endswith(texts.RULES_ACCEPTED) and not message.components)
        assert await rows(app, "SELECT held FROM questions") == [{"held": None}]

        (accepted,) = await rows(app, "SELECT user_id, version FROM acceptances")
        assert accepted == {"user_id": alice.id, "version": Rulebook().version}
        (row,) = await app._store.call(audit.last, 9)
        assert row.kind == "rules-accepted"
        assert row.subject == await app._store.call(audit.known_as, alice.id)
        again = await alice.slash("bark", "again")
        assert (await again.until(lambda message: message.attachments)).content.startswith("AI-generated")

        bob = discord.user("bob")  # each button is for whoever it was shown to, and no other
        theirs = await shown(await bob.slash("bark", "say", text="hello"))
        with pytest.raises(Refused):
            await alice.press(theirs, label=YES)
        own = await shown(await discord.user("carol").slash("bark", "say", text="hello"))
        own.components[0]["components"][0]["custom_id"] = theirs.components[0]["components"][0]["custom_id"]
        await (await discord.user("carol").press(own, label=YES)).until(
            lambda message: message.content == texts.RULES_GONE
        )
        assert len(await rows(app, "SELECT * FROM acceptances")) == 1
        await (await bob.press(theirs, label=NO)).until(lambda message: message.content == texts.RULES_DECLINED)
        assert theirs.components == []
        assert await rows(app, "SELECT id FROM questions WHERE user_id = ?", bob.id) == []
        await shown(await bob.slash("bark", "say", text="hello"))
        for forged in ("bark-rules:yes:x", "bark-rules:maybe:1", f"bark-rules:yes:{2**70}"):
            own = await shown(await discord.user("dave").slash("bark", "say", text="hello"))
            own.components[0]["components"][0]["custom_id"] = forged
            pressed = await discord.user("dave").press(own, forged)
            await pressed.until(lambda message: message.content == texts.BUTTON_UNKNOWN)
        assert discord.complaints == []


async def test_every_way_to_speech_asks_first(tmp_path: Path) -> None:
    """And what could never be made is refused without the rules: nobody accepts them for nothing."""
    async with Loopback() as discord, bot_on(discord, tmp_path, strangers=True) as app:
        alice, bob = discord.user("alice"), discord.user("bob")
        alice.join_voice()
        for name, options in (
            ("say", {"text": "hi"}),
            ("sound", {"text": "rain"}),
            ("takes", {"text": "hi"}),
            ("dialogue", {"text": "Ann: Hi / Bob: Hi"}),
            ("long", {"file": ("a.txt", b"hello")}),
            ("play", {"text": "hi"}),
            ("join", {}),
        ):
            exchange = await alice.slash("bark", name, **options)
            await shown(exchange)
        await shown(await alice.use_on_message("Bark this", bob.write("some words")))
        await shown(await alice.slash("bark", "say", text="hi", dm=True))
        await shown(await alice.slash("bark", "say", text="hi", channel=discord.private))
        assert await rows(app, "SELECT id FROM jobs WHERE state <> 'refused'") == []
        for text in ("   ", "x" * 1500):
            refused = await (await alice.slash("bark", "say", text=text)).until(lambda message: message.ephemeral)
            assert refused.components == []

        file = await bob.slash("bark", "long", file=("b.txt", b"from a file"))  # Discord was answered before
        pressed = await bob.press(await shown(file), label=YES)
        await pressed.until(lambda message: message.attachments)
        assert [
            row["text"] for row in await rows(app, "SELECT text FROM jobs WHERE user_id = ? AND text <> ''", bob.id)
        ] == ["from a file"]
        (answer,) = [message for message in discord.channel_messages(discord.general) if message.attachments]
        for label in ("Again", "Vary"):
            await shown(await alice.press(answer, label=label))
        edit = await alice.press(answer, label="Again")  # pressed twice in a moment
        assert "on its way" in (await edit.until(lambda message: message.ephemeral)).content
        more = await (await alice.press(answer, label="More")).until(lambda message: message.ephemeral)
        await shown(await alice.press(more, label="Voice message"))
        await shown(await alice.press(answer, label="▶ Play in voice"))
        gallery = await (await alice.slash("bark", "voices")).until(lambda message: message.ephemeral)
        assert gallery.components


async def test_what_waits_survives_a_restart_and_not_a_quarter_of_an_hour(tmp_path: Path) -> None:
    date = HandDate()
    async with Loopback(clock=date) as discord:
        alice, bob, carol = (discord.user(name) for name in ("alice", "bob", "carol"))
        async with bot_on(discord, tmp_path, strangers=True, clock=date):
            first = await shown(await alice.slash("bark", "say", text="kept over the restart"))
            second = await shown(await bob.slash("bark", "say", text="hello"))
        async with bot_on(discord, tmp_path, strangers=True, clock=date) as app:
            pressed = await alice.press(first, label=YES)
            await pressed.until(lambda message: message.attachments)
            made = await job(app, pressed.id)
            assert made is not None
            assert made.text == "kept over the restart"
            date.now += TOKEN_LIFE + 1
            late = await bob.press(second, label=YES)
            await late.until(lambda message: message.content == texts.RULES_NOTHING_HELD)
            assert await rows(app, "SELECT id FROM questions WHERE held IS NOT NULL") == []
            asked = await bob.slash("bark", "say", text="now I may")
            await asked.until(lambda message: message.attachments)
            third = await shown(await carol.slash("bark", "say", text="hello"))
            date.now += rules.SHOWN_FOR
            await (await carol.press(third, label=YES)).until(lambda message: message.content == texts.RULES_GONE)


async def test_another_text_asks_anew_and_an_old_button_accepts_only_what_it_showed(tmp_path: Path) -> None:
    house = tmp_path / "house.txt"
    house.write_text("Be kind to the dog.")
    async with Loopback() as discord:
        alice = discord.user("alice")
        async with bot_on(discord, tmp_path, strangers=True):
            old = await shown(await alice.slash("bark", "say", text="hello"))
        guard = GuardSection(rules=str(house))
        async with bot_on(discord, tmp_path, strangers=True, guard=guard) as app:
            pressed = await alice.press(old, label=YES)  # a stale acceptance does not pass
            await pressed.until(lambda message: "Be kind to the dog." in message.content)
            versions = {row["version"] for row in await rows(app, "SELECT version FROM acceptances")}
            assert versions == {Rulebook().version}
            assert await rows(app, "SELECT id FROM jobs WHERE state <> 'refused'") == []
            made = await alice.press(old, label=YES)  # the same message, with the new rules
            await made.until(lambda message: message.attachments)
            versions = {row["version"] for row in await rows(app, "SELECT version FROM acceptances")}
            assert versions == {Rulebook().version, Rulebook(house="Be kind to the dog.").version}
        async with bot_on(discord, tmp_path, strangers=True, guard=GuardSection(accept_rules=False)):
            free = await discord.user("bob").slash("bark", "say", text="hello")
            await free.until(lambda message: message.attachments)


async def test_whoever_is_read_aloud_is_asked_once_in_a_direct_message(tmp_path: Path) -> None:
    discord = Loopback()
    discord.world.message_content = True
    async with discord, ears_in(tmp_path, discord=discord, message_content=True, strangers=True) as ears:
        alice, mona = discord.user("alice"), discord.user("mona", permissions=Permissions.MANAGE_GUILD)
        ears.sit("alice")
        pressed = await mona.press(await shown(await mona.slash("bark", "join")), label=YES)
        await pressed.acknowledged()
        mona.join_voice()
        await ears.said("mona", "join")
        await (await mona.slash("bark-admin", "read", on=True)).acknowledged()
        for words in ("not read", "nor this"):
            alice.write(words)
        await discord.until(lambda: discord.channel_messages(alice.dm.id))
        (invitation,) = discord.channel_messages(alice.dm.id)
        assert labels(invitation) == [YES, NO]
        assert invitation.content.endswith("You accept them once.")
        accepted = await alice.press(invitation, label=YES)
        await accepted.until(lambda message: message.content == texts.RULES_NOTHING_HELD)
        alice.write("but this")
        await ears.turns("played")
        assert [row["text"] for row in await rows(ears.app, "SELECT text FROM jobs WHERE text <> ''")] == ["but this"]
        assert len(discord.channel_messages(alice.dm.id)) == 1


def test_a_version_is_its_number_and_the_hash_of_the_english_text() -> None:
    assert Rulebook().version.startswith("1-")
    assert len({Rulebook().version, Rulebook(house="a").version, Rulebook(house="b").version}) == 3
    book, longest = Rulebook(house="x" * rules.LONGEST), []
    for language in ("en", *set(i18n.LANGUAGES.values())):
        with i18n.speaking(language):
            longest.append(f"{book.shown(held=True)}\n{texts.say(texts.RULES_ACCEPTED)}")
    assert all(len(shown) <= 2000 for shown in longest)


def test_house_rules_that_cannot_be_used_end_the_start(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * 1001)
    with pytest.raises(ConfigError, match="1001 characters"):
        Rulebook.of(str(tmp_path / "long.txt"), ask=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        Rulebook.of(str(tmp_path / "none.txt"), ask=True)
    assert Rulebook.of("", ask=False) == Rulebook(ask=False)


def test_an_acceptance_is_written_down_once(tmp_path: Path) -> None:
    db = connect(tmp_path / DATABASE)
    assert rules.accept(db, 1, "1-a", 5.0)
    assert not rules.accept(db, 1, "1-a", 6.0)
    assert rules.accepted(db, 1, "1-a")
    assert not rules.accepted(db, 1, "1-b")
    assert not rules.accepted(db, 2, "1-a")
    assert audit.head(db).seq == 1
    db.close()
