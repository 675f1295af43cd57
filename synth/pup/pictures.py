"""A picture of one utterance: its spectrogram, and under it what the recogniser read, word by word, in its place."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from synth import audio, checkpoint
from synth.errors import SynthError
from synth.pup.listening import say
from synth.pup.recogniser import Recogniser, Word, heard_right, needed, word_errors
from synth.pup.sentences import HELD_OUT, SET_SIZE, plain
from synth.room import SHIPPED

INCHES = (8.3, 3.6)  # at 100 dots an inch the width of a page on GitHub
DOTS_PER_INCH = 200  # twice that, for screens that have them
TOP_HERTZ = 8000
WINDOW_SECONDS, STEP_SECONDS = 0.02, 0.0025  # long enough to see formants, short enough to see pitch periods
RANGE_DB = 60.0
COLOURS = 256
LARGEST, SMALLEST = 11.0, 6.5  # points, of the words
LETTER = 0.58  # width of a letter by its height, on average
RIGHT, WRONG, QUIET = "#1b6e3c", "#b23a3a", "#6b7280"


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """One file as it was received, and as it was read."""

    said: str
    waveform: npt.NDArray[np.float64]  # (n,)
    rate: int  # Hz
    words: tuple[Word, ...]
    picked: bool  # the right one, of `SET_SIZE` other sentences and this one
    source: str  # a line about the file


def read_file(path: Path, said: str, recogniser: Recogniser) -> Reading:
    """An audio file that the bot wrote. SynthError where it is none, or `said` has words the recogniser lacks."""
    try:
        with soundfile.SoundFile(path) as file:
            waveform, rate, tags = file.read(), file.samplerate, file.copy_metadata()
            container = f"{file.format} {file.subtype}".title()
    except (soundfile.LibsndfileError, OSError) as error:
        raise SynthError(f"{path} cannot be read as audio: {error}") from error
    sentence = plain(said)
    if strangers := recogniser.unknown(sentence):
        raise SynthError(f"The recogniser does not know these words: {', '.join(strangers)}. Choose others.")
    others = [other for other in HELD_OUT if other != sentence][:SET_SIZE]
    about = dict(part.split("=", 1) for part in tags.get("comment", "").split("; ") if "=" in part)
    names = ", ".join(f"{key} {about[key]}" for key in ("model", "voice", "seed") if key in about)
    return Reading(
        said=sentence,
        waveform=waveform,
        rate=rate,
        words=tuple(recogniser.words(waveform, rate)),
        picked=recogniser.choose(waveform, rate, [*others, sentence]) == sentence,
        source=f"{container}, {len(waveform) / rate:.1f} s" + (f", {names}" if names else ""),
    )


def draw(reading: Reading, path: Path) -> None:
    """The picture, as a PNG file."""
    needed("matplotlib")
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional package
    from matplotlib.gridspec import GridSpec  # noqa: PLC0415 - the same

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, facecolor="white")
    grid = GridSpec(
        2, 1, figure=figure, height_ratios=(8, 1), hspace=0.04, left=0.085, right=0.985, top=0.89, bottom=0.205
    )
    above = figure.add_subplot(grid[0])
    below = figure.add_subplot(grid[1], sharex=above)
    _spectrogram(above, reading)
    _words(below, reading)
    figure.text(0.085, 0.92, f"/bark say  {reading.said}", fontsize=12, weight="bold", color="#111827")
    figure.text(0.085, 0.065, _verdict(reading), fontsize=8.5, color="#111827")
    figure.text(0.085, 0.02, reading.source, fontsize=8.5, color=QUIET)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    """With `COLOURS` colours, the rare ones among them: half the size, and nobody sees it."""
    from PIL import Image  # noqa: PLC0415 - it comes with matplotlib

    drawn = io.BytesIO()
    figure.savefig(drawn)
    Image.open(drawn).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(path, "PNG", optimize=True)


def _spectrogram(axes: Any, reading: Reading) -> None:
    from scipy.signal import spectrogram  # type: ignore[import-untyped]  # noqa: PLC0415 -- no stubs; slow import

    window, step = round(WINDOW_SECONDS * reading.rate), round(STEP_SECONDS * reading.rate)
    hertz, times, power = spectrogram(
        reading.waveform, reading.rate, window="hann", nperseg=window, noverlap=window - step, nfft=2048
    )
    decibels = 10 * np.log10(np.maximum(power, 1e-14))
    top = float(decibels.max())
    axes.pcolormesh(times, hertz / 1000, decibels, cmap="magma", vmin=top - RANGE_DB, vmax=top, rasterized=True)
    axes.set_facecolor("black")  # half a window at either end has no column
    axes.set_ylim(0, TOP_HERTZ / 1000)
    axes.set_yticks(range(0, TOP_HERTZ // 1000 + 1, 2))
    axes.set_ylabel("kHz", fontsize=9)
    axes.tick_params(labelsize=9, labelbottom=False, bottom=False)
    axes.set_xlim(0, len(reading.waveform) / reading.rate)


def _words(axes: Any, reading: Reading) -> None:
    """Each word between two ticks: green where it was said, red where it was not."""
    length = len(reading.waveform) / reading.rate
    right = heard_right(reading.said, _heard(reading))
    for place, word in enumerate(reading.words):
        points = (word.end - word.start) / length * INCHES[0] * 0.9 * 72
        size = float(np.clip(points / (LETTER * len(word.text)), SMALLEST, LARGEST))
        middle = (word.start + word.end) / 2
        colour = RIGHT if place in right else WRONG
        axes.text(middle, 0.5, word.text, fontsize=size, color=colour, ha="center", va="center")
        for edge in (word.start, word.end):
            axes.axvline(edge, color="#d1d5db", linewidth=0.8)
    axes.set_yticks([0.5], ["heard"], fontsize=9)
    axes.set_ylim(0, 1)
    axes.tick_params(left=False, labelsize=9)
    axes.xaxis.set_major_formatter("{x:g} s")
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)


def _verdict(reading: Reading) -> str:
    errors, words = word_errors(reading.said, _heard(reading)), len(reading.said.split())
    picked = "told apart" if reading.picked else "not told apart"
    return f"read by pocketsphinx: {errors} word errors in {words}; {picked} from {SET_SIZE} other sentences"


def _heard(reading: Reading) -> str:
    return " ".join(word.text for word in reading.words)


def main_picture(argv: Sequence[str] | None = None, prog: str = "python -m synth.pup.evaluation picture") -> int:
    """Draw a text, or a file that the bot posted; the exit code."""
    args = _parser(prog).parse_args(argv)
    try:
        recogniser = Recogniser()
        if args.file:
            reading = read_file(args.file, args.text, recogniser)
        else:
            with tempfile.TemporaryDirectory() as folder:
                reading = read_file(_speak(args, Path(folder) / "speech.ogg"), args.text, recogniser)
        draw(reading, args.out)
    except SynthError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {_heard(reading)}")
    return 0


def _speak(args: argparse.Namespace, path: Path) -> Path:
    model = checkpoint.load(args.model)
    voice = args.voice or model.voices.names()[0]
    waveform = say(model, args.text, voice, args.seed).waveform
    audio.write(path, waveform, model.codec.sampling_rate, audio.Tags(voice=voice, seed=args.seed, model=model.name))
    return path


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="A spectrogram with the recogniser's reading under it.")
    add = parser.add_argument
    add("text", metavar="TEXT", help="what to say, or what the file says")
    add("--file", type=Path, metavar="AUDIO", help="a file that the bot posted; none: speak the text")
    add("--out", type=Path, required=True, metavar="FILE.png")
    add("--model", default=SHIPPED, metavar="NAME|FOLDER", help="(%(default)s)")
    add("--voice", metavar="NAME", help="of the model (its first)")
    add("--seed", type=int, default=0, metavar="N", help="(%(default)s)")
    return parser
