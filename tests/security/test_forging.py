"""Forged ids, values, forms and commands in a real client: each is refused, and changes nothing of anybody else's."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path
from typing import Any

import pytest

from bot import texts
from bot.commands.buttons.mark import Action
from bot.commands.buttons.presses import FORMS
from bot.kept import Kept
from bot.loopback.exchange import Exchange
from bot.loopback.interactions import Kind
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.user import User
from bot.loopback.world import Permissions
from bot.settings import Mine, Server
from tests.bot.commands.scene import number, scene_in
from tests.bot.harness import bot_on, scripted
from tests.bot.test_gallery import forged, gallery, keep, press
from tests.bot.test_panels import moderator, panel, refusal

PANELS = {  # what each panel reacts to
    "bark-settings": (
        "voice",
        "voice_message",
        "mention_late",
        "reset",
        "liveliness",
        "format",
        "language",
        "voice-set",
    ),
    "bark-server": ("channels", "roles", "log_channel", "features", "limits", "words", "guard", "reset", "limits-set"),
    "bark-voices": ("page", "turn:own:0", "pick:own:0", "star:own:0:#1", "delete:own:0:#1", "sure:own:0:#1"),
}
ELSEWHERE = "9" * 18  # an id of another server


def send(who: User, kind: Kind, data: dict[str, Any], source: Message | None = None) -> Exchange:
    """Whatever a program that is no client of Discord's sends."""
    here = who._world.channel(source.channel_id) if source else who._world.general
    return who._send(kind, here, data, source=source)


def component(custom_id: str, values: list[str] | None = None) -> dict[str, Any]:
    return {"custom_id": custom_id, "component_type": 3 if values else 2, "id": 1} | (
        {"values": values} if values else {}
    )


def form(custom_id: str, **fields: Any) -> dict[str, Any]:
    rows = [
        {"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": name, "value": value}}
        for name, value in fields.items()
    ]
    return {"custom_id": custom_id, "components": rows}


def looks(message: Message) -> tuple[str, str, bool]:
    return message.content, json.dumps(message.components), message.deleted


async def still_there(discord: Loopback, who: User) -> None:
    """An honest command is answered: what was sent before it has been seen."""
    await (await who.slash("bark", "queue")).until(lambda message: message.content)
    assert discord.complaints == []


async def test_a_button_on_a_message_that_has_it_not_does_nothing(tmp_path: Path) -> None:
    """Every action of one's own answer, pressed on the answer of somebody else: Delete would take that one away."""
    async with scene_in(tmp_path, None, actions_per_minute=0) as scene:
        mallory = scene.discord.user("mallory", permissions=Permissions.MANAGE_MESSAGES)
        own, theirs = await scene.answered("mallory"), await scene.answered("bob")
        for message in (own, theirs):
            await scene.keep(number(message))
        before = looks(theirs), await scene.jobs(), len(scene.discord.messages._by_id)
        for action in set(Action) - {Action.AGAIN, Action.VARY, Action.EDIT, Action.PLAY, Action.MORE}:  # it has those
            for take in ("", ":1"):
                send(mallory, Kind.COMPONENT, component(f"bark:{action}:{number(own)}{take}"), theirs)
        for action in Action:
            send(mallory, Kind.COMPONENT, component(f"bark:{action}:{number(own)}:1"), theirs)
        await still_there(scene.discord, mallory)
        assert (looks(theirs), await scene.jobs(), len(scene.discord.messages._by_id) - 1) == before
        assert await scene.app._store.call(lambda db: db.execute("SELECT * FROM reports").fetchall()) == []


async def test_a_form_that_no_button_opened_is_checked_like_a_button(tmp_path: Path) -> None:
    async with scene_in(tmp_path, None, actions_per_minute=0) as scene:
        mallory, theirs = scene.discord.user("mallory"), await scene.answered("bob")
        elsewhere = await scene.answered("mallory", guild_id=999)
        await scene.keep(number(theirs))
        before = await scene.jobs()
        said = set()
        for action in Action:
            for message in (theirs, elsewhere):
                data = form(f"bark:{action}:{number(message)}", text="x", name="Stolen", seed="1")
                said.add((await scene.private(send(mallory, Kind.MODAL, data, theirs))).content)
        assert said == {texts.BUTTON_ASKER_ONLY, texts.BUTTON_NOT_HERE, texts.BUTTON_UNKNOWN}
        assert {Action.EDIT, Action.KEEP} == set(FORMS)
        own = await scene.answered("mallory")
        for seed in ("9" * 4000, "-1", "\u0663", "1e9"):
            data = form(f"bark:edit:{number(own)}", text="x", seed=seed)
            assert "seed" in (await scene.private(send(mallory, Kind.MODAL, data, own))).content
        assert await scene.jobs() == [*before, await scene.job(number(own))]
        assert scene.app._library.own(mallory.id) == ()


async def test_panels_do_not_overwrite_what_all_see(tmp_path: Path) -> None:
    """A panel edits the message it is on. An id of a panel on somebody's answer would replace that answer."""
    async with scene_in(tmp_path, None, actions_per_minute=0) as scene:
        mallory = scene.discord.user("mallory", permissions=Permissions.MANAGE_GUILD)
        theirs = await scene.answered("bob")
        source = tmp_path / "source.npz"
        source.write_bytes(b"tokens")
        assert isinstance(await scene.app._library.keep(mallory.id, "Mine", source), Kept)
        before = looks(theirs)
        for prefix, actions in PANELS.items():
            for action in actions:
                for data in (
                    component(f"{prefix}:{action}"),
                    component(f"{prefix}:{action}", ["own"]),
                    form(f"{prefix}:{action}"),
                ):
                    exchange = send(mallory, Kind.MODAL if "components" in data else Kind.COMPONENT, data, theirs)
                    if action not in ("liveliness", "format", "language", "page") or "values" in data:
                        await exchange.acknowledged()
                        assert exchange.modal is not None or exchange.ephemeral
        await still_there(scene.discord, mallory)
        assert looks(theirs) == before


@pytest.mark.parametrize("name", ["channels", "roles", "log_channel"])
async def test_what_no_menu_offered_is_not_set(tmp_path: Path, name: str) -> None:
    """Above all no channel of another server: notices and reports would go there."""
    async with Loopback() as discord, bot_on(discord, tmp_path, actions_per_minute=0) as app:
        mod, alice = moderator(discord), discord.user("alice")
        message = await panel(mod, "server")
        for values in (
            [ELSEWHERE],
            [str(discord.general), ELSEWHERE],
            ["9" * 5000],
            ["\u0661"],
            ["x"],
            [str(alice.dm.id)],
        ):
            await forged(mod, message, f"bark-server:{name}", values)
            assert app._book.server(discord.guild_id) == Server()
        await forged(mod, message, "bark-server:features", ["everything", "\0"])
        assert app._book.server(discord.guild_id).log_channel is None
        good = str(discord.role("barkers") if name == "roles" else discord.second)
        await forged(mod, message, f"bark-server:{name}", [good])
        assert str(getattr(app._book.server(discord.guild_id), name)).strip("(,)") == good
        assert discord.complaints == []


async def test_what_was_never_offered_is_checked_when_it_is_sent(tmp_path: Path) -> None:
    """Choices for a typed word are a help, no fence: somebody else's voice and job are refused whatever was offered."""
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth, actions_per_minute=0) as app:
        await synth.until_ready()
        alice, bob = discord.user("alice"), discord.user("bob")
        voice = await keep(app, tmp_path, alice, "Secret voice")
        assert await bob.autocomplete("bark", "say", focused=("voice", "Secret")) == []
        for name in ("Secret voice", voice.key, "../../etc/passwd", str(app._library.path(voice)), f"{voice.id}.npz"):
            assert "no voice called" in await refusal(bob, voice=name)
        held = await alice.slash("bark", "say", text="hold")
        await held.until(lambda message: message.content)
        for job in (str(held.id), "0", "\u0661", "1 OR 1=1"):
            told = await (await bob.slash("bark", "cancel", job=job)).until(lambda message: message.content)
            assert told.content == texts.CANCEL_GONE
        (app._audio / f"{held.id}.go").touch()
        await held.until(lambda message: message.attachments)
        assert discord.complaints == []


async def test_no_command_for_moderators_works_without_the_right_to_it(tmp_path: Path) -> None:
    """In a server and in direct messages, where nobody has rights; and a right that was lost since counts as lost."""
    async with Loopback() as discord, bot_on(discord, tmp_path, actions_per_minute=0) as app:
        alice, mod = discord.user("alice"), moderator(discord)
        for place in ({}, {"dm": True}):
            exchange = await alice.slash("bark", "server", **place)
            said = (await exchange.until(lambda message: message.content)).content
            assert exchange.ephemeral
            assert "manage this server" in said or "for servers" in said
        message = await panel(mod, "server")
        opened = await press(mod, message, "Limits…")
        mod.person.permissions &= ~Permissions.MANAGE_GUILD
        for action in PANELS["bark-server"]:
            await forged(mod, message, f"bark-server:{action}", [str(discord.second)])
        for name in ("limits-set", "words-set", "guard-set"):
            await send(
                mod, Kind.MODAL, form(f"bark-server:{name}", max_chars="1", words="spam"), message
            ).acknowledged()
        await (await mod.submit(opened, {"max_chars": "1"})).acknowledged()
        assert app._book.server(discord.guild_id) == Server()
        assert app._reading._channels == {}
        assert discord.complaints == []


async def test_an_interaction_that_comes_twice_is_one(tmp_path: Path) -> None:
    """A gateway that resumes may send it again."""
    async with scene_in(tmp_path, None) as scene:
        alice, answered = scene.discord.user("alice"), await scene.answered()
        asked = await alice.slash("bark", "say", text="once")
        again = await alice.press(answered, label="Again")
        for exchange in (asked, again):
            await exchange.acknowledged()
            scene.discord.gateway.dispatch("INTERACTION_CREATE", exchange.interaction.payload)
            await exchange.until(lambda message: message.attachments)
        await (await scene.discord.user("bob").slash("bark", "queue")).until(lambda message: message.content)
        jobs = await scene.jobs()
        assert [job.id for job in jobs] == [number(answered), asked.id, again.id]
        scene.discord.complaints.clear()  # the second press was answered: “You pressed that twice”, which Discord refuses


# -- anything at all


def hostile(chance: random.Random, ids: list[str]) -> tuple[Kind, dict[str, Any]]:
    """Data of an interaction that Discord's schema would let pass."""
    prefix = chance.choice(["bark", "bark-settings", "bark-server", "bark-voices", "bark-", "x"])
    actions = [
        *Action,
        *(action for actions in PANELS.values() for action in actions),
        "renamed",
        "guard-set",
        "",
        "\0",
    ]
    parts = [
        prefix,
        chance.choice(actions),
        *chance.choices([*ids, "own", "0", "-1", "", "9" * 30, "\u202e"], k=chance.randrange(4)),
    ]
    custom_id = ":".join(parts)[:100]
    odd = ["x", "", "-", "9" * 100, "#1", *ids, "off", "en", "\ud7ff", "{0}", "' OR 1=1 --"]
    if chance.random() < 0.5:
        return Kind.COMPONENT, component(
            custom_id, chance.choice([None, chance.choices(odd, k=chance.randrange(1, 26))])
        )
    names = chance.choices(
        ["name", "voice", "text", "seed", "liveliness", "words", "names", "max_chars", "language"], k=4
    )
    return Kind.MODAL, form(custom_id, **{name: chance.choice([*odd, "a\n" * 500, "x" * 4000]) for name in names})


async def test_a_storm_of_forged_interactions_changes_nothing_of_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(5)
    async with scene_in(tmp_path, None, actions_per_minute=0, waiting_per_user=1) as scene:
        discord, app = scene.discord, scene.app
        mallory, bob = discord.user("mallory"), discord.user("bob")
        theirs, hers = await scene.answered("bob"), await gallery(mallory)
        source = tmp_path / "source.npz"
        source.write_bytes(b"tokens")
        voice = await app._library.keep(bob.id, "Theirs", source)
        assert isinstance(voice, Kept)
        before, jobs = looks(theirs), await scene.jobs()
        with caplog.at_level(logging.WARNING):
            for turn in range(300):
                kind, data = hostile(chance, [str(number(theirs)), voice.key, str(bob.id)])
                send(mallory, kind, data, chance.choice([theirs, hers]))
                if turn % 50 == 49:
                    await still_there(discord, mallory)
        assert [
            record.getMessage()
            for record in caplog.records
            if record.name.startswith(("bot", "discord")) and record.levelno >= logging.WARNING
        ] == []
        assert looks(theirs) == before
        assert [job for job in await scene.jobs() if job.user_id == bob.id] == jobs
        assert app._library.own(bob.id) == (voice,)
        assert app._book.mine(bob.id) == Mine()
        assert app._book.server(discord.guild_id) == Server()
