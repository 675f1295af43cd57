"""The figures of an evaluation as frozen values, and as a table to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synth.pup.sentences import SET_SIZE


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceFigures:
    """How one voice was understood."""

    voice: str
    word_errors: float  # rate, by the recogniser's own language model
    interval: tuple[float, float]  # 90 % of it, by bootstrap over the sentences
    identified: int  # sentences picked rightly out of SET_SIZE
    sentences: int
    pitch: float | None  # Hz, median
    seconds: float  # of audio
    pace: float | None  # seconds of work for a second of audio
    heard: tuple[tuple[str, str, str | None], ...]  # said, read freely, picked


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFigures:
    """A model, voice by voice."""

    model: str
    parameters: dict[str, int]  # numbers in the weight files, by stage
    bytes: int  # of the folder
    voices: tuple[VoiceFigures, ...]
    distances: dict[str, float]  # dB between long-term spectra


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that one run found."""

    seed: int
    threads: int
    sentences: int
    models: tuple[ModelFigures, ...]
    controls: tuple[ModelFigures, ...]
    stages: dict[str, tuple[VoiceFigures, ...]]  # of the first model, by what was right up to there
    missing: str | None = None  # why there are no stages


def table(report: Report) -> str:
    """The report, to be read on a terminal 100 characters wide."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.sentences} held-out sentences, seed {report.seed}, {report.threads} thread(s), pocketsphinx"
    yield ""
    yield f"{'model':24} {'voice':10} {'word errors (90 %)':>20} {f'picked of {SET_SIZE}':>13} {'pitch':>8} {'s per s':>8}"
    for model in report.models:
        yield from (_row(model.model, voice) for voice in model.voices)
    for control in report.controls:
        yield from (_row(control.model, voice) for voice in control.voices)
    for stage, voices in report.stages.items():
        yield from (_row(stage, voice) for voice in voices)
    yield ""
    for model in report.models:
        stages = ", ".join(f"{stage} {count / 1e6:.2f}" for stage, count in model.parameters.items())
        yield f"{model.model}: {sum(model.parameters.values()) / 1e6:.2f} M parameters ({stages}), {model.bytes / 1e6:.1f} MB"
        apart = "; ".join(f"{pair} {decibels:.1f}" for pair, decibels in model.distances.items())
        yield f"{model.model}: spectra apart, dB: {apart}"
    if report.missing:
        yield report.missing


def _row(model: str, figures: VoiceFigures) -> str:
    low, high = figures.interval
    errors = f"{figures.word_errors:.2f} ({low:.2f} - {high:.2f})"
    picked = f"{figures.identified} of {figures.sentences}"
    pitch = "none" if figures.pitch is None else f"{figures.pitch:.0f} Hz"
    pace = "-" if figures.pace is None else f"{figures.pace:.2f}"
    return f"{model[-24:]:24} {figures.voice:10} {errors:>20} {picked:>13} {pitch:>8} {pace:>8}"
