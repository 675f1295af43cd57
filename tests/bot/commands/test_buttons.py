"""Buttons as people press them: each one, by the wrong person, twice, after a restart, with nothing left to work on."""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path

import numpy as np
import pytest

from bot.flow import queue
from bot.flow.job import State
from bot.flow.options import Kind
from bot.loopback.faults import Fault
from bot.loopback.interactions import Callback
from bot.loopback.problems import MISSING_PERMISSIONS, UNKNOWN_MESSAGE
from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.bot.commands.scene import Scene, labels, number
from tests.bot.harness import bot_on

VOICE_MESSAGE = 1 << 13
PLAY = "▶ Play in voice"


async def state(app, job: int, wanted: State) -> None:
    async with asyncio.timeout(10):
        while (await app._store.call(queue.get, job)).state is not wanted:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0)


# -- what is offered


async def test_an_answer_has_the_everyday_buttons_and_the_rest_in_private(scene: Scene) -> None:
    exchange = await scene.discord.user("alice").slash("bark", "say", text="hello there", seed=7)
    message = await exchange.until(lambda message: message.attachments)
    assert labels(message) == ["Again", "Vary", "Edit", PLAY, "More"]
    more = await scene.discord.user("alice").press(message, label="More")
    kept = ["Keep voice", "Voice message", "Add to soundboard"]
    assert labels(await scene.private(more)) == [*kept, "Details", "Report", "Delete"]
    more = await scene.discord.user("bob").press(message, label="More")
    assert labels(await scene.private(more)) == ["Voice message", "Add to soundboard", "Details", "Report"]
    nothing_kept = await scene.answered()
    more = await scene.discord.user("alice").press(nothing_kept, label="More")
    assert labels(await scene.private(more)) == ["Details", "Report", "Delete"]


async def test_what_is_too_long_or_in_private_is_not_offered_to_the_soundboard(scene: Scene) -> None:
    long = await scene.answered()
    await scene.keep(number(long), seconds=5.3)
    direct = await scene.answered(channel=scene.discord.user("alice").dm.id)
    await scene.keep(number(direct))
    for message in (long, direct):
        offered = labels(await scene.private(await scene.discord.user("alice").press(message, label="More")))
        assert "Add to soundboard" not in offered
        assert "Voice message" in offered


async def test_several_takes_have_a_button_each(scene: Scene) -> None:
    message = await scene.answered(options={"takes": 3})
    assert labels(message) == ["Again", "Vary", "Edit", "More", "Take 1", "Take 2", "Take 3"]
    path = await scene.keep(number(message), 2)
    second = await scene.private(await scene.discord.user("alice").press(message, label="Take 2"))
    assert labels(second) == [PLAY, "Keep voice", "Voice message", "Add to soundboard"]
    spoken = await scene.discord.user("alice").press(second, label="Voice message")
    bubble = await spoken.until(lambda message: message.attachments)
    assert bubble.attachments[0].data == path.read_bytes()
    third = await scene.private(await scene.discord.user("alice").press(message, label="Take 3"))
    assert "no longer kept" in third.content
    assert labels(third) == []


# -- a new one from an old one


async def test_again_is_a_new_message_with_the_same_text_and_voice_for_whoever_presses(scene: Scene) -> None:
    message = await scene.answered(text="♪ la ♪", options={"kind": "sing", "speak_in": 5})
    exchange = await scene.discord.user("bob").press(message, label="Again")
    answer = await exchange.until(lambda message: message.attachments)
    assert answer is not message
    assert not answer.ephemeral
    assert labels(message) == labels(answer)
    job, parent = await scene.job(exchange.id), await scene.job(number(message))
    assert (job.text, job.voice, job.user_id) == (parent.text, parent.voice, scene.discord.user("bob").id)
    assert job.seed != parent.seed
    assert (job.options.kind, job.options.parent, job.options.speak_in) == (Kind.SING, parent.id, None)


async def test_vary_keeps_the_seed_and_moves_the_temperatures(scene: Scene) -> None:
    message = await scene.answered(seed=77)
    exchange = await scene.discord.user("alice").press(message, label="Vary")
    await exchange.until(lambda message: message.attachments)
    job = await scene.job(exchange.id)
    assert (job.seed, job.text, job.voice) == (77, "hello", "v2/en_speaker_6")
    for temperature in (job.options.text_temp, job.options.waveform_temp):
        assert 0.1 <= round(abs(temperature - 0.7), 9) <= 0.2


async def test_edit_shows_everything_as_it_was_and_makes_a_new_one(scene: Scene) -> None:
    alice, message = scene.discord.user("alice"), await scene.answered(seed=77, options={"text_temp": 0.9})
    opened = await alice.press(message, label="Edit")
    await opened.acknowledged()
    boxes = [label["component"] for label in opened.modal["components"]]
    assert [(box["custom_id"], box.get("value")) for box in boxes] == [
        ("text", "hello"),
        ("voice", "v2/en_speaker_6"),
        ("seed", "77"),
        ("liveliness", "0.9"),
    ]
    sent = await alice.submit(
        opened, {"text": "good bye", "voice": "v2/de_speaker_1", "seed": " 5 ", "liveliness": "0,4"}
    )
    await sent.until(lambda message: message.attachments)
    job = await scene.job(sent.id)
    assert (job.text, job.voice, job.seed, job.options.text_temp) == ("good bye", "v2/de_speaker_1", 5, 0.4)
    assert job.options.parent == number(message)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"seed": "minus one"}, "whole number"),
        ({"seed": str(2**32)}, "4294967295"),
        ({"seed": "²"}, "whole number"),
        ({"liveliness": "very"}, "from 0.1 to 1.5"),
        ({"liveliness": "nan"}, "from 0.1 to 1.5"),
        ({"voice": "v2/en_speaker_7"}, "Did you mean"),
        ({"text": "   "}, "Write some text"),
    ],
)
async def test_what_cannot_be_meant_is_said_in_private(scene: Scene, typed: dict[str, str], said: str) -> None:
    await scene.app._synth.until_ready()
    alice, message = scene.discord.user("alice"), await scene.answered()
    opened = await alice.press(message, label="Edit")
    await opened.acknowledged()
    sent = await alice.submit(opened, typed)
    refusal = await scene.private(sent)
    assert said in refusal.content
    assert refusal.attachments[0].data.decode() == typed.get("text", "hello")  # what was typed is not lost
    assert State.QUEUED not in {job.state for job in await scene.jobs()}


async def test_a_double_press_makes_one(scene: Scene) -> None:
    message = await scene.answered()
    first, second = await asyncio.gather(*(scene.discord.user("alice").press(message, label="Again") for _ in range(2)))
    assert "on its way" in (await scene.private(second)).content
    await first.until(lambda message: message.attachments)
    assert len(await scene.jobs()) == 2
    other = await scene.discord.user("bob").press(message, label="Again")  # another person's wish is another wish
    await other.until(lambda message: message.attachments)


# -- while it waits


async def test_cancel_stops_what_is_made_and_what_waits(scene: Scene) -> None:
    alice, bob = scene.discord.user("alice"), scene.discord.user("bob")
    first = await alice.slash("bark", "say", text="hold")
    made = await first.until(lambda message: "%" in message.content)
    second = await bob.slash("bark", "say", text="hold")
    waiting = await second.until(lambda message: "Next in line" in message.content)
    assert labels(made) == labels(waiting) == ["Cancel"]
    assert "Only the person who asked" in await scene.refused("carol", made, "Cancel")
    assert (await scene.job(first.id)).state is State.RENDERING

    pressed = [await bob.press(waiting, label="Cancel") for _ in range(2)]
    await second.until(lambda message: message.content == "Cancelled." and not message.components)
    assert (await pressed[0].acknowledged()).type is Callback.DEFERRED_UPDATE
    assert "over already" in (await pressed[1].until(lambda message: message.ephemeral)).content

    moderator = scene.discord.user("mod", permissions=Permissions.MANAGE_MESSAGES)
    await moderator.press(made, label="Cancel")
    await first.until(lambda message: message.content == "Cancelled by a moderator.")
    await state(scene.app, first.id, State.CANCELLED)
    after = await scene.discord.user("carol").slash("bark", "say", text="the next one")
    await after.until(lambda message: message.attachments)
    assert not made.deleted
    assert made.content == "Cancelled by a moderator."


async def test_a_cancel_whose_words_are_lost_stops_it_all_the_same(scene: Scene) -> None:
    """The press edits the message; where that fails the outbox says what happened, and nobody renders on."""
    exchange = await scene.discord.user("alice").slash("bark", "say", text="hold")
    made = await exchange.until(lambda message: "%" in message.content)
    edit = "PATCH /webhooks/{application}/{token}/messages/@original"
    scene.discord.faults.add(Fault.problem(UNKNOWN_MESSAGE, edit))
    await scene.discord.user("alice").press(made, label="Cancel")
    after = await scene.discord.user("bob").slash("bark", "say", text="the next one")
    await after.until(lambda message: message.attachments)
    await exchange.until(lambda message: message.content == "Cancelled." and not message.components)


async def test_a_failure_leaves_no_button(scene: Scene) -> None:
    first = await scene.discord.user("bob").slash("bark", "say", text="hold")
    await first.until(lambda message: "%" in message.content)
    exchange = await scene.discord.user("alice").slash("bark", "say", text="fail:out-of-memory")
    reply = await exchange.until(lambda message: message.components)
    scene.discord.faults.add(Fault.server_error(403, "DELETE /webhooks/{application}/{token}/messages/@original"))
    (scene.app._audio / f"{first.id}.go").touch()
    await exchange.until(lambda message: "more memory" in message.content)
    assert reply.components == []


async def test_buttons_of_what_is_not_finished_wait(scene: Scene) -> None:
    message = await scene.answered(state="queued")
    assert "not finished" in await scene.refused("alice", message, "Again")
    failed = await scene.answered(state="failed")
    assert "do not have" in await scene.refused("alice", failed, "Again")


# -- what needs the audio


async def test_a_voice_is_kept_under_a_name(scene: Scene) -> None:
    alice, message = scene.discord.user("alice"), await scene.answered()
    path = await scene.keep(number(message))
    opened = await scene.press("alice", message, "Keep voice")
    await opened.acknowledged()
    sent = await alice.submit(opened, {"name": "Grandma"})
    assert "“Grandma”" in (await scene.private(sent)).content
    row = await scene.app._store.call(lambda db: db.execute("SELECT * FROM voices").fetchone())
    assert (row["user_id"], row["name"]) == (alice.id, "Grandma")
    kept = np.load(scene.folder / "voices" / row["path"])
    assert kept["semantic_prompt"].tolist() == list(range(5))
    again = await alice.submit(opened, {"name": "grandma"})
    assert "already" in (await scene.private(again)).content
    path.with_suffix(".npz").unlink()
    assert "no longer kept" in await scene.refused("alice", message, "Keep voice")
    late = await alice.submit(opened, {"name": "Grandpa"})
    assert "no longer kept" in (await scene.private(late)).content


async def test_a_voice_message_is_a_real_one(scene: Scene) -> None:
    message = await scene.answered()
    path = await scene.keep(number(message), seconds=1.5)
    exchange = await scene.press("bob", message, "Voice message")
    bubble = await exchange.until(lambda message: message.attachments)
    assert bubble.flags & VOICE_MESSAGE
    (audio,) = bubble.attachments
    assert audio.data == path.read_bytes()
    assert audio.said["duration_secs"] == pytest.approx(1.5, abs=0.05)
    assert len(base64.b64decode(audio.said["waveform"])) == 15
    assert "AI-generated" in audio.description
    assert (bubble.content, bubble.components, bubble.channel_id) == ("", [], scene.discord.general)
    await exchange.until(lambda message: message.ephemeral and "voice message" in message.content)
    twice = await scene.press("bob", message, "Voice message")
    assert "on its way" in (await scene.private(twice)).content


async def test_a_voice_message_goes_to_threads_and_direct_messages_too(scene: Scene) -> None:
    for channel in (scene.discord.thread, scene.discord.user("alice").dm.id):
        message = await scene.answered(channel=channel)
        await scene.keep(number(message))
        exchange = await scene.press("alice", message, "Voice message")
        assert (await exchange.until(lambda message: message.attachments)).channel_id == channel


@pytest.mark.parametrize(
    ("denied", "name"),
    [(Permissions.SEND_VOICE_MESSAGES, "Send Voice Messages"), (Permissions.SEND_MESSAGES, "Send Messages")],
)
async def test_a_permission_that_is_missing_is_named(scene: Scene, denied: Permissions, name: str) -> None:
    message = await scene.answered()
    await scene.keep(number(message))
    scene.discord.deny(scene.discord.general, denied)
    assert f"“{name}”" in await scene.refused("alice", message, "Voice message")


async def test_a_permission_that_discord_alone_knows_of_is_named_too(scene: Scene) -> None:
    message = await scene.answered()
    await scene.keep(number(message))
    scene.discord.faults.add(Fault.problem(MISSING_PERMISSIONS, "POST /channels/{channel}/messages"))
    exchange = await scene.press("alice", message, "Voice message")
    await exchange.until(lambda message: "“Send Voice Messages”" in message.content)


async def test_what_is_no_longer_kept_is_said(scene: Scene) -> None:
    message = await scene.answered()
    path = await scene.keep(number(message))
    panel = await scene.private(await scene.discord.user("alice").press(message, label="More"))
    alice = scene.discord.user("alice", permissions=Permissions.CREATE_GUILD_EXPRESSIONS)
    for label in ("Keep voice", "Voice message", "Add to soundboard"):
        await scene.keep(number(message), until=1.0)
        assert "Press Again" in (await scene.private(await alice.press(panel, label=label))).content
    path.unlink()
    more = await scene.private(await alice.press(message, label="More"))
    assert "Press Again" in more.content
    assert labels(more) == ["Details", "Report", "Delete"]


async def test_a_short_sound_goes_to_the_soundboard(scene: Scene) -> None:
    discord, message = scene.discord, await scene.answered(text="[laughs] Good dog, very good dog! Come here now")
    path = await scene.keep(number(message), seconds=5.0)
    assert "you need the permission “Create Expressions”" in await scene.refused("bob", message, "Add to soundboard")
    discord.user("mod", permissions=Permissions.CREATE_GUILD_EXPRESSIONS)
    exchange = await scene.press("mod", message, "Add to soundboard")
    await exchange.until(lambda message: "on the soundboard now" in message.content)
    (sound,) = discord.world.sounds
    assert sound["name"] == "laughs Good dog very good dog"
    assert path.stat().st_size < 512_000

    discord.deny(discord.general, Permissions.CREATE_GUILD_EXPRESSIONS)
    discord.user("owner", permissions=Permissions.CREATE_GUILD_EXPRESSIONS)
    assert "I need the permission “Create Expressions”" in await scene.refused("owner", message, "Add to soundboard")


async def test_a_soundboard_that_is_full_or_closed_is_said_in_words(scene: Scene) -> None:
    discord = scene.discord
    for name, fault, said in (
        ("one", Fault.server_error(400, "POST /guilds/{guild}/soundboard-sounds"), "may be full"),
        ("two", Fault.problem(MISSING_PERMISSIONS, "POST /guilds/{guild}/soundboard-sounds"), "“Create Expressions”"),
    ):
        message = await scene.answered()
        await scene.keep(number(message))
        discord.user(name, permissions=Permissions.CREATE_GUILD_EXPRESSIONS)
        discord.faults.add(fault)
        exchange = await scene.press(name, message, "Add to soundboard")
        await exchange.until(lambda message: said in message.content)  # noqa: B023 - awaited at once
    assert discord.world.sounds == []


async def test_a_sound_that_grew_too_long_or_changed_its_format_is_refused(scene: Scene) -> None:
    discord, message = scene.discord, await scene.answered()
    mod = discord.user("mod", permissions=Permissions.CREATE_GUILD_EXPRESSIONS)
    await scene.keep(number(message))
    panel = await scene.private(await mod.press(message, label="More"))
    await scene.keep(number(message), seconds=6.0)
    words = (await scene.private(await mod.press(panel, label="Add to soundboard"))).content
    assert "at most 5.2 s; this one has 6.0 s" in words
    other = await scene.answered()
    await scene.keep(number(other))
    panel = await scene.private(await mod.press(other, label="More"))
    await scene.keep(number(other), ending="wav")
    assert "Ogg and MP3" in (await scene.private(await mod.press(panel, label="Add to soundboard"))).content


# -- about it


async def test_details_have_the_text_for_its_asker_alone(scene: Scene) -> None:
    text = "say `this` <@1> **loud** ```"
    message = await scene.answered(text=text, seed=77, model="fake", took=3.0, options={"text_temp": 0.9, "parent": 1})
    own = (await scene.private(await scene.press("alice", message, "Details"))).content
    for part in (
        "v2/en_speaker_6",
        "77",
        "fake",
        "text 0.9, sound 0.7",
        "1.0 s",
        "3 s",
        "<t:100:f>",
        "`/bark say`",
        "Vary",
    ):
        assert part in own
    assert own.endswith("```\nsay 'this' <@1> **loud** '''\n```")
    others = (await scene.private(await scene.press("bob", message, "Details"))).content
    assert "77" in others
    assert "loud" not in others


async def test_a_long_text_comes_as_a_file(scene: Scene) -> None:
    text = "wörd " * 700
    message = await scene.answered(text=text)
    details = await scene.private(await scene.press("alice", message, "Details"))
    assert details.attachments[0].data.decode() == text
    assert len(details.content) <= 2000


async def test_delete_is_for_the_asker_and_moderators(scene: Scene) -> None:
    discord = scene.discord
    discord.user("mod", permissions=Permissions.MANAGE_MESSAGES)
    for name in ("alice", "mod"):
        message = await scene.answered()
        await scene.keep(number(message))
        exchange = await scene.press(name, message, "Delete")
        await discord.until(lambda message=message: message.deleted)
        await exchange.until(lambda message: message.content == "Deleted." and not message.components)
        left = await scene.app.client.presses._tools.clip(number(message), 1)
        assert left is None


async def test_delete_that_discord_refuses_is_said(scene: Scene) -> None:
    message = await scene.answered()
    scene.discord.faults.add(Fault.problem(MISSING_PERMISSIONS, "DELETE /channels/{channel}/messages/{message}"))
    exchange = await scene.press("alice", message, "Delete")
    await exchange.until(lambda message: "does not let me" in message.content)
    assert not message.deleted


async def test_delete_by_others_is_refused_even_with_the_right_id(scene: Scene) -> None:
    message = await scene.answered()
    forged = {"type": 2, "style": 2, "label": "Delete", "custom_id": f"bark:delete:{number(message)}"}
    body = {"content": "x", "components": [{"type": 1, "components": [forged]}]}
    other = scene.discord.messages.create(scene.discord.general, scene.discord.world.bot, body)
    assert "moderator" in await scene.refused("bob", other, "Delete")
    assert not message.deleted
    await scene.discord.user("alice").press(other, label="Delete")  # on a message that all see: that one goes
    await scene.discord.until(lambda: other.deleted)


async def test_a_report_is_asked_twice_written_down_and_told_once(scene: Scene) -> None:
    discord = scene.discord
    await scene.app._book.change_server(discord.guild_id, log_channel=discord.second)
    message = await scene.answered()
    for times in (1, 2):
        exchange = await scene.press("bob", message, "Report")
        panel = await exchange.until(lambda message: "Report this answer" in message.content)
        assert panel.ephemeral
        assert labels(panel) == ["Yes, report it"]
        sure = await discord.user("bob").press(panel, label="Yes, report it")
        said = "It is reported" if times == 1 else "already"
        await sure.until(lambda message: said in message.content and not message.components)  # noqa: B023 - awaited at once
    (told,) = await discord.until(lambda: discord.channel_messages(discord.second))
    for part in (
        discord.user("alice").id,
        discord.user("bob").id,
        f"{discord.guild_id}/{discord.general}/{message.id}",
    ):
        assert str(part) in told.content
    rows = await scene.app._store.call(lambda db: [tuple(row)[:2] for row in db.execute("SELECT * FROM reports")])
    assert rows == [(number(message), discord.user("bob").id)]


# -- what should not be


async def test_what_is_of_elsewhere_or_of_nowhere_is_answered_in_private(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    discord = scene.discord
    elsewhere = await scene.answered(guild_id=999)
    direct = await scene.answered("bob", guild_id=None, channel_id=discord.user("bob").dm.id)
    nowhere = {"custom_id": "bark:again:404"}
    odd = [
        "bark:again:99999999999999999999999999",
        "bark:fly:1",
        f"bark:again:{number(elsewhere)}:9",
        "bark:again:1:10",
        "bark:again",
        "bark:",
        "bark:AGAIN:1",
        "bark:again:१२",
        "bark:play:1:0",
        "bark:again:-1",
        "bark:again:1; DROP TABLE jobs",
    ]
    buttons = [{"custom_id": custom_id} for custom_id in odd]
    rows = [nowhere, *buttons]
    components = [
        {
            "type": 1,
            "components": [{"type": 2, "style": 2, "label": f"{start + n}", **button} for n, button in enumerate(part)],
        }
        for start, part in ((start, rows[start : start + 5]) for start in range(0, len(rows), 5))
    ]
    forged = discord.messages.create(discord.general, discord.world.bot, {"content": "x", "components": components})
    before, there = await scene.jobs(), discord.channel_messages(discord.general)
    pressed = [(elsewhere, "Again"), (direct, "Again"), *((forged, f"{n}") for n in range(len(rows)))]
    for message, label in pressed:
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="bot.commands"):
            words = await scene.private(await discord.user("alice").press(message, label=label))
        assert words.content in {
            "I do not have that one here. Ask anew with /bark say.",
            "I do not know that button. It may be of a newer version of me.",
        }
        assert len([record for record in caplog.records if "is refused" in record.message]) == 1
    assert await scene.jobs() == before
    assert discord.channel_messages(discord.general) == there


async def test_play_goes_to_the_player(scene: Scene) -> None:
    heard = []

    async def play(interaction, job, take: int) -> None:
        heard.append((job.id, take))
        await interaction.response.send_message("playing", ephemeral=True)

    object.__setattr__(scene.app.client.presses._tools, "play", play)
    message = await scene.answered(options={"takes": 2})
    first = await scene.private(await scene.discord.user("bob").press(message, label="Take 2"))
    assert PLAY not in labels(first)  # nothing is kept
    await scene.keep(number(message), 2)
    panel = await scene.private(await scene.discord.user("bob").press(message, label="Take 2"))
    await scene.private(await scene.discord.user("bob").press(panel, label=PLAY))
    assert heard == [(number(message), 2)]


async def test_whoever_may_not_use_commands_may_not_press(scene: Scene) -> None:
    message = await scene.answered()
    bob = scene.discord.user("bob")
    bob.person.permissions &= ~Permissions.USE_APPLICATION_COMMANDS
    assert "may not use commands" in await scene.refused("bob", message, "Again")


async def test_editing_and_keeping_are_for_the_asker(scene: Scene) -> None:
    message = await scene.answered()
    assert "Only the person who asked" in await scene.refused("bob", message, "Edit")
    await scene.keep(number(message))
    panel = await scene.private(await scene.discord.user("alice").press(message, label="More"))
    panel.only_for = scene.discord.user("bob").person  # as if it had leaked
    assert (
        "Only the person who asked"
        in (await scene.private(await scene.discord.user("bob").press(panel, label="Keep voice"))).content
    )


async def test_a_mistake_of_ours_is_said_in_words(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("as the test says")

    object.__setattr__(scene.app.client.presses._tools, "play", broken)
    message = await scene.answered(options={"takes": 2})
    await scene.keep(number(message), 1)
    panel = await scene.private(await scene.discord.user("bob").press(message, label="Take 1"))
    words = await scene.private(await scene.discord.user("bob").press(panel, label=PLAY))
    assert "Something went wrong" in words.content
    assert any(record.exc_info for record in caplog.records)


# -- over time


async def test_buttons_and_forms_outlive_the_bot(tmp_path: Path, schema: Schema | None) -> None:
    async with Loopback(schema=schema) as discord:
        alice = discord.user("alice")
        async with bot_on(discord, tmp_path):
            exchange = await alice.slash("bark", "say", text="hello there", seed=7)
            message = await exchange.until(lambda message: message.attachments)
            opened = await alice.press(message, label="Edit")
            await opened.acknowledged()
            panel = await (await alice.press(message, label="More")).until(lambda message: message.ephemeral)
        lost = await alice.press(message, label="Again")
        assert lost.lost
        async with bot_on(discord, tmp_path) as app:
            again = await alice.press(message, label="Again")
            await again.until(lambda message: message.attachments)
            sent = await alice.submit(opened, {"text": "after the restart"})
            await sent.until(lambda message: message.attachments)
            assert (await app._store.call(queue.get, sent.id)).text == "after the restart"
            details = await alice.press(panel, label="Details")
            assert "hello there" in (await details.until(lambda message: message.content)).content
            await alice.press(panel, label="Delete")
            await discord.until(lambda: message.deleted)
        assert discord.complaints == []


async def test_a_job_cancelled_over_a_restart(tmp_path: Path, schema: Schema | None) -> None:
    async with Loopback(schema=schema) as discord:
        alice = discord.user("alice")
        async with bot_on(discord, tmp_path) as app:
            first = await alice.slash("bark", "say", text="hold")
            await first.until(lambda message: "%" in message.content)
            second = await alice.slash("bark", "say", text="hold")
            waiting = await second.until(lambda message: message.components)
            await app._store.call(queue.cancel, first.id, 1.0)
            app._synth.cancel(str(first.id))
        async with bot_on(discord, tmp_path):
            await alice.press(waiting, label="Cancel")
            await second.until(lambda message: message.content == "Cancelled.")
        assert discord.complaints == []


async def test_an_answer_that_is_late_has_its_buttons(scene: Scene) -> None:
    exchange = await scene.discord.user("alice").slash("bark", "say", text="hold")
    await exchange.until(lambda message: "%" in message.content)
    edit = "PATCH /webhooks/{application}/{token}/messages/@original"
    scene.discord.faults.add(Fault.expired_token(edit, times=None))
    (scene.app._audio / f"{exchange.id}.go").touch()
    message = await exchange.until(lambda message: message.attachments)
    assert message.nonce == str(exchange.id)
    assert labels(message) == ["Again", "Vary", "Edit", PLAY, "More"]
