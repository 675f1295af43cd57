"""What is made anew from an old job, by buttons and by `/bark again`, is of its kind: nothing that was asked for is lost."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bot.flow.options import Format, Kind, Options
from tests.bot.commands.scene import Scene, number

CAST = {"Ann": "v2/en_speaker_6", "Bob": "v2/de_speaker_1"}
TURNS = (
    f"Ann: Hello there!\nBob: {'And so on. ' * 150}Bye."  # 1,600 and some characters: more than plain speech may have
)
OPTIONS = [
    {"kind": "dialogue", "cast": CAST, "long": True, "format": "mp3"},
    {"long": True, "takes": 2, "max_seconds": 7.0, "voice_message": False},
    {"kind": "sing", "waveform_temp": 0.4, "format": "wav", "long": True},
]


def kept(options: Options) -> dict[str, Any]:
    """All but what a new job has of its own; settings may have been filled in."""
    own = {"parent": None, "locale": "", "speak_in": None, "text_temp": None, "waveform_temp": None}
    plain = dataclasses.replace(
        options, **own, format=options.format or Format.OGG, voice_message=bool(options.voice_message)
    )
    return dataclasses.asdict(plain)


@pytest.mark.parametrize("options", OPTIONS, ids=["dialogue", "long", "sing"])
@pytest.mark.parametrize("way", ["Again", "Vary", "Edit", "command"])
async def test_kind_cast_and_length_are_inherited(scene: Scene, way: str, options: dict[str, Any]) -> None:
    alice = scene.discord.user("alice")
    message = await scene.answered(text=TURNS, options=options, received_at=scene.app._clock())
    old = await scene.job(number(message))
    if way == "command":
        await (await alice.slash("bark", "again")).acknowledged()
    else:
        exchange = await scene.press("alice", message, way)
        await exchange.acknowledged()
        if way == "Edit":
            text = TURNS.replace("Hello", "Good evening")
            await (await alice.submit(exchange, {"text": text, "voice": "", "seed": "5"})).acknowledged()
    _, new = await scene.jobs()
    assert kept(new.options) == kept(old.options)
    assert new.options.parent == old.id
    assert new.options.kind is Kind(options.get("kind", "say"))
    assert (new.options.long, new.options.cast) == (True, options.get("cast", {}))
    assert ("Good evening" in new.text) is (way == "Edit")
