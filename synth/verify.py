"""Is a clip one of this bot's? What the file itself tells: watermark, Content Credentials, tags.

`examine` asks a child that lives for one file (`bounded.py`); `task` is that child's half. Standard library only at import:
the bot imports it. Neither file nor keys are on a command line: both go in through the child's standard input.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synth import bounded, credentials, mark_key
from synth.credentials import Credential

if TYPE_CHECKING:
    from synth.bounded import Bounds

LISTENED = 30.0  # seconds of a clip that are searched: a mark that is there is in every six of them
WITHIN = 120.0  # seconds for all of it: a slow machine searches for long, and the model goes on speaking beside it
BEHIND = 10  # steps of niceness, as the synth process: the bot comes first
MEMORY = 2 << 30  # bytes of address space, of which most is never touched
LENGTH = struct.Struct("<I")
SUFFIXES = {"MP3": ".mp3", "FLAC": ".flac", "WAV": ".wav", "OGG": ".ogg"}
TAG_OF_OURS = "AI-generated"
LONGEST_TAG = 200  # characters


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A watermark that was looked for. `p`: at most so likely is it that a clip without it scores as high."""

    own: bool  # with this bot's own key, else with the public one that `barkbot say` marks with
    found: bool
    score: float
    p: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What a file tells. None: there is none, or it was not looked for."""

    format: str
    seconds: float  # listened to
    mark: Found | None
    readable: bool  # whether this machine can read credentials
    credential: Credential | None
    tags: dict[str, str]

    @property
    def tagged(self) -> bool:
        """Whether the tags say that it is AI-generated, which anybody can write or remove."""
        return any(TAG_OF_OURS in value for value in self.tags.values())


async def examine(data: bytes, *, own: bytes | None, keys: Sequence[bytes]) -> Findings:
    """What is in a file's bytes. `own`: the chain that this bot signs with, PEM; `keys`: of watermarks, the first found wins.

    Raises `bounded.Unreadable` in its kinds.
    """
    words = json.dumps({"own": own.decode() if own else "", "keys": [key.hex() for key in keys]}).encode()
    packed = LENGTH.pack(len(words)) + words + data
    found = await bounded.run_async(
        "verify",
        packed,
        seconds=LISTENED,
        within=WITHIN,
        memory=MEMORY,
        max_bytes=len(packed),
        max_out=0,
        cut=True,
    )
    mark, credential = found["mark"], found["credential"]
    return Findings(
        format=found["format"],
        seconds=found["seconds"],
        mark=Found(**mark) if mark else None,
        readable=found["readable"],
        credential=Credential(**credential) if credential else None,
        tags=found["tags"],
    )


def task(packed: bytes, bounds: Bounds) -> tuple[dict[str, Any], bytes]:
    """In the child. Raises NotAudio."""
    from synth.decode import decoded  # noqa: PLC0415 -- numpy is for the child alone

    os.nice(BEHIND)
    (length,) = LENGTH.unpack_from(packed)
    asked, data = json.loads(packed[LENGTH.size : LENGTH.size + length]), packed[LENGTH.size + length :]
    samples, about = decoded(data, bounds)
    suffix, readable = SUFFIXES[about["format"]], credentials.installed()
    credential = credentials.read(data, suffix, asked["own"].encode() or None) if readable else None
    found = {
        "format": about["format"],
        "seconds": about["seconds"],
        "mark": _mark(samples, about["rate"], [bytes.fromhex(key) for key in asked["keys"]]),
        "readable": readable,
        "credential": dataclasses.asdict(credential) if credential else None,
        "tags": _tags(data),
    }
    return found, b""


def _mark(samples: Any, rate: int, keys: Sequence[bytes]) -> dict[str, Any] | None:
    """The mark of the first key that is found, else the best of what is none."""
    from synth import watermark  # noqa: PLC0415 -- as above

    best: dict[str, Any] | None = None
    for key in keys:
        mark = watermark.detect(samples, rate, key)
        told = {"own": key != mark_key.PUBLIC_KEY, "found": mark.found, "score": mark.score, "p": mark.p}
        if mark.found:
            return told
        best = told if best is None or told["p"] < best["p"] else best
    return best


def _tags(data: bytes) -> dict[str, str]:
    """What the file says of itself, printable and short: a stranger wrote it."""
    import soundfile  # noqa: PLC0415 -- as above

    with soundfile.SoundFile(io.BytesIO(data)) as file:
        stored: dict[str, str] = file.copy_metadata()
    return {
        name: "".join(letter for letter in value if letter.isprintable())[:LONGEST_TAG]
        for name, value in stored.items()
        if value
    }
