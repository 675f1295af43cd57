"""Text -> audio file, without Discord: `python -m synth "hello there" -o hello.ogg`.

With --stream, or -o - for standard output, the file grows while it is being made, and a player can follow (aloud.py).

torch and the model are imported after the command line was found to make sense, so that --help and mistakes are quick.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth import mark_key
from synth.device import PRECISIONS, plan
from synth.errors import SynthError
from synth.room import PROFILES

if TYPE_CHECKING:
    from synth.pipeline import Model, Request, Speech

FORMATS = (".ogg", ".wav", ".mp3", ".flac")
STANDARD_OUTPUT = Path("-")
MAX_SEED = 2**63 - 1  # what SQLite and every file tag can hold
NEW_SEEDS = 2**31  # of those nobody chose: short enough to type again
MOST_TAKES = 8
VOICES = "voices"  # what else than a model can be fetched
VOICES_PARTS = {"hubert": "HuBERT", "quantizer": "the reader of its features", "recogniser": "Whisper"}
FAILED, INTERRUPTED = 1, 130  # exit codes; argparse leaves with 2 by itself


def main(argv: Sequence[str] | None = None, prog: str = "python -m synth") -> int:
    """Speak a text into a file; the exit code."""
    parser = _parser(prog)
    args = parser.parse_args(argv)
    args.stream |= args.output == STANDARD_OUTPUT
    if args.stream and args.output != STANDARD_OUTPUT and args.output.suffix.lower() != ".ogg":
        parser.error(f"--stream writes Ogg Opus: {args.output} must end in .ogg")
    return _told(lambda: _say(args))


def main_voices(argv: Sequence[str] | None = None, prog: str = "python -m synth voices") -> int:
    """Print the names of a model's voices, one a line; the exit code."""
    parser = argparse.ArgumentParser(prog=prog, description="The voices a model has.")
    _add_model(parser)
    args = parser.parse_args(argv)
    return _told(lambda: _print_voices(args.model))


def main_download(argv: Sequence[str] | None = None, prog: str = "python -m synth download") -> int:
    """Fetch a model and print its folder; the exit code. What is there already is not fetched again."""
    parser = argparse.ArgumentParser(prog=prog, description="Fetch a model from the hub: resumed, and verified.")
    words = "suno/bark-small, suno/bark, or another owner/name of the hub; or voices: what makes voices of recordings"
    parser.add_argument("model", metavar="MODEL", help=words)
    for name, what in VOICES_PARTS.items():
        parser.add_argument(
            f"--{name}", metavar="NAME", help=f"with voices: {what}, instead of the usual one; '': none"
        )
    args = parser.parse_args(argv)
    named = {name: value for name in VOICES_PARTS if (value := getattr(args, name)) is not None}
    if args.model != VOICES and named:
        parser.error(f"--{next(iter(named))} goes with `{prog} {VOICES}`")
    return _told(lambda: _download_voices(named) if args.model == VOICES else _download(args.model))


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Speak a text into an audio file.")
    add = parser.add_argument
    add("text", metavar="TEXT", help="what to say; - reads it from standard input")
    add(
        "-o",
        "--output",
        metavar="FILE",
        type=_audio_path,
        default="speech.ogg",
        help=f"{', '.join(FORMATS)}, or - for Ogg Opus on standard output (%(default)s)",
    )
    add("--stream", action="store_true", help="let the .ogg file grow while it is made, so that a player can follow")
    _add_model(parser)
    add("--voice", metavar="NAME|NPZ", help="a voice of the model, or a history prompt file; none: one by chance")
    add("--seed", type=_seed, metavar="N", help="the same seed gives the same audio; none: a new one, which is printed")
    add(
        "--takes",
        type=_takes,
        default=1,
        metavar="N",
        help=f"so many versions, 2 to {MOST_TAKES}, with seeds of their own, in files that end in -1, -2, ...",
    )
    add("--chain", action="store_true", help="of a long text: each piece goes on from the one before it, one by one")
    add("--greedy", action="store_true", help="take the most likely token in all three stages")
    add("--max-seconds", type=_positive, metavar="S", help="stop after so much speech")
    add("--text-temp", type=_positive, default=0.7, metavar="T", help="of the semantic stage (%(default)s)")
    add("--waveform-temp", type=_positive, default=0.7, metavar="T", help="of the coarse stage (%(default)s)")
    add(
        "--min-eos-p",
        type=_threshold,
        default=0.2,
        metavar="P",
        help="end at this probability of the end, or off (%(default)s)",
    )
    add(
        "--sign",
        nargs=2,
        metavar=("CHAIN.pem", "KEY.pem"),
        help="sign MP3, FLAC and WAV with Content Credentials: a certificate with its authority's, and its private key",
    )
    add("--tokens", metavar="FILE.npz", type=_npz_path, help="also write the tokens, in the format of a voice")
    add(
        "--watermark-key",
        metavar="FILE",
        type=Path,
        help=f"a bot's {mark_key.FILE}; else {mark_key.VARIABLE} in the environment; else the public key",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (%(default)s)")
    add(
        "--threads", type=_count, default=0, metavar="N", help="of the CPU; 0: as many as there are cores (%(default)s)"
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="exact",
        help="int8 (CPU, CUDA), int4 (CUDA): narrow weights, faster, other audio for the same seed (%(default)s)",
    )
    add(
        "--no-graphs",
        dest="graphs",
        action="store_false",
        help="on CUDA: launch each kernel by itself, which is slower",
    )
    add(
        "--memory",
        choices=("auto", *PROFILES),
        default="auto",
        help="what of the model is on the device: all, all but tables, or a stage at a time; auto: by free memory",
    )
    add("--progress", action="store_true", help="show the progress also where standard error is no terminal")
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    words = "pup (ships with the program), suno/bark-small, suno/bark, another owner/name, or a folder (%(default)s)"
    parser.add_argument("--model", default="pup", metavar="NAME|FOLDER", help=words)


def _say(args: argparse.Namespace) -> None:
    words = _standard_input() if args.text == "-" else args.text
    outputs = _numbered(args.output, args.takes)
    tokens = _numbered(args.tokens, args.takes) if args.tokens else []
    for path in (*outputs, *tokens):
        _check_writable(path)
    if args.greedy and args.takes > 1:
        raise SynthError("With --greedy nothing is left to chance: all takes would be the same.")
    if args.takes > 1 and (args.stream or args.output == STANDARD_OUTPUT):
        raise SynthError("One take at a time can be heard while it is made: leave out --takes.")
    seeds = _seeds(args.seed, args.takes)

    from synth import audio, text  # noqa: PLC0415 - see the top
    from synth.aloud import speak_aloud  # noqa: PLC0415 - see the top
    from synth.mastering import finish  # noqa: PLC0415 - see the top
    from synth.takes import speak_takes  # noqa: PLC0415 - see the top

    key = _watermark_key(args)
    text.normalise(words)  # an empty text is known before a model is loaded
    sign = _signer(args)
    model, seats = _load(args)
    request = dataclasses.replace(_request(model, words, args), seed=seeds[0])
    voice, told = Path(args.voice).stem if args.voice else None, Told(args)

    def ready(number: int, speech: Speech) -> None:
        waveform = finish([piece.waveform for piece in speech.pieces], speech.sample_rate, mark=key)
        tags = audio.Tags(voice=voice, seed=speech.seed, model=model.name)
        audio.write(outputs[number], waveform, speech.sample_rate, tags, sign=sign)
        if tokens:
            _write_tokens(tokens[number], speech.tokens())
        told.add(number, outputs[number], len(waveform) / speech.sample_rate, speech.seed)

    try:
        with _bar(always=args.progress) as watch:
            if args.stream:
                tags = audio.Tags(voice=voice, seed=seeds[0], model=model.name)
                last = speak_aloud(model, request, tags, args.output, watch, mark=key)
                if tokens:
                    _write_tokens(tokens[0], last.tokens or {})
                told.add(0, args.output, last.seconds, seeds[0])
            else:
                speak_takes(model, request, seeds, seats=seats, ready=ready, watch=watch)
    finally:
        told.show()


def _signer(args: argparse.Namespace) -> Callable[[bytes, str], bytes] | None:
    if not args.sign:
        return None
    from synth import credentials  # noqa: PLC0415 - see the top

    if args.output.suffix.lower() not in credentials.TYPES:
        raise SynthError("Ogg cannot carry Content Credentials: with --sign write a .mp3, .flac or .wav file.")
    if not credentials.installed():
        raise SynthError("--sign needs the package c2pa-python: pip install it.")
    return credentials.Signer(*map(Path, args.sign))


class Told:
    """What is said of the files in the end, a line each."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._seeds_told = args.seed is None or args.takes > 1
        self._out = sys.stderr if args.output == STANDARD_OUTPUT else sys.stdout
        self._lines: dict[int, str] = {}

    def add(self, number: int, path: Path, seconds: float, seed: int) -> None:
        """A take is there."""
        self._lines[number] = f"{path}: {seconds:.1f} s" + (f", seed {seed}" if self._seeds_told else "")

    def show(self) -> None:
        """All, in order."""
        for number in sorted(self._lines):
            print(self._lines[number], file=self._out)


def _watermark_key(args: argparse.Namespace) -> bytes:
    if args.watermark_key:
        return mark_key.read(args.watermark_key)
    return mark_key.from_environment() or mark_key.PUBLIC_KEY


def _numbered(path: Path, takes: int) -> list[Path]:
    """The files of all takes: hello-1.ogg, hello-2.ogg, ...; of a single one hello.ogg."""
    if takes == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number}") for number in range(1, takes + 1)]


def _seeds(first: int | None, takes: int) -> list[int]:
    """That seed and those after it, or seeds by chance."""
    if first is None:
        return [secrets.randbelow(NEW_SEEDS) for _ in range(takes)]
    return [(first + number) % (MAX_SEED + 1) for number in range(takes)]


def _standard_input() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise SynthError(f"Standard input is no text in {error.encoding}.") from error


def _load(args: argparse.Namespace) -> tuple[Model, int]:
    """The model, and how many pieces can be in work at once."""
    from synth.engine import load_model  # noqa: PLC0415 - see the top

    decided = plan(args.model, args.device, args.threads, args.precision, memory=args.memory)
    return load_model(decided, graphs=args.graphs), decided.seats


def _request(model: Model, text: str, args: argparse.Namespace) -> Request:
    from synth.engine import tokenized  # noqa: PLC0415 - see the top
    from synth.pipeline import Request  # noqa: PLC0415 - see the top

    voice = None
    if args.voice:
        is_file = args.voice.lower().endswith(".npz")
        voice = model.voices.get_file(Path(args.voice)) if is_file else model.voices.get(args.voice)
    return Request(
        pieces=tokenized(model, text, args.voice),
        voice=voice,
        seed=0,
        greedy=args.greedy,
        text_temp=args.text_temp,
        waveform_temp=args.waveform_temp,
        min_eos_p=args.min_eos_p,
        max_seconds=args.max_seconds,
        chain=args.chain,
    )


def _write_tokens(path: Path, tokens: Mapping[str, Any]) -> None:
    import numpy as np  # noqa: PLC0415 - see the top

    try:
        np.savez(path, **tokens)
    except OSError as error:
        raise SynthError(f"{path} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def _bar(*, always: bool) -> Iterator[Callable[[str, float, float], None]]:
    """A listener for `speak` that draws a bar with the stage, on a terminal or always."""
    from tqdm import tqdm  # noqa: PLC0415 - see the top

    shape = "{desc:<8} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    shown = ""
    with tqdm(total=1.0, bar_format=shape, disable=False if always else None) as bar:

        def watch(stage: str, done: float, total: float) -> None:
            nonlocal shown
            bar.update(max(0.0, done / total - bar.n))
            if stage != shown:  # drawn at once: a stage may be shorter than the time between two drawings
                bar.set_description_str(stage)
                shown = stage

        yield watch


def _print_voices(name: str) -> None:
    from synth.checkpoint import find  # noqa: PLC0415 - see the top

    for voice in find(name, weights=False).voices().names():
        print(voice)


def _download(name: str) -> None:
    from synth.checkpoint import find  # noqa: PLC0415 - see the top

    print(find(name).folder)


def _download_voices(named: Mapping[str, str]) -> None:
    """Of `synth.enrol.sources`; where each part is."""
    from synth.checkpoint import default_cache  # noqa: PLC0415 - see the top
    from synth.download import Hub  # noqa: PLC0415 - see the top
    from synth.enrol.sources import Sources, fetch  # noqa: PLC0415 - see the top

    places = fetch(Sources(**named), Hub(default_cache()))
    for part in VOICES_PARTS:
        print(f"{part:<12}{getattr(places, part) or 'none'}")


def _told(work: Callable[[], Any]) -> int:
    """Do it; what goes wrong becomes one sentence on standard error."""
    try:
        work()
    except SynthError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _check_writable(path: Path) -> None:
    if path == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise SynthError("Standard output is a terminal: send it to a player or a file, as in `-o - | mpv -`.")
        return
    folder = path.parent
    if not folder.is_dir():
        raise SynthError(f"There is no folder {folder} for {path.name}.")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise SynthError(f"{path} cannot be written.")


def _audio_path(value: str) -> Path:
    if value == str(STANDARD_OUTPUT):
        return STANDARD_OUTPUT
    if Path(value).suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"{value!r} does not end in one of {', '.join(FORMATS)}")
    return Path(value)


def _npz_path(value: str) -> Path:
    if not value.endswith(".npz"):
        raise argparse.ArgumentTypeError(f"{value!r} does not end in .npz")
    return Path(value)


def _seed(value: str) -> int:
    number = int(value) if value.isdecimal() else -1
    if not 0 <= number <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 0 to {MAX_SEED}")
    return number


def _takes(value: str) -> int:
    number = int(value) if value.isdecimal() else 0
    if not 1 <= number <= MOST_TAKES:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 1 to {MOST_TAKES}")
    return number


def _count(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 0")
    return int(value)


def _positive(value: str) -> float:
    number = _number(value)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number above 0")
    return number


def _threshold(value: str) -> float | None:
    if value == "off":
        return None
    number = _number(value)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{value!r} is neither a probability above 0 nor off")
    return number


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
