"""A clip as Discord's voice message: the bubble with a picture of the sound.

Discord wants one audio attachment with its length and its picture, the flag IS_VOICE_MESSAGE, and nothing else. discord.py knows
the flag, but neither the two values nor the content type; they are added here.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import discord
from discord.http import handle_message_parameters

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

POINTS = 256  # of a picture at most (Discord: message resource, voice messages)
POINTS_PER_SECOND = 10  # as Discord's own clients draw it
LOUDEST = 32768  # of a 16-bit sample
CONTENT_TYPES = {".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".wav": "audio/wav"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What Discord wants to know of a voice message: peaks (0..255), and its length in seconds."""

    points: bytes
    seconds: float


def draw(path: Path) -> Picture:
    """The picture of an audio file. It is decoded as a whole: to be called in a thread."""
    import soundfile  # noqa: PLC0415 - it brings numpy, and most bots never send a voice message

    with soundfile.SoundFile(path) as file:
        samples = file.read(dtype="int16", always_2d=True)[:, 0]  # (samples,)
        seconds = len(samples) / file.samplerate
    count = max(1, min(POINTS, round(seconds * POINTS_PER_SECOND)))
    return Picture(points=peaks(samples, count), seconds=max(seconds, 0.01))


def peaks(samples: npt.NDArray[np.int16], count: int) -> bytes:
    """The loudest sample of each of `count` slices of (n,), all of a length, as 0..255; fewer where there are fewer samples."""
    count = min(count, len(samples))
    if count == 0:
        return b"\0"
    edges = [number * len(samples) // count for number in range(count + 1)]
    parts = (samples[start:end] for start, end in itertools.pairwise(edges))
    loudest = (max(int(part.max()), -int(part.min())) for part in parts)  # not abs: 16 bits have no +32768
    return bytes(min(255, peak * 256 // LOUDEST) for peak in loudest)


class VoiceFile(discord.File):
    """A file that tells Discord its length and its picture."""

    def __init__(self, path: Path, picture: Picture, *, filename: str, description: str) -> None:
        super().__init__(path, filename=filename, description=description)
        self._picture = picture

    def to_dict(self, index: int) -> dict[str, Any]:
        """The attachment as it is announced."""
        waveform = base64.b64encode(self._picture.points).decode()
        return super().to_dict(index) | {"duration_secs": round(self._picture.seconds, 3), "waveform": waveform}


async def send(client: discord.Client, channel_id: int, file: VoiceFile, *, nonce: str) -> int:
    """Post it; the message's id. discord.Forbidden where the permission Send Voice Messages is missing.

    The nonce makes tries one message.
    """
    flags = discord.MessageFlags(voice=True)
    with handle_message_parameters(file=file, flags=flags, nonce=nonce) as parameters:
        for part in parameters.multipart or ():
            if part["name"].startswith("files"):
                part["content_type"] = CONTENT_TYPES.get(Path(file.filename).suffix, "audio/ogg")
        message = await client.http.send_message(channel_id, params=parameters)
    return int(message["id"])
