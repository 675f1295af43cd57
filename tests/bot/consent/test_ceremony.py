"""The ceremony in a real client on a loopback Discord, with a synth child that hears what a recording's comment says."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from bot.consent import rites, vault
from bot.loopback.schema import Schema
from tests.bot.consent.recordings import recording
from tests.bot.consent.village import ALICES, HOUR, Village, said, village_in


async def test_a_member_gets_their_voice_from_their_recording_alone(village: Village) -> None:
    alice, bob, clock = village.alice, village.bob, village.clock
    challenge = await village.agree(alice, options=("files",), days=(30,))
    spoken = recording(said(challenge))
    sent = alice.speak(spoken, 9.0)
    assert f"**{ALICES}**" in await village.hears(alice, sent)

    # of that recording, encrypted, and nothing else is left of it
    assert village.sealed() == ["1.sealed"]
    assert village.in_clear() == []
    sealed = (village.folder / "member-voices" / "1.sealed").read_bytes()
    key = await village.app._store.call(rites.key_of, 1)
    assert key is not None
    with np.load(io.BytesIO(vault.unseal(sealed, key, 1))) as made:
        assert bytes(made["semantic_prompt"].astype(np.uint8)) == hashlib.sha256(spoken).digest()
    with pytest.raises(vault.Damaged):
        vault.unseal(sealed, key, 2)

    # the moderators are told; for a day it is hers alone, in private
    notice = village.discord.channel_messages(village.discord.second)[-1]
    assert f"<@{alice.id}>" in notice.content
    answer = await village.speaks(alice, dm=True)
    assert answer.channel_id == alice.dm.id
    assert village.in_clear() == []
    assert not list((village.folder / "audio").glob("*.npz"))  # no tokens that could be kept as a voice
    assert "direct messages with me only" in await village.refused(alice)
    assert "only its owner can use it" in await village.refused(bob)
    assert "Others may use it by 0 grants" in await village.words(alice, "bark-voice", "mine")

    # after that she can use it in her server, and others by grant
    clock.now += 24 * HOUR
    await village.speaks(alice, "in the server")
    assert "Only they can allow it" in await village.refused(bob)
    offered = await alice.autocomplete("bark", "say", focused=("voice", "alice"), text="x")
    assert [choice["value"] for choice in offered] == [ALICES]
    assert await bob.autocomplete("bark", "say", focused=("voice", "alice"), text="x") == []
    listed = await village.words(alice, "bark-voice", "grants", member=bob.person, uses="files", days=3)
    assert f"<@{bob.id}>: Clips in text channels" in listed
    await village.speaks(bob, "by grant")
    clock.now += 3 * 24 * HOUR
    assert "Only they can allow it" in await village.refused(bob)
    clock.now += 27 * 24 * HOUR  # the time that she chose is over
    assert "has ended" in await village.refused(alice)


async def test_what_was_chosen_on_the_page_is_granted(village: Village) -> None:
    discord, bob = village.discord, village.bob
    carol = discord.user("carol")
    role = discord.role("singers", carol)
    await village.enrol(village.alice, members=(bob.id,), roles=(role,), options=("files",), days=(7,))
    village.clock.now += 24 * HOUR
    await village.speaks(bob)
    await village.speaks(carol)
    assert "Only they can allow it" in await village.refused(discord.user("dave"))
    rows = await village.rows("SELECT kind, files, speak, until - given_at AS days FROM grants ORDER BY id")
    assert rows == [
        {"kind": "member", "files": 1, "speak": 0, "days": 7 * 24 * HOUR},
        {"kind": "role", "files": 1, "speak": 0, "days": 7 * 24 * HOUR},
    ]


async def test_wrong_answers(village: Village) -> None:
    """Those that may be a slip leave the challenge open; a recording that was heard does not. Three challenges a day."""
    alice = village.alice
    challenge = await village.agree(alice)
    good = recording(said(challenge))
    assert "I need a voice message" in await village.hears(alice, alice.write("I agree", dm=True))
    assert "I need a voice message" in await village.hears(alice, alice.speak(good, 9.0, spoken=False))
    assert "6 to 20 seconds" in await village.hears(alice, alice.speak(good, 3.0))
    assert "too large" in await village.hears(alice, alice.speak(good + bytes(1 << 20), 9.0))
    eve = village.discord.user("eve")
    eve.speak(good, 9.0)  # nobody waits for hers
    short = alice.speak(recording(said(challenge), seconds=4.0), 9.0)  # the client says 9 s: what is heard counts
    assert "6 to 20 seconds" in await village.hears(alice, short)
    assert village.direct(eve) == []

    second = await village.agree(alice)
    wrong = alice.speak(recording(said(challenge)), 9.0)  # the words of the first challenge
    assert "six code words" in await village.hears(alice, wrong)
    assert said(second) != said(challenge)
    third = await village.agree(alice)
    village.clock.now += 181.0
    late = alice.speak(recording(said(third)), 9.0)
    assert "too late" in await village.hears(alice, late)
    page = await village.answer(await alice.slash("bark-voice", "mine"))
    pressed = await alice.press(page, label="I agree")
    await pressed.until(lambda message: "third try" in message.content)
    assert await village.rows("SELECT * FROM member_voices") == []
    assert village.in_clear() == []


@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        ("LOUD {text}", "distorted"),
        ("fail:internal", "could not listen"),
        ("no thank you {text}", "did not understand the sentence"),
    ],
)
async def test_what_is_heard_decides(village: Village, spoken: str, words: str) -> None:
    challenge = await village.agree(village.alice)
    text = said(challenge) if "LOUD" in spoken else said(challenge).partition(":")[2]
    sent = village.alice.speak(recording(spoken.format(text=text)), 9.0)
    assert words in await village.hears(village.alice, sent)
    assert village.in_clear() == []
    assert await village.rows("SELECT * FROM member_voices") == []


async def test_a_page_is_for_its_owner_once_and_for_a_quarter_of_an_hour(village: Village) -> None:
    alice = village.alice
    page = await village.answer(await alice.slash("bark-voice", "mine"))
    assert "Version 1, SHA-256 " in page.content
    looks = [part["style"] for part in page.components[-1]["components"]]
    assert looks == [2, 2]  # one colour for both
    declined = await alice.press(page, label="No")
    await declined.until(lambda message: "Nothing was made" in message.content)
    rite = (await village.rows("SELECT id, state FROM ceremonies"))[0]
    assert rite["state"] == "declined"

    page = await village.answer(await alice.slash("bark-voice", "mine"))
    village.clock.now += 15 * 60 + 1
    late = await alice.press(page, label="I agree")
    await late.until(lambda message: "too old" in message.content)
    assert village.direct(alice) == []


async def test_closed_direct_messages_cost_no_challenge(village: Village) -> None:
    alice = village.alice
    alice.close_dms()
    for _ in range(4):
        page = await village.answer(await alice.slash("bark-voice", "mine"))
        pressed = await alice.press(page, label="I agree")
        await pressed.until(lambda message: "cannot send you direct messages" in message.content)


async def test_a_restart_in_the_middle_ends_it(tmp_path: Path, schema: Schema | None) -> None:
    async with village_in(tmp_path, schema) as village:
        await village.open()
        challenge = await village.agree(village.alice)
        await village.app._store.call(
            lambda db: db.execute("UPDATE ceremonies SET state = 'hearing', answer_id = ?", (challenge.id + 1,))
        )
        await village.app._enrolment.begin()
        assert "I was restarted" in village.direct(village.alice)[-1].content
        assert (await village.rows("SELECT state, reason FROM ceremonies")) == [
            {"state": "failed", "reason": "restart"}
        ]
