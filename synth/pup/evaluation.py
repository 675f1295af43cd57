"""How well a miniature speaks: `python -m synth.pup.evaluation [FOLDER ...]`, `... picture TEXT|FILE --out FILE.png`.

Each voice says sentences that no training saw (sentences.py), through the whole pipeline with the sampling the bot has,
and finished as a listener gets it. A recogniser (recogniser.py) reads it: freely (word error rate), and as a choice
among 20 sentences. A control with the same shapes and meaningless weights says what chance looks like.
The same seed gives the same figures, except for times.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from synth import checkpoint
from synth.device import SHIPPED
from synth.engine import tokenized
from synth.errors import EmptySpeech, SynthError
from synth.mastering import BrokenAudio, finish
from synth.pipeline import Model, Request, speak
from synth.pup import measures
from synth.pup.control import tensors, write_control
from synth.pup.recogniser import Recogniser, word_errors
from synth.pup.report import ModelFigures, Report, VoiceFigures, table
from synth.pup.sentences import HELD_OUT, choices
from synth.pup.teacher import SAMPLE_RATE, Espeak, NoTeacher

QUICK = 6  # sentences
WARM_UP = "hello"  # said before the clock runs: the first words pay for allocations
STAGES = {"semantic": "semantic.", "coarse": "coarse_acoustics.", "fine": "fine_acoustics.", "codec": "codec_model."}
TEACHER = "teacher: not measured, espeak-ng's library is not on this machine"
ROUND_TRIP = "codec round trip: not measured, it needs the codec's encoder and the teacher's speech"
TRUE_TOKENS = "true semantic tokens: not measured, they need the teacher"

Tick = Callable[[str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to evaluate."""

    sentences: tuple[str, ...] = HELD_OUT
    voices: tuple[str, ...] = ()  # none: all that the model has
    seed: int = 0  # sentence number n is spoken with seed + n


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Spoken:
    """One sentence, spoken. `waveform` (n,) as a listener gets it, empty where the model said nothing."""

    sentence: str
    waveform: npt.NDArray[np.float32]
    seconds: float  # of audio that the model made
    took: float  # seconds of work


def say(model: Model, sentence: str, voice: str | None, seed: int) -> Spoken:
    """The whole pipeline with its default sampling."""
    request = Request(
        pieces=tokenized(model, sentence, voice), voice=model.voices.get(voice) if voice else None, seed=seed
    )
    began = time.perf_counter()
    pieces: list[npt.NDArray[np.float32]] = []
    try:
        pieces = [piece.waveform for piece in speak(model, request).pieces]
        took = time.perf_counter() - began
        waveform = finish(pieces, model.codec.sampling_rate)
    except (EmptySpeech, BrokenAudio):
        took = time.perf_counter() - began
        waveform = np.zeros(0, np.float32)
    seconds = sum(map(len, pieces)) / model.codec.sampling_rate
    return Spoken(sentence=sentence, waveform=waveform, seconds=seconds, took=took)


def judge(name: str, spoken: Sequence[Spoken], rate: int, recogniser: Recogniser, seed: int) -> VoiceFigures:
    """The figures of one voice. What was not said counts as not understood."""
    sentences = [one.sentence for one in spoken]
    heard = [recogniser.read(one.waveform, rate) for one in spoken]
    picked = [recogniser.choose(one.waveform, rate, choices(one.sentence)) for one in spoken]
    errors = [word_errors(said, text) for said, text in zip(sentences, heard, strict=True)]
    words = [len(said.split()) for said in sentences]
    pitches = [hertz for hertz in (measures.pitch(one.waveform, rate) for one in spoken) if hertz]
    seconds = sum(one.seconds for one in spoken)
    return VoiceFigures(
        voice=name,
        word_errors=sum(errors) / sum(words),
        interval=measures.bootstrap(errors, words, seed),
        identified=sum(choice == said for choice, said in zip(picked, sentences, strict=True)),
        sentences=len(spoken),
        pitch=float(np.median(pitches)) if pitches else None,
        seconds=seconds,
        pace=sum(one.took for one in spoken) / seconds if seconds else None,
        heard=tuple(zip(sentences, heard, picked, strict=True)),
    )


def judge_teacher(plan: Plan, recogniser: Recogniser) -> VoiceFigures:
    """The teacher's own speech through the same listener: nothing taught by it can be clearer. NoTeacher."""
    teacher = Espeak()
    spoken = []
    for sentence in plan.sentences:
        began = time.perf_counter()
        waveform = teacher.say(sentence).waveform
        took = time.perf_counter() - began
        spoken.append(Spoken(sentence=sentence, waveform=waveform, seconds=len(waveform) / SAMPLE_RATE, took=took))
    return judge("espeak", spoken, SAMPLE_RATE, recogniser, plan.seed)


def evaluate(name: str, plan: Plan, recogniser: Recogniser, tick: Tick = lambda _: None) -> ModelFigures:
    """A model by name or folder, loaded as the bot loads it. `tick` hears of each sentence. ModelError, UnknownVoice."""
    model = checkpoint.load(name)
    rate = model.codec.sampling_rate
    say(model, WARM_UP, None, 0)
    figures, envelopes = [], {}
    for voice in plan.voices or model.voices.names():
        spoken = []
        for number, sentence in enumerate(plan.sentences):
            spoken.append(say(model, sentence, voice, plan.seed + number))
            tick(f"{model.name} {voice}")
        figures.append(judge(voice, spoken, rate, recogniser, plan.seed))
        envelopes[voice] = _envelopes(spoken, rate)
    folder = checkpoint.find(name).folder
    sizes = {stage: _numbers(folder, prefix) for stage, prefix in STAGES.items()}
    return ModelFigures(
        model=name,
        parameters=sizes,
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        voices=tuple(figures),
        distances=_distances(envelopes),
    )


def _numbers(folder: Path, prefix: str) -> int:
    return sum(tensor.numel() for name, tensor in tensors(folder).items() if name.startswith(prefix))


def _envelopes(spoken: Sequence[Spoken], rate: int) -> list[measures.Numbers]:
    """The long-term spectra of every other sentence, and of the others; none where there is too little."""
    halves = [np.concatenate([one.waveform for one in spoken[start::2]]) for start in (0, 1)]
    return [measures.envelope(half, rate) for half in halves if len(half)]


def _distances(envelopes: dict[str, list[measures.Numbers]]) -> dict[str, float]:
    """dB between each two voices, over different sentences; "a, a" is a voice from itself, the least to be expected."""
    names = [name for name, halves in envelopes.items() if len(halves) == 2]
    return {
        f"{left}, {right}": measures.distance(envelopes[left][0], envelopes[right][1])
        for left, right in itertools.combinations_with_replacement(names, 2)
    }


def main_evaluate(argv: Sequence[str] | None = None, prog: str = "python -m synth.pup.evaluation") -> int:
    """Evaluate, print a table or JSON; the exit code."""
    args = _parser(prog).parse_args(argv)
    try:
        report = run(args)
    except SynthError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(dataclasses.asdict(report), indent=1) if args.json else table(report))
    return 0


def run(args: argparse.Namespace) -> Report:
    """All models of a command line, and the control of the first."""
    recogniser = Recogniser()
    plan = Plan(sentences=HELD_OUT[:QUICK] if args.quick else HELD_OUT, voices=tuple(args.voice), seed=args.seed)
    with _threads(args.threads), _bar() as tick, tempfile.TemporaryDirectory() as scratch:
        models = [evaluate(name, plan, recogniser, tick) for name in args.models]
        control = None
        if not args.no_control:
            folder = write_control(checkpoint.find(args.models[0]).folder, Path(scratch) / "control", args.seed)
            first = dataclasses.replace(plan, voices=(models[0].voices[0].voice,))
            control = dataclasses.replace(evaluate(str(folder), first, recogniser, tick), model="control")
    teacher, not_measured = _teacher(plan, recogniser)
    return Report(
        seed=plan.seed,
        threads=args.threads,
        sentences=len(plan.sentences),
        models=tuple(models),
        control=control,
        teacher=teacher,
        not_measured=(*not_measured, ROUND_TRIP, TRUE_TOKENS),
    )


def _teacher(plan: Plan, recogniser: Recogniser) -> tuple[VoiceFigures | None, tuple[str, ...]]:
    try:
        return judge_teacher(plan, recogniser), ()
    except NoTeacher:
        return None, (TEACHER,)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="How well a miniature speaks.")
    add = parser.add_argument
    add("models", nargs="*", default=[SHIPPED], metavar="FOLDER", help="model folders (the shipped one)")
    add("--voice", action="append", default=[], metavar="NAME", help="this voice alone; may be given again")
    add("--seed", type=int, default=0, metavar="N", help="sentence n is spoken with seed N + n (%(default)s)")
    add("--threads", type=int, default=1, metavar="N", help="of the CPU (%(default)s)")
    add("--quick", action="store_true", help=f"{QUICK} sentences only")
    add("--no-control", action="store_true", help="without the model that must fail")
    add("--json", action="store_true", help="all figures, and what was heard, as JSON")
    return parser


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _bar() -> Iterator[Tick]:
    """A count of sentences on a terminal's standard error."""
    from tqdm import tqdm  # noqa: PLC0415 - only a command line needs it

    with tqdm(unit=" sentences", disable=None) as bar:

        def tick(what: str) -> None:
            bar.set_description_str(what, refresh=False)
            bar.update()

        yield tick


def main(argv: Sequence[str] | None = None) -> int:
    """`evaluation ...` or `evaluation picture ...`."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["picture"]:
        from synth.pup.pictures import main_picture  # noqa: PLC0415 - it needs matplotlib

        return main_picture(words[1:])
    return main_evaluate(words)


if __name__ == "__main__":
    raise SystemExit(main())
