"""How well a miniature speaks: `python -m synth.pup.evaluation [FOLDER ...]`, `... picture TEXT|FILE --out FILE.png`.

Each voice says sentences that no training saw (sentences.py), through the whole pipeline with the sampling the bot has,
and finished as a listener gets it. A recogniser (recogniser.py) reads it: freely (word error rate), and as a choice
among 20 sentences. Two controls say what chance looks like: the same shapes with all weights in random order, which
buzzes, and with those of the semantic stage alone, which babbles in the model's own voice. Where the teacher is at hand,
stages.py tells how much each stage loses.
The same seed gives the same figures, except for times.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from synth import checkpoint
from synth.errors import SynthError
from synth.pup import measures
from synth.pup.control import tensors, write_control
from synth.pup.listening import Plan, Spoken, Tick, judge, say
from synth.pup.recogniser import Recogniser
from synth.pup.report import ModelFigures, Report, VoiceFigures, table
from synth.pup.sentences import HELD_OUT, SET_SIZE
from synth.pup.stages import NoPhones, judge_stages
from synth.pup.teacher import NoTeacher
from synth.room import SHIPPED

QUICK = 6  # sentences
WARM_UP = "hello"  # said before the clock runs: the first words pay for allocations
STAGES = {"semantic": "semantic.", "coarse": "coarse_acoustics.", "fine": "fine_acoustics.", "codec": "codec_model."}
CONTROLS = {"all weights mixed": "", "semantic mixed": STAGES["semantic"]}  # the prefix of what loses its meaning


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
    silence = np.zeros(0, np.float32)
    halves = [np.concatenate([silence, *(one.waveform for one in spoken[start::2])]) for start in (0, 1)]
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
    """All models of a command line, and the controls made of the first: one set of sentences, one voice."""
    recogniser = Recogniser()
    plan = Plan(sentences=HELD_OUT[:QUICK] if args.quick else HELD_OUT, voices=tuple(args.voice), seed=args.seed)
    with _threads(args.threads), _bar() as tick, tempfile.TemporaryDirectory() as scratch:
        models = [evaluate(name, plan, recogniser, tick) for name in args.models]
        controls = []
        for name, prefix in ({} if args.no_control else CONTROLS).items():
            source = checkpoint.find(args.models[0]).folder
            folder = write_control(source, Path(scratch) / name, args.seed, prefix=prefix)
            few = Plan(sentences=plan.sentences[:SET_SIZE], voices=(models[0].voices[0].voice,), seed=plan.seed)
            controls.append(dataclasses.replace(evaluate(str(folder), few, recogniser, tick), model=name))
        stages, missing = _stages(args.models[0], models[0], plan, recogniser, tick)
    return Report(
        seed=plan.seed,
        threads=args.threads,
        sentences=len(plan.sentences),
        models=tuple(models),
        controls=tuple(controls),
        stages=stages,
        missing=missing,
    )


def _stages(
    name: str, figures: ModelFigures, plan: Plan, recogniser: Recogniser, tick: Tick
) -> tuple[dict[str, tuple[VoiceFigures, ...]], str | None]:
    """The figures up to each stage, or why there are none."""
    voices = [voice.voice for voice in figures.voices]
    try:
        return judge_stages(name, dataclasses.replace(plan, voices=tuple(voices)), recogniser, tick), None
    except (NoTeacher, NoPhones) as error:
        return {}, f"stages: not measured. {error}"


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="How well a miniature speaks.")
    add = parser.add_argument
    add("models", nargs="*", default=[SHIPPED], metavar="FOLDER", help="model folders (the shipped one)")
    add("--voice", action="append", default=[], metavar="NAME", help="this voice alone; may be given again")
    add("--seed", type=int, default=0, metavar="N", help="sentence n is spoken with seed N + n (%(default)s)")
    add("--threads", type=int, default=1, metavar="N", help="of the CPU (%(default)s)")
    add("--quick", action="store_true", help=f"{QUICK} sentences only")
    add("--no-control", action="store_true", help="without the models that must fail")
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
