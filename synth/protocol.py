"""The messages between the bot and the synth process: frozen values, JSON on the wire, standard library only.

To the child, over a multiprocessing queue made anew for each of its lives: `Job`, `Cancel`, `Drain`; and, of a member's
recording, `Hear` and `MakeVoice`, which are jobs, too.
From the child, over a one-way pipe: `Loading` until `Ready`, then for each job `Progress` and, if it asked for them,
`Sound` ... and exactly one of `Finished` (`Heard`, `VoiceMade`), `Failed`, `Cancelled`. `Leaving` says why it ends by
itself. The pipe's end of file means that it is gone.

Arrays never cross: the audio is a file, named by its path. So is sound that is still being made: the file grows beside its
place, and `Sound` says how much of it can be read. What a reader has is on disk, not in a pipe that dies with its
writer; a slow reader holds nobody up; and one reader serves for what is being made and for what is finished.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import pathlib
import types
import typing
from typing import Any


class ExitCode(enum.IntEnum):
    """Why the child ended. Anything else (a negative number is a signal) is a crash."""

    OK = 0  # drained
    MODEL = 70  # the model could not be found or loaded: trying again soon will not help
    DEVICE = 71  # the device is broken (a sticky CUDA error): a new process may help
    PARENT_GONE = 72  # the bot is gone


class Reason(enum.StrEnum):
    """Why a job failed. The bot has a sentence for each; `Failed.detail` is for the log only."""

    EMPTY_TEXT = "empty-text"
    EMPTY_SPEECH = "empty-speech"  # the model said nothing, twice
    UNKNOWN_VOICE = "unknown-voice"
    OUT_OF_MEMORY = "out-of-memory"
    DISK_FULL = "disk-full"
    TOO_LARGE = "too-large"  # no encoding of it fits into `Job.max_bytes`
    NOT_AUDIO = "not-audio"  # a recording is in no format that is taken here, or broken
    TOO_MUCH_AUDIO = "too-much-audio"  # it is longer, or has more bytes, than is taken
    NO_SPEECH = "no-speech"  # nobody speaks in it, or not for long enough
    NO_RECOGNISER = "no-recogniser"  # there is none here: what is said cannot be checked
    NO_MAKER = "no-maker"  # what makes voices of recordings is not here
    INTERNAL = "internal"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A part of a text in a voice of its own; None: the job's."""

    text: str
    voice: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One text to render. `path` (absolute) gets the audio; its suffix picks the format."""

    id: str
    text: str
    path: str
    seed: int
    voice: str | None = None  # a name the model knows, or one of `voice_files`; None: no history prompt
    voice_files: dict[str, str] = dataclasses.field(
        default_factory=dict
    )  # further voices: absolute paths of .npz files
    text_temp: float = 0.7
    waveform_temp: float = 0.7
    min_eos_p: float | None = 0.2
    greedy: bool = False
    max_seconds: float | None = None
    max_bytes: int | None = None  # what the file may weigh: a larger one is encoded again, smaller
    lines: tuple[Line, ...] = ()  # the text, where it is spoken in parts; else it is one, in `voice`
    takes: int = 1  # versions, with seeds one after another, each in a file of its own: see `take_path`
    tokens: bool = False  # write what was generated, too, beside each file, with the ending .npz: it is a voice
    stream: bool = False  # tell of sound while it is being made; the path must end in .ogg or .opus
    cue: bool = False  # two tones before the speech: it sounds like a person whom there is (synth/cue.py)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Hear:
    """Write down what is said in a recording, a sound file at `path` (absolute) that is read as hostile."""

    id: str
    path: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MakeVoice:
    """Make a voice of a recording: a history prompt at `out` (absolute, .npz), whole or not at all."""

    id: str
    path: str
    out: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cancel:
    """Stop this job at the next step, or drop it if it has not begun."""

    job: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Drain:
    """Finish the jobs at hand, take no other, leave with `ExitCode.OK`."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Loading:
    """A sign of life before `Ready`: what is being fetched or loaded, and how far (0..1)."""

    what: str
    fraction: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """The model is loaded. `voices` are the names it knows; `memory` is in bytes, 0 where unknown."""

    model: str
    device: str
    voices: tuple[str, ...]
    memory: int
    seconds: float
    seats: int = 1  # jobs that are worked on at once
    enrols: bool = False  # recordings can be heard, and voices made of them: all that it takes is here


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A step was made: also the heartbeat. `done` of `total` is over the whole job (0..1 when divided)."""

    job: str
    stage: str  # semantic, coarse, fine, codec
    done: float
    total: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """More of the job's file can be read: see `synth.listener`. It will become the finished file, byte for byte.

    Only a job that asked for it gets these, and not even that one, where the model's codec has a rate that Opus has not.
    """

    job: str
    path: str  # where the file will be, once it is finished
    bytes: int  # so many can be read: whole Ogg pages
    seconds: float  # of audio in them


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The file is complete and on disk: written aside, synced, renamed."""

    job: str
    path: str
    seconds: float  # of audio, in all takes
    took: float  # seconds from its first step to its last
    cost: float  # seconds of work: what it took, less what others had of it
    seed: int
    model: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a recording says, as far as a recogniser understands it, and how good the recording is.

    `level`: `clipped`, the share of its samples at full scale (0..1); `speech`, the share of its time in which somebody
    speaks (0..1); `snr_db`, how much louder the speech is than what is between the words; `loudest`, its peak (0..1).
    """

    job: str
    text: str
    seconds: float
    level: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VoiceMade:
    """The voice is complete and on disk."""

    job: str
    out: str
    seconds: float  # of speech in it


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """This job cannot be done; the child lives on."""

    job: str
    reason: Reason
    detail: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """The job was stopped because it was asked for."""

    job: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """The child's last words before it ends with an `ExitCode` that is not OK: a sentence for the operator."""

    code: ExitCode
    sentence: str


Work = Job | Hear | MakeVoice
Done = Finished | Heard | VoiceMade
Message = Work | Cancel | Drain | Loading | Ready | Progress | Sound | Done | Failed | Cancelled | Leaving

_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in typing.get_args(Message)}
_FIELDS: dict[type[Message], dict[str, Any]] = {kind: typing.get_type_hints(kind) for kind in _KINDS.values()}


def take_path(path: str, take: int) -> str:
    """Where a take of a job goes that writes to `path`; they count from 1, and the first goes there."""
    place = pathlib.PurePath(path)
    return path if take == 1 else str(place.with_stem(f"{place.stem}-{take}"))


def encode(message: Message) -> bytes:
    """One message as JSON bytes."""
    return json.dumps({"kind": type(message).__name__, **dataclasses.asdict(message)}).encode()


def decode(data: bytes) -> Message:
    """The message in these bytes; ValueError if they hold none that this version knows."""
    try:
        fields = json.loads(data)
        kind = _KINDS[fields.pop("kind")]
        if kind is Job:
            fields["lines"] = tuple(Line(**line) for line in fields["lines"])
        if kind is Ready:
            fields["voices"] = tuple(fields["voices"])
        if kind is Failed:
            fields["reason"] = Reason(fields["reason"])
        if kind is Leaving:
            fields["code"] = ExitCode(fields["code"])
        return _checked(kind(**fields))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a message of this version: {data[:200]!r}") from error


def _checked(message: Message) -> Message:
    """The message, if what it holds is of the kinds it declares, and its numbers are finite. TypeError."""
    for name, kind in _FIELDS[type(message)].items():
        if not _fits(getattr(message, name), kind):
            raise TypeError(f"{name} is {getattr(message, name)!r}"[:200])
    return message


def _fits(value: object, kind: Any) -> bool:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, parts[0]) for each in value)
    if origin is dict:
        key, inner = parts
        return isinstance(value, dict) and all(_fits(name, key) and _fits(each, inner) for name, each in value.items())
    if kind is Line:
        return isinstance(value, Line) and _fits(value.text, str) and _fits(value.voice, str | None)
    if kind in (int, float) and not isinstance(value, bool):
        return isinstance(value, int) or (kind is float and isinstance(value, float) and abs(value) < float("inf"))
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
