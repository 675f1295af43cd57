"""What is really spoken: the text of an ask as lines, each with its voice, in the marks that Bark was trained on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from bot.flow.options import Kind

NOTE = "♪"
SPEAKER = re.compile(r"^\s*([^\W\d_][\w .'-]{0,31}?)\s*:\s+(.*)$")  # `Name: text`


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A part of the text in one voice; None: the voice of the ask."""

    text: str
    voice: str | None = None


def tidy(text: str, kind: Kind) -> str:
    """White space as one space; in a dialogue and a song lines stay lines. Half characters, which no encoding knows, are none."""
    text = text.encode("utf-8", "replace").decode()
    if kind in (Kind.DIALOGUE, Kind.SING):
        lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
        return "\n".join(line for line in lines if line)
    return re.sub(r"\s+", " ", text).strip()


def lines(text: str) -> str:
    """A text typed where there is no Enter key: ` / ` and `|` end a line too."""
    return re.sub(r"\s+/\s+|\s*\|\s*", "\n", text)


def script(text: str, kind: Kind, cast: Mapping[str, str]) -> tuple[Line, ...]:
    """The lines of a tidy text."""
    match kind:
        case Kind.SING:
            return tuple(Line(text=f"{NOTE} {line.strip(NOTE + ' ')} {NOTE}") for line in text.splitlines())
        case Kind.SOUND:
            return (Line(text=text if text.startswith("[") and text.endswith("]") else f"[{text.strip('[]')}]"),)
        case Kind.DIALOGUE:
            return tuple(Line(text=said, voice=cast.get(name)) for name, said in turns(text))
    return (Line(text=text),)


def turns(text: str) -> list[tuple[str, str]]:
    """The (name, text) turns of a dialogue; a line without a name goes on with the one before, or is nobody's ("")."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if spoken := SPEAKER.match(line):
            found.append((spoken[1], spoken[2]))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line}")
        else:
            found.append(("", line))
    return found


def cast_for(text: str, chosen: Mapping[str, str], voices: Sequence[str]) -> dict[str, str]:
    """A voice for each speaker of a dialogue: as chosen, else those of `voices` that are left, in turn."""
    names = list(dict.fromkeys(name for name, _ in turns(text)))
    free = [voice for voice in voices if voice not in chosen.values()] or list(voices)
    others = [name for name in names if name not in chosen]
    given = {name: free[number % len(free)] for number, name in enumerate(others)} if free else {}
    return {name: chosen.get(name) or given[name] for name in names if name in chosen or name in given}
