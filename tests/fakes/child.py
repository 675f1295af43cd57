"""A synth child that does what a job's text says: a real process with the real loop, and an engine from a script.

any other text   four stages, then one second of a tone in an Ogg Opus file that names the job in its comment;
                 a streamed job has the first half of the tone before all else
slow:2           two seconds of steps before that
hold             steps until a file named like the job's, with the ending .go, is there; then as above
hang             no step, for ever
crash            ends without a word (exit code 1)
segfault         SIGSEGV
error            an exception that nobody expected
fail:disk-full   the protocol's reason of that name
exit:71          71: the device is broken; any other number: that exit code
garbage          bytes that are no message
half             the first half of a message, then SIGKILL
imported:NAME    fails; its detail says whether that module is loaded in the child

A recording says what its comment says; a voice that is made of it has the recording's SHA-256 for its semantic tokens.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import hashlib
import os
import signal
import struct
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from synth.errors import DeviceError, DiskFull, EmptySpeech, EmptyText, JobError, ModelError, OutOfMemory, UnknownVoice
from synth.growing import growing
from synth.ogg import OggOpus
from synth.protocol import Hear, Job, MakeVoice, Reason, take_path
from synth.tasks import Tasks
from synth.worker import Heard, Step, Tell, serve

RATE = 24_000
FORMATS = {
    ".ogg": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".flac": ("FLAC", "PCM_16"),
    ".wav": ("WAV", "PCM_16"),
}
STAGES = ("semantic", "coarse", "fine", "codec")
STEPS = 20  # in each stage
STEP = threading.Event()  # never set: waiting for it takes as long as a step of work would


class TooLarge(JobError):
    """As synth.audio's, which would bring numpy."""

    reason = Reason.TOO_LARGE


ERRORS = {
    kind.reason: kind for kind in (EmptyText, EmptySpeech, UnknownVoice, OutOfMemory, DiskFull, TooLarge, JobError)
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeOptions:
    """How the child behaves before its first job."""

    load: str = "well"  # well, no-model, no-device, hang, crash
    only_after: Path | None = None  # `load` counts only while this file is missing
    voices: tuple[str, ...] = ("v2/en_speaker_6", "v2/de_speaker_1")
    seats: int = 1
    enrols: bool = False


def main(inbox: SimpleQueue[bytes], events: Connection, options: FakeOptions) -> None:
    """The target for `Synth`."""
    serve(inbox, events, lambda tell: Script(options, events, tell))


class Script:
    """The engine."""

    model = "fake"
    device = "cpu"
    memory = 0

    def __init__(self, options: FakeOptions, events: Connection, tell: Tell) -> None:
        self._events = events
        self.voices, self.tasks, self.enrols = options.voices, Tasks(seats=options.seats), options.enrols
        tell("weights", 0.0)
        match "well" if options.only_after and options.only_after.exists() else options.load:
            case "no-model":
                raise ModelError("There is no model here. Run `barkbot download suno/bark-small`.")
            case "no-device":
                raise DeviceError("the device is broken")
            case "hang":
                threading.Event().wait()
            case "crash":
                os._exit(1)
        tell("weights", 1.0)

    def render(self, job: Job, tell: Step, heard: Heard) -> float:
        """What the text says, then a tone."""
        if not job.text.strip():
            raise EmptyText("There is nothing to say: the text is empty.")
        for voice in filter(None, (job.voice, *(line.voice for line in job.lines))):
            file = job.voice_files.get(voice)
            if not Path(file).is_file() if file else voice not in self.voices:
                raise UnknownVoice(f"There is no voice {voice!r}.")
        if job.stream:
            return self._sing(job, tell, heard)
        self._act(job, tell)
        return _write_tone(job)

    def hear(self, errand: Hear) -> tuple[str, float, dict[str, float]]:
        """The comment of the recording, and its length."""
        import soundfile  # noqa: PLC0415 -- as in _tone

        with soundfile.SoundFile(errand.path) as file:
            text = file.comment
            seconds = len(file) / file.samplerate
        if text.startswith("fail:"):
            raise ERRORS[Reason(text.partition(":")[2])]("as the recording says")
        clipped = 0.5 if "LOUD" in text else 0.0
        return text, seconds, {"clipped": clipped, "speech": 0.9, "snr_db": 30.0, "loudest": 0.5}

    def make_voice(self, errand: MakeVoice) -> float:
        """Tokens that tell which recording they are of."""
        import numpy as np  # noqa: PLC0415 -- as in _tone

        digest = np.frombuffer(hashlib.sha256(Path(errand.path).read_bytes()).digest(), np.uint8)
        fine = np.arange(8 * 30).reshape(8, 30) % 1024
        np.savez(errand.out, semantic_prompt=digest.astype(np.int64), coarse_prompt=fine[:2], fine_prompt=fine)
        return 6.0

    def _act(self, job: Job, tell: Step) -> None:
        def step(stage: str, done: float, total: float) -> None:
            tell(stage, done, total)
            self.tasks.pause()

        word, _, argument = job.text.partition(":")
        if action := getattr(self, f"_{word}", None):
            action(job, step, argument)
        if word == "deaf":
            return
        for number, stage in enumerate(STAGES):
            for done in range(STEPS):
                step(stage, (number + (done + 1) / STEPS) / len(STAGES), 1.0)

    def _sing(self, job: Job, tell: Step, heard: Heard) -> float:
        from synth.audio import Tags  # noqa: PLC0415 -- as in _tone
        from synth.encoder import Encoder  # noqa: PLC0415

        encoder, size, tone = Encoder(RATE, Tags(voice=job.voice, seed=job.seed, model="fake")), 0, _tone(job)
        reader = OggOpus()
        with growing(Path(job.path)) as add:
            for number, half in enumerate((tone[: RATE // 2], tone[RATE // 2 :])):
                data = encoder.push(half) + (encoder.end() if number else b"")
                size += len(data)
                if job.max_bytes is not None and size > job.max_bytes:
                    raise TooLarge("as the job says")
                add(data)
                heard(size, (reader.push(data)[-1].end - reader.head.pre_skip) / 48_000)
                if number == 0:
                    self._act(job, tell)
        return 1.0

    def _slow(self, _job: Job, step: Step, seconds: str) -> None:
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            step("semantic", 0.0, 1.0)
            STEP.wait(0.01)

    def _hold(self, job: Job, step: Step, _: str) -> None:
        go = Path(job.path).with_suffix(".go")
        while not go.exists():
            step("semantic", 0.0, 1.0)
            STEP.wait(0.01)

    def _deaf(self, job: Job, step: Step, _: str) -> None:
        step("semantic", 0.0, 1.0)
        self._hold(job, lambda *_: None, "")

    def _hang(self, _job: Job, step: Step, _: str) -> None:
        step("semantic", 0.0, 1.0)
        threading.Event().wait()

    def _crash(self, *_: object) -> None:
        os._exit(1)

    def _segfault(self, *_: object) -> None:
        faulthandler.disable()  # its trace on stderr is wanted in earnest only
        os.kill(os.getpid(), signal.SIGSEGV)

    def _error(self, *_: object) -> None:
        raise ZeroDivisionError("as the script says")

    def _fail(self, _job: Job, _step: Step, reason: str) -> None:
        raise ERRORS[Reason(reason)]("as the script says")

    def _exit(self, _job: Job, _step: Step, code: str) -> None:
        if code == "71":
            raise DeviceError("the device is broken")
        os._exit(int(code))

    def _mute(self, _job: Job, _step: Step, code: str) -> None:
        self._events.close()
        STEP.wait(0.2)
        os._exit(int(code))

    def _garbage(self, _job: Job, _step: Step, _: str) -> None:
        self._events.send_bytes(b"\x00 no message \xff")
        threading.Event().wait()

    def _half(self, _job: Job, _step: Step, _: str) -> None:
        os.write(self._events.fileno(), struct.pack("!i", 1000) + b'{"kind": "Fin')
        os.kill(os.getpid(), signal.SIGKILL)

    def _imported(self, _job: Job, _step: Step, name: str) -> None:
        raise JobError(str(name in sys.modules))


def _tone(job: Job) -> Any:
    """(RATE,)."""
    import numpy as np  # noqa: PLC0415 -- a child that is killed at once does not need it

    return np.sin(np.arange(RATE) * (100 + job.seed % 900) * 2 * np.pi / RATE) / 10


def _write_tone(job: Job) -> float:
    import soundfile  # noqa: PLC0415 -- as above

    voice = job.voice_files.get(job.voice or "", job.voice)
    for take in range(1, job.takes + 1):
        path = Path(take_path(job.path, take))
        kind, subtype = FORMATS[path.suffix]
        aside = path.with_name(f".{path.name}.part")
        try:
            if job.tokens:
                _write_tokens(path.with_suffix(".npz"))
            with soundfile.SoundFile(aside, "w", RATE, 1, format=kind, subtype=subtype) as file:
                spoken = " / ".join(f"{line.voice or job.voice}: {line.text}" for line in job.lines)
                made = f"voice={voice}; text_temp={job.text_temp}; lines={spoken}"
                file.comment = f"job={job.id}; seed={job.seed + take - 1}; text={job.text}; {made}"
                file.write(_tone(dataclasses.replace(job, seed=job.seed + take - 1)))
            if job.max_bytes is not None and aside.stat().st_size > job.max_bytes:
                aside.unlink()
                raise TooLarge("as the job says")
            aside.replace(path)
        except (OSError, soundfile.LibsndfileError) as error:
            raise JobError(f"{path} cannot be written") from error
    return 1.0 * job.takes


def _write_tokens(path: Path) -> None:
    import numpy as np  # noqa: PLC0415 -- as in _tone

    fine = np.arange(8 * 30).reshape(8, 30) % 1024
    np.savez(path, semantic_prompt=np.arange(20), coarse_prompt=fine[:2], fine_prompt=fine)
