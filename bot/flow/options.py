"""What may be asked for besides a text, a voice and a seed. Kept with the job as JSON; what is not said has its default."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any, Self


class Kind(enum.StrEnum):
    """What a text is meant to become: see `flow/script.py`."""

    SAY = "say"
    SING = "sing"
    SOUND = "sound"
    DIALOGUE = "dialogue"


class Format(enum.StrEnum):
    """How the audio is stored; also the file's ending."""

    OGG = "ogg"
    MP3 = "mp3"
    FLAC = "flac"
    WAV = "wav"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The wishes of one ask. None: as the server, the person or the configuration has it."""

    kind: Kind = Kind.SAY
    takes: int = 1  # versions of the same text, with seeds one after another
    text_temp: float | None = None
    waveform_temp: float | None = None
    max_seconds: float | None = None
    format: Format | None = None
    cast: dict[str, str] = dataclasses.field(default_factory=dict)  # dialogue: a speaker's voice
    voice_message: bool | None = None  # as Discord's bubble with a waveform
    speak_in: int | None = None  # the voice channel where it is to be heard
    quiet: bool = False  # it is only to be heard: nothing is posted
    parent: int | None = None  # the job that this one was made from, by a button
    long: bool = False  # asked for as a long text: more characters are allowed
    cue: bool = False  # a member's voice is heard: its clips are marked for the ear, and are not to be kept
    locale: str = ""  # the asker's language, as Discord names it: answers come later, and after restarts

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return f".{self.format or Format.OGG}"

    def to_json(self) -> str:
        """Only what differs from the defaults."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain = Options()
        return json.dumps({name: value for name, value in values.items() if value != getattr(plain, name)})

    @classmethod
    def from_json(cls, content: str) -> Self:
        """What `to_json` wrote. ValueError for what it did not."""
        values: dict[str, Any] = json.loads(content)
        try:
            if "kind" in values:
                values["kind"] = Kind(values["kind"])
            if "format" in values:
                values["format"] = Format(values["format"])
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"not the options of a job: {content[:200]}") from error
