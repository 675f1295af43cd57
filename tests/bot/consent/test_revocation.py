"""The end of a voice while everything is under way: in a real client, with a real child process and a real database file."""

from __future__ import annotations

from bot.app import DATABASE
from bot.consent import rites
from bot.consent.revoke import end_voice
from bot.loopback.faults import Fault
from bot.loopback.messages import Message
from bot.loopback.world import Permissions
from tests.bot.commands.scene import labels
from tests.bot.consent.village import HOUR, Village
from tests.bot.privacy.people import mentions

EDIT = "PATCH /webhooks/{application}/{token}/messages/{message}"
SEND = "POST /channels/{channel}/messages"


async def end(village: Village, *, who: str = "alice", member: bool = False) -> Message:
    """`/bark-voice revoke`, and the button; what is said then."""
    user = village.discord.user(who)
    options = {"member": village.alice.person} if member else {}
    asked = await village.answer(await user.slash("bark-voice", "revoke", **options))
    pressed = await user.press(asked, label="End this voice")
    return await pressed.until(lambda message: "has ended" in message.content)


async def test_whatever_is_under_way_ends_with_the_voice(village: Village) -> None:
    """Posted, being rendered, and waiting: the post is deleted, nothing of the others comes, key and files are gone."""
    alice, bob = village.alice, village.bob
    await village.enrol(alice, options=("everybody", "files", "speak"))
    village.clock.now += 24 * HOUR
    posted = await village.speaks(bob)
    assert "Keep voice" not in labels(posted)
    rendering = await village.bark(bob, "hold")
    await rendering.acknowledged()
    await village.until_clear(1)
    waiting = await village.bark(alice, "next")
    await waiting.acknowledged()
    audio = {path.name for path in (village.folder / "audio").iterdir()}
    assert audio  # the kept clip, at least
    key = await village.app._store.call(rites.key_of, 1)
    assert key is not None

    done = await end(village)
    assert "Messages deleted: 1." in done.content
    assert posted.deleted
    for exchange in (rendering, waiting):
        await exchange.until(lambda message: message.content == "This voice was withdrawn.")
        assert not any(message.attachments for message in exchange.messages)
    states = await village.rows("SELECT state, reason FROM jobs ORDER BY id")
    assert states == [
        {"state": "answered", "reason": None},
        {"state": "cancelled", "reason": "withdrawn"},
        {"state": "cancelled", "reason": "withdrawn"},
    ]
    await village.until_clear(0)
    assert village.sealed() == []
    assert await village.rows("SELECT * FROM voice_keys") == []
    assert await village.rows("SELECT * FROM clips") == []
    for file in (village.folder / DATABASE, village.folder / f"{DATABASE}-wal"):
        assert key not in file.read_bytes()
    assert "I have no voice called" in await village.refused(bob)
    assert "You have no voice" in await village.words(alice, "bark-voice", "revoke")


async def test_an_answer_that_nobody_knew_of_is_taken_back(village: Village) -> None:
    """Discord took the clip, its answer was lost, and the voice ends before the next try."""
    await village.enrol(village.alice, options=("everybody", "files"))
    village.clock.now += 24 * HOUR
    village.discord.faults.add(Fault.lost_answer(EDIT, times=None))
    asked = await village.bark(village.bob)
    clip = await asked.until(lambda message: message.attachments)
    ended = await end_while_faulty(village)
    assert ended == 1
    await village.discord.until(
        lambda: clip.deleted or (clip.content == "This voice was withdrawn." and not clip.attachments)
    )


async def end_while_faulty(village: Village) -> int:
    """The transaction alone, then the faults end; how many jobs it stopped."""
    ended = await village.app._store.call(end_voice, 1, "owner", village.clock())
    assert ended is not None
    village.discord.faults.clear()
    await village.app._keeper.carry_out(ended)
    return len(ended.jobs)


async def test_a_message_of_its_own_that_nobody_knew_of_is_found_and_deleted(village: Village) -> None:
    """The same after the interaction's token has died."""
    discord = village.discord
    await village.enrol(village.alice, options=("everybody", "files"))
    village.clock.now += 24 * HOUR
    asked = await village.bark(village.bob, "hold")
    await asked.acknowledged()
    job = asked.id
    await village.until_clear(1)
    await asked.until(lambda message: "%" in message.content)  # no edit is on its way when the token dies
    village.clock.now += 16 * 60
    discord.faults.add(Fault.lost_answer(SEND, times=None))
    (village.folder / "audio" / f"{job}.go").touch()
    clip = await discord.until(
        lambda: next((one for one in discord.channel_messages(discord.general) if one.attachments), None)
    )
    assert await end_while_faulty(village) == 1
    await discord.until(lambda: clip.deleted)


async def test_taking_a_grant_away_stops_what_waits_and_leaves_what_was_posted(village: Village) -> None:
    alice, bob = village.alice, village.bob
    await village.enrol(alice, members=(bob.id,))
    village.clock.now += 24 * HOUR
    posted = await village.speaks(bob)
    rendering = await village.bark(bob, "hold")
    await rendering.acknowledged()
    listed = await village.answer(await alice.slash("bark-voice", "grants"))
    assert f"<@{bob.id}>" in listed.content
    await village.choose(alice, listed, "bark-consent:take", "1")
    assert "Nobody but you" in listed.content
    await rendering.until(lambda message: message.content == "This voice was withdrawn.")
    assert not posted.deleted
    assert "Only they can allow it" in await village.refused(bob)
    assert "Nobody but you" in await village.words(alice, "bark-voice", "grants")


async def test_the_server_changes_its_mind(village: Village) -> None:
    """Turned off while something is rendered: it is not delivered, and nothing is asked for any more."""
    await village.enrol(village.alice)
    village.clock.now += 24 * HOUR
    rendering = await village.bark(village.alice, "hold")
    await rendering.acknowledged()
    await village.until_clear(1)
    panel = await village.answer(await village.mod.slash("bark", "server"))
    await village.choose(village.mod, panel, "bark-server:log_channel")
    (village.folder / "audio" / f"{rendering.id}.go").touch()
    await rendering.until(lambda message: message.content == "This voice was withdrawn.")
    assert "switched off" in await village.refused(village.alice)
    assert "no member voices" in await village.words(village.bob, "bark-voice", "mine")


async def test_members_report_and_moderators_decide(village: Village) -> None:
    alice, bob, mod, discord = village.alice, village.bob, village.mod, village.discord
    await village.enrol(alice, options=("everybody", "files"))
    village.clock.now += 24 * HOUR
    notice = discord.channel_messages(discord.second)[-1]
    await (await bob.press(notice, label="Not theirs: report")).acknowledged()
    assert f"Reported by <@{bob.id}>" in notice.content
    assert "only its owner can use it" in await village.refused(bob)
    assert "It was reported" in await village.words(alice, "bark-voice", "mine")
    assert "may manage this server" in (await village.answer(await bob.press(notice, label="It is theirs"))).content
    await (await mod.press(notice, label="It is theirs")).acknowledged()
    assert labels(notice) == ["Not theirs: report"]
    await village.speaks(bob)

    assert "no such voice here" in await village.words(bob, "bark-voice", "revoke", member=alice.person)
    await end(village, who="mod", member=True)
    await discord.until(lambda: "A moderator of Kennel has ended your voice" in village.direct(alice)[-1].content)
    assert await village.rows("SELECT why FROM member_voices") == [{"why": "moderator"}]


async def test_a_server_that_was_not_told_has_no_use_of_a_voice(village: Village) -> None:
    """The quarantine begins with the notice; the keeper tries again."""
    village.discord.deny(village.discord.second, Permissions.SEND_MESSAGES)
    await village.enrol(village.alice, options=("everybody", "files"))
    village.clock.now += 25 * HOUR
    assert "only its owner can use it" in await village.refused(village.bob)
    village.discord.deny(village.discord.second, Permissions(0))
    assert "could not be told yet" in await village.words(village.alice, "bark-voice", "mine")
    await village.app._keeper.look()
    assert labels(village.discord.channel_messages(village.discord.second)[-1]) == ["Not theirs: report"]
    assert "It is yours alone until" in await village.words(village.alice, "bark-voice", "mine")
    assert "only its owner can use it" in await village.refused(village.bob)
    village.clock.now += 24 * HOUR
    await village.speaks(village.bob)


async def test_clips_in_a_members_voice_are_not_to_be_kept(village: Village) -> None:
    """Not by the buttons, nor by forged ones: what is made of a voice must not outlive it."""
    await village.enrol(village.alice)
    village.clock.now += 24 * HOUR
    answer = await village.speaks(village.alice)
    assert labels(answer) == ["Again", "Vary", "Edit", "More"]
    more = await village.answer(await village.alice.press(answer, label="More"))
    assert labels(more) == ["Details", "Report", "Delete"]
    for action in ("keep", "play", "bubble", "soundboard"):
        button = {"type": 2, "style": 2, "label": "x", "custom_id": f"bark:{action}:{number(answer)}:1"}
        body = {"content": "forged", "components": [{"type": 1, "components": [button]}]}
        message = village.discord.messages.create(village.discord.general, village.discord.world.bot, body)
        pressed = await village.answer(await village.alice.press(message, label="x"))
        assert "cannot be kept or copied" in pressed.content
    again = await village.bob.press(answer, label="Again")
    refused = await village.answer(again)
    assert "Only they can allow it" in refused.content


def number(message: Message) -> str:
    return str(message.components[0]["components"][0]["custom_id"].split(":")[2])


async def test_who_deletes_everything_takes_their_voice_and_its_messages_along(village: Village) -> None:
    alice, bob = village.alice, village.bob
    await village.enrol(alice, members=(bob.id,))
    village.clock.now += 24 * HOUR
    posted = [await village.speaks(alice), await village.speaks(bob)]
    key = await village.app._store.call(rites.key_of, 1)
    assert key is not None
    panel = await village.answer(await alice.slash("bark", "privacy"))
    for line in ("• Your own voice: **1**", "• Your consents to a voice: **1**", "• Who may use your voice: **1**"):
        assert line in panel.content
    await (await alice.press(panel, label="Delete everything…")).acknowledged()
    sure = await alice.press(panel, label="Yes, delete it")
    bye = await sure.until(lambda message: "It is deleted" in message.content)
    assert "nobody can tell any more" in bye.content
    await village.discord.until(lambda: all(message.deleted for message in posted))
    assert village.sealed() == []
    assert await village.rows("SELECT * FROM voice_keys") == []
    for file in (village.folder / DATABASE, village.folder / f"{DATABASE}-wal"):
        assert key not in file.read_bytes()
    assert "I have no voice called" in await village.refused(bob)
    village.clock.now += 2 * HOUR
    await village.app._keeper.tidy()
    await village.app._retention.round()
    for table in ("ceremonies", "member_voices", "grants"):
        owners = "subject" if table == "grants" else "user_id"
        assert await village.rows(f"SELECT * FROM {table} WHERE {owners} IN ({alice.id}, {bob.id})") == [], table
    assert (await village.app._store.call(mentions, alice.id)).keys() == {"meters"}  # the limits hold on
