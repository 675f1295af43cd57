"""Decisions over plain values, and the vault's files."""

import dataclasses
import os
import stat
from pathlib import Path

import pytest

from bot.consent import ceremony as rules
from bot.consent.ceremony import EPOCH, SHIFT, Answer, Ceremony, State, Wishes
from bot.consent.vault import Damaged, Vault, seal, unseal

CDN = "https://cdn.discordapp.com/attachments/1/2/voice-message.ogg?ex=1&is=2&hm=3"


def at(seconds: float) -> int:
    """An id of Discord's that was made then."""
    return int((1.8e9 - EPOCH + seconds) * 1000) << SHIFT


CHALLENGED = Ceremony(
    id="x",
    user_id=1,
    guild_id=2,
    page_id=3,
    name="Ann",
    locale="en",
    terms="1:x",
    wishes=Wishes(),
    state=State.CHALLENGED,
    made_at=1.8e9,
    agreed_at=1.8e9,
    words=("acorn",),
    channel_id=4,
    challenge_id=at(0),
    reason=None,
)
GOOD = Answer(id=at(60), author_id=1, channel_id=4, voice=True, urls=(CDN,), size=80_000, seconds=9.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"id": at(180)}, None),
        ({"id": at(180.001)}, "late"),
        ({"id": at(-1)}, "late"),
        ({"author_id": 9}, "not-yours"),
        ({"channel_id": 9}, "not-yours"),
        ({"voice": False}, "not-spoken"),
        ({"urls": ()}, "not-one-file"),
        ({"urls": (CDN, CDN)}, "not-one-file"),
        ({"urls": ("http://cdn.discordapp.com/a.ogg",)}, "not-one-file"),
        ({"urls": ("https://cdn.discordapp.com.evil.example/a.ogg",)}, "not-one-file"),
        ({"urls": ("https://cdn.discordapp.com@evil.example/a.ogg",)}, "not-one-file"),
        ({"urls": ("https://user@cdn.discordapp.com/a.ogg",)}, "not-one-file"),
        ({"urls": ("http://127.0.0.1:8080/cdn/1/a.ogg",)}, "not-one-file"),
        ({"size": rules.LARGEST + 1}, "too-large"),
        ({"seconds": 5.9}, "length"),
        ({"seconds": 20.1}, "length"),
        ({"seconds": None}, None),  # it is measured later
    ],
)
def test_what_is_an_answer(change: dict[str, object], reason: str | None) -> None:
    assert rules.cannot_hear(CHALLENGED, dataclasses.replace(GOOD, **change)) == reason


def test_only_an_open_challenge_is_answered() -> None:
    for state in State:
        reason = rules.cannot_hear(dataclasses.replace(CHALLENGED, state=state), GOOD)
        assert reason == (None if state is State.CHALLENGED else "used")


def test_files_come_from_the_discord_that_is_spoken_to() -> None:
    assert rules.hosts("https://discord.com/api/v10") == rules.HOSTS
    assert rules.hosts("http://127.0.0.1:1234/api/v10") == {"127.0.0.1"}


def test_a_file_is_read_with_its_own_key_for_its_own_voice_only() -> None:
    key, sealed = seal(b"voice", 7)
    assert unseal(sealed, key, 7) == b"voice"
    other, _ = seal(b"voice", 7)
    for broken in ((sealed, key, 8), (sealed, other, 7), (sealed[:-1], key, 7), (b"", key, 7), (sealed + b"x", key, 7)):
        with pytest.raises(Damaged):
            unseal(*broken)


def test_what_is_in_use_is_private_and_does_not_outlive_a_kill(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    key = vault.write(1, b"voice")
    place = vault.scratch("job-1.npz")
    vault.lay_open(place, 1, key)
    assert place.read_bytes() == b"voice"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert place.parent.stat().st_uid == os.getuid()
    again = Vault(tmp_path)  # the next life, after a kill
    again.begin([1])
    assert not place.exists()
    assert again.path(1).exists()
    again.begin([])
    assert not again.path(1).exists()
    again.close()
