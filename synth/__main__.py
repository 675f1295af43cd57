"""Text -> audio file, without Discord: `python -m synth "hello there" -o hello.ogg`.

torch and the model are imported after the command line was found to make sense, so that --help and mistakes are quick.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.device import PRECISIONS, plan
from synth.errors import SynthError

if TYPE_CHECKING:
    from synth.pipeline import Model, Speech

FORMATS = (".ogg", ".wav", ".mp3", ".flac")
MAX_SEED = 2**63 - 1  # what SQLite and every file tag can hold
NEW_SEEDS = 2**31  # of those nobody chose: short enough to type again
FAILED, INTERRUPTED = 1, 130  # exit codes; argparse leaves with 2 by itself


def main(argv: Sequence[str] | None = None, prog: str = "python -m synth") -> int:
    """Speak a text into a file; the exit code."""
    args = _parser(prog).parse_args(argv)
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
    parser.add_argument("model", metavar="MODEL", help="suno/bark-small, suno/bark, or another owner/name of the hub")
    args = parser.parse_args(argv)
    return _told(lambda: _download(args.model))


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
        help=f"{', '.join(FORMATS)} (%(default)s)",
    )
    _add_model(parser)
    add("--voice", metavar="NAME|NPZ", help="a voice of the model, or a history prompt file; none: one by chance")
    add("--seed", type=_seed, metavar="N", help="the same seed gives the same audio; none: a new one, which is printed")
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
    add("--tokens", metavar="FILE.npz", type=_npz_path, help="also write the tokens, in the format of a voice")
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
    add("--progress", action="store_true", help="show the progress also where standard error is no terminal")
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    words = "pup (ships with the program), suno/bark-small, suno/bark, another owner/name, or a folder (%(default)s)"
    parser.add_argument("--model", default="pup", metavar="NAME|FOLDER", help=words)


def _say(args: argparse.Namespace) -> None:
    words = _standard_input() if args.text == "-" else args.text
    for path in filter(None, (args.output, args.tokens)):
        _check_writable(path)
    seed = secrets.randbelow(NEW_SEEDS) if args.seed is None else args.seed

    from synth import audio, text  # noqa: PLC0415 - see the top
    from synth.mastering import finish  # noqa: PLC0415 - see the top

    text.normalise(words)  # an empty text is known before a model is loaded
    model = _load(args)
    speech = _speak(model, words, seed, args)
    waveform = finish([piece.waveform for piece in speech.pieces], speech.sample_rate)
    voice = Path(args.voice).stem if args.voice else None
    audio.write(args.output, waveform, speech.sample_rate, audio.Tags(voice=voice, seed=seed, model=model.name))
    if args.tokens:
        _write_tokens(args.tokens, speech)
    chosen = "" if args.seed is not None else f", seed {seed}"
    print(f"{args.output}: {len(waveform) / speech.sample_rate:.1f} s{chosen}")


def _standard_input() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise SynthError(f"Standard input is no text in {error.encoding}.") from error


def _load(args: argparse.Namespace) -> Model:
    from synth.engine import load_model  # noqa: PLC0415 - see the top

    return load_model(plan(args.model, args.device, args.threads, args.precision), graphs=args.graphs)


def _speak(model: Model, text: str, seed: int, args: argparse.Namespace) -> Speech:
    from synth.engine import tokenized  # noqa: PLC0415 - see the top
    from synth.pipeline import Request, speak  # noqa: PLC0415 - see the top

    voice = None
    if args.voice:
        is_file = args.voice.lower().endswith(".npz")
        voice = model.voices.get_file(Path(args.voice)) if is_file else model.voices.get(args.voice)
    request = Request(
        pieces=tokenized(model, text, args.voice),
        voice=voice,
        seed=seed,
        greedy=args.greedy,
        text_temp=args.text_temp,
        waveform_temp=args.waveform_temp,
        min_eos_p=args.min_eos_p,
        max_seconds=args.max_seconds,
    )
    with _bar(always=args.progress) as watch:
        return speak(model, request, watch)


def _write_tokens(path: Path, speech: Speech) -> None:
    import numpy as np  # noqa: PLC0415 - see the top

    try:
        np.savez(path, **speech.tokens())  # type: ignore[arg-type] # taken for its keyword allow_pickle
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
    folder = path.parent
    if not folder.is_dir():
        raise SynthError(f"There is no folder {folder} for {path.name}.")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise SynthError(f"{path} cannot be written.")


def _audio_path(value: str) -> Path:
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
