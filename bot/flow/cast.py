"""Who speaks in a dialogue with which voice: what a person wrote, and the voices for those left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot import texts
from bot.flow.check import Refused, clean
from bot.flow.script import cast_for, turns
from bot.texts import say

PRESET = re.compile(r"^v2/([a-z]{2})_speaker_\d$")  # Bark's names: language and number
DEFAULT_LANGUAGE = "en"


def cast_of(text: str, written: str, voices: Sequence[str], language: str) -> dict[str, str] | Refused:
    """A voice for each speaker of `text`: `written` as `Ann=voice, Bob=voice`, the others from presets of one language.

    That is the language of the first preset that was chosen, else `language`, else English.
    """
    names = {name.casefold(): name for name, _ in turns(text) if name}
    if not names:
        return Refused(rule="no-turns", words=say(texts.NO_TURNS))
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in re.split(r"[,;\n]", written))):
        name, equals, voice = (piece.strip() for piece in part.partition("="))
        if not (name and equals and voice):
            return Refused(rule="cast", words=say(texts.CAST_UNREADABLE, part=clean(part)))
        if name.casefold() not in names:
            known = ", ".join(clean(known) for known in names.values())[:300]
            return Refused(rule="cast", words=say(texts.CAST_STRANGER, name=clean(name), names=known))
        chosen[names[name.casefold()]] = voice
    return cast_for(text, chosen, presets(voices, [*map(language_of, chosen.values()), language, DEFAULT_LANGUAGE]))


def language_of(voice: str) -> str:
    """The language in a preset's name; "" for other voices."""
    found = PRESET.match(voice)
    return found[1] if found else ""


def presets(voices: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The presets of the first of these languages that has any; all voices where none has."""
    for language in filter(None, languages):
        if found := [voice for voice in voices if language_of(voice) == language]:
            return found
    return list(voices)
