"""What a voice channel hears: ready-made Opus packets, as they are in the file, also while that is still growing."""

from __future__ import annotations

import collections
import functools
import io
import threading
from collections.abc import Sequence
from pathlib import Path

import discord
from discord.opus import OPUS_SILENCE

from synth.ogg import OggOpus

FRAME = 0.02  # seconds in a packet, and between two
PREBUFFER = 0.4  # seconds that are there before it begins to be heard
CUE = Path(__file__).with_name("cue.ogg")  # synth/cue.py makes it
LONGEST_PREBUFFER = 6.4  # seconds: where the model is slower than speech each pause makes the next buffer longer


class Speech(discord.AudioSource):
    """The packets of one clip. The event loop fills it, the player's thread reads it; neither waits for the other.

    Where the next packet is not there yet it gives silence until enough has come. Its place is kept when the player ends:
    another player goes on from there.
    """

    def __init__(self, packets: Sequence[bytes] = (), *, whole: bool = False) -> None:
        self._lock = threading.Lock()
        self._packets = list(packets)
        self._before: collections.deque[bytes] = collections.deque()
        self._next = 0
        self._whole, self._broken = whole, False
        self._buffer = PREBUFFER
        self._filling = True
        self.reads = 0  # grows as long as a player lives

    def put(self, at: int, packets: Sequence[bytes]) -> bool:
        """The packets from number `at` on. False, and nothing changes, where what was heard is not what these say.

        A job that is made again comes from its beginning: it goes on where it stopped if it is the same.
        """
        with self._lock:
            heard = self._packets[at : self._next]
            if list(packets[: len(heard)]) != heard[: len(packets)]:
                return False
            if at + len(packets) > self._next:
                self._packets[at:] = packets if at + len(packets) > len(self._packets) else self._merged(at, packets)
                self._broken = False
            return True

    def _merged(self, at: int, packets: Sequence[bytes]) -> list[bytes]:
        """What was there goes on behind the new packets only if it is the same; else it is of another try."""
        there = self._packets[at:]
        return there if there[: len(packets)] == list(packets) else list(packets)

    def precede(self, packets: Sequence[bytes]) -> None:
        """These are heard first. They are no part of the clip and count nowhere."""
        with self._lock:
            self._before = collections.deque(packets)

    @property
    def preceded(self) -> bool:
        """Whether all that was to be heard first was."""
        return not self._before

    def end(self) -> None:
        """There is no more: it is whole."""
        with self._lock:
            self._whole = True

    def break_off(self) -> None:
        """There may be no more: what is there is heard, then it ends."""
        with self._lock:
            self._broken = not self._whole

    @property
    def heard(self) -> int:
        """Packets that were heard."""
        return self._next

    @property
    def seconds(self) -> float:
        """Seconds that were heard."""
        return self._next * FRAME

    @property
    def over(self) -> bool:
        """Whether all of it was heard."""
        with self._lock:
            return self._whole and self._next >= len(self._packets)

    @property
    def broken(self) -> bool:
        """Whether it ended before its end."""
        return self._broken

    @property
    def ready(self) -> bool:
        """Whether enough is there to begin, or to go on."""
        with self._lock:
            return self._enough()

    def _enough(self) -> bool:
        left = len(self._packets) - self._next
        return left > 0 and not self._broken and (self._whole or left * FRAME >= self._buffer)

    def is_opus(self) -> bool:
        """Nothing is left to encode."""
        return True

    def read(self) -> bytes:
        """The next 20 ms; empty at the end. Called by the player's thread."""
        with self._lock:
            self.reads += 1
            if self._before:
                return self._before.popleft()
            if self._next >= len(self._packets):
                if self._whole or self._broken:
                    return b""
                if not self._filling:  # it ran dry
                    self._filling = True
                    self._buffer = min(2 * self._buffer, LONGEST_PREBUFFER)
            if self._filling and not (self._broken or self._enough()):
                return OPUS_SILENCE
            self._filling = False
            self._next += 1
            return self._packets[self._next - 1]


@functools.cache
def cue() -> tuple[bytes, ...]:
    """Two soft tones: what follows is made by a machine."""
    return tuple(packet.data for packet in OggOpus().push(CUE.read_bytes()))


def load(path: Path) -> Speech:
    """A finished file as a speech; what is not Ogg Opus is made so. Reads and perhaps encodes: for a thread. OSError."""
    data = path.read_bytes()
    packets = OggOpus().push(data if path.suffix == ".ogg" else _as_opus(data))
    if not packets:
        raise OSError(f"{path} has nothing to hear")
    return Speech([packet.data for packet in packets], whole=True)


def _as_opus(data: bytes) -> bytes:
    import soundfile  # noqa: PLC0415 - it brings numpy

    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        encoded = io.BytesIO()
        soundfile.write(encoded, samples, rate, format="OGG", subtype="OPUS")
    except soundfile.LibsndfileError as error:
        raise OSError(str(error)) from error
    return encoded.getvalue()
