"""Bark small and large with random weights: every form against transformers and against eager code, stage by stage.

One run, the forms in turn in every repeat, greedy. Every figure has its floor beside it (`benchmarks.floors`). From the
stages follows what ten seconds of speech with a voice take, and the real-time factor: seconds of work for a second of
audio; such a clip of Bark small is timed whole, too.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable, Mapping

import torch

from benchmarks import work
from benchmarks.floors import Floor, operations, rate
from benchmarks.forms import THEIRS, kinds, prepare, progress
from benchmarks.report import figure, short
from benchmarks.turns import Work, take_turns
from synth.coarse import CoarseSpec
from synth.fine import FineSpec, windows
from synth.pipeline import Model

REPEATS = {"small": 5, "large": 3}
FIRSTS = {"small": 3, "large": 2}  # repeats of the time to the first audio
STEPS = 10  # tokens decoded in one measurement
DECODING = (("semantic", 277), ("semantic", 757), ("coarse", 277), ("coarse", 903))  # positions: early and late
SECONDS = 10.0
CODEC = "codec"  # torch's, in every form

Figures = dict[str, float]  # of each form, seconds


def main(size: str) -> None:
    """Print the figures of one size."""
    for kind in kinds():
        stages(size, kind)


def stages(size: str, kind: str) -> None:
    """Print the figures of one size on one kind of device."""
    sheet = Sheet(size, kind)
    if not sheet.forms:
        return
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        for stage, context in DECODING:
            at = (stage, context, STEPS)
            sheet.time(
                f"{stage} {context}",
                work.their_decoding(sheet.bark, *at),
                lambda model, at=at: work.our_decoding(model, *at),
                floor=lambda floor, stage=stage, context=context: STEPS * floor.step(stage, context),
                times=STEPS,
            )
        for stage in work.PROMPTS:
            sheet.time(
                f"{stage} prompt",
                work.their_prompt(sheet.bark, stage),
                lambda model, stage=stage: work.our_prompt(model, stage),
                floor=lambda floor, stage=stage: floor.positions(stage, work.PROMPTS[stage]),
            )
        sheet.time("window", work.their_window(sheet.bark), work.our_window, floor=window_floor)
        sheet.time("fine pass", work.their_fine(sheet.bark), work.our_fine, floor=pass_floor)
        sheet.codec()
        sheet.clip()
        sheet.first_audio()
        if size == "small":
            sheet.whole_clip()


class Sheet:
    """The forms of one size on one kind of device, and what was measured of them."""

    def __init__(self, size: str, kind: str) -> None:
        self.size, self.kind = size, kind
        self.bark, self.forms = prepare(size, kind)
        self.floors = {name: Floor(size, kind, name) for name in (THEIRS, *self.forms)}
        self.took: dict[str, Figures] = {}  # of each part, for one token where it is tokens
        self.least: dict[str, Figures] = {}  # the floors

    def time(
        self,
        part: str,
        theirs: Work,
        ours: Callable[[Model], Work],
        *,
        floor: Callable[[Floor], float],
        times: int = 0,
    ) -> None:
        """Time a part in all forms, in turn, and print it: tokens a second if there are, else seconds."""
        progress(f"{self.size} on {self.kind}: {part}")
        cells = {THEIRS: theirs} | {name: ours(model) for name, model in self.forms.items()}
        took = take_turns(cells, repeats=REPEATS[self.size])
        once = {each.form: floor(each) for each in {each.form: each for each in self.floors.values()}.values()}
        least = {name: once[each.form] for name, each in self.floors.items()}
        show(self.title(part), {name: each.wall for name, each in took.items()}, least, times=times)
        self.took[part] = {name: each.median / (times or 1) for name, each in took.items()}
        self.least[part] = {name: seconds / (times or 1) for name, seconds in least.items()}

    def title(self, part: str) -> str:
        """Of a table."""
        return f"Bark {self.size} on {self.kind}, {part}"

    def codec(self) -> None:
        """Time the codec, which is the same for all."""
        cell = work.codec(self.forms["eager"])
        seconds = take_turns({CODEC: cell}, repeats=REPEATS[self.size])[CODEC]
        least = operations(cell) / rate(self.floors["eager"].width, self.kind)
        print(f"{self.title(CODEC)} for 10 s, in every form: {short(seconds.wall)} s, floor {least:.3g} s\n")
        self.took[CODEC] = dict.fromkeys(self.floors, seconds.median)
        self.least[CODEC] = dict.fromkeys(self.floors, least)

    def clip(self) -> None:
        """Print what a clip takes: its parts, times how often each is done."""
        counts = parts(SECONDS)
        words = ", ".join(f"{count:g} x {part}" for part, count in counts.items())
        took, least = total(self.took, counts), total(self.least, counts)
        show(f"{self.title('a clip')} of {SECONDS:g} s with a voice, computed from {words}", took, least)
        audio = frames(SECONDS) / CoarseSpec().coarse_rate_hz
        factors, floors = ({name: value / audio for name, value in each.items()} for each in (took, least))
        show(self.title("real-time factor (work for a second of audio)"), factors, floors, unit="s/s")
        self.took["clip"], self.least["clip"] = took, least

    def first_audio(self) -> None:
        """Print how long a listener to a stream waits. transformers has no stream: its first audio is its whole clip."""
        progress(f"{self.size} on {self.kind}: first audio")
        cells = {name: work.first_audio(model, SECONDS) for name, model in self.forms.items()}
        took = take_turns(cells, repeats=FIRSTS[self.size], warm_up=self.kind != "cpu")
        counts = first_parts()
        samples = {THEIRS: [self.took["clip"][THEIRS]]} | {name: each.wall for name, each in took.items()}
        least = total(self.least, counts) | {THEIRS: self.least["clip"][THEIRS]}
        show(self.title("time to the first audio of a stream (transformers: its clip)"), samples, least)

    def whole_clip(self) -> None:
        """Time a clip, once."""
        progress(f"{self.size} on {self.kind}: whole clips, for minutes")
        cells = {name: work.our_clip(model, SECONDS) for name, model in self.forms.items()}
        took = take_turns({THEIRS: work.their_clip(self.bark, SECONDS)} | cells, repeats=1, warm_up=False)
        show(self.title("the same clip whole"), {name: each.wall for name, each in took.items()}, self.least["clip"])


def show(
    title: str,
    took: Mapping[str, float | list[float]],
    floors: Figures,
    *,
    times: int = 0,
    unit: str = "s",
) -> None:
    """Print a table: for each form its figure, ratios of the medians, its floor."""
    samples = {name: each if isinstance(each, list) else [each] for name, each in took.items()}
    middle = {name: statistics.median(each) for name, each in samples.items()}
    print(f"{title}\n")
    print(f"| form | {'tokens/s' if times else unit} | to transformers | to eager | floor |\n|---|---|---|---|---|")
    for name, each in samples.items():
        figures = [times / seconds for seconds in each] if times else each
        floor = figure(times / floors[name] if times else floors[name])
        ratios = " | ".join(f"x{middle[other] / middle[name]:.2f}" for other in (THEIRS, "eager"))
        print(f"| {name} | {short(figures)} | {ratios} | {floor} |")
    print(flush=True)


def total(measured: Mapping[str, Figures], counts: Mapping[str, float]) -> Figures:
    """The sum of parts, each so many times, for every form."""
    names = measured[next(iter(counts))]
    return {name: sum(count * measured[part][name] for part, count in counts.items()) for name in names}


def frames(seconds: float) -> int:
    """Of a clip that is cut off after so many seconds: the semantic stage makes whole tokens."""
    return CoarseSpec().steps(work.semantic_tokens(seconds)) // 2


def parts(seconds: float) -> dict[str, float]:
    """How often a clip with a voice does each part: half of the semantic tokens count as early, half as late.

    The last coarse window may be a prompt and fewer tokens.
    """
    tokens, steps, fine = work.semantic_tokens(seconds), 2 * frames(seconds), FineSpec()
    whole, rest = divmod(steps, CoarseSpec().sliding_window_len)
    passes = fine.n_fine_codebooks - fine.n_coarse_codebooks
    seen = len(list(windows(fine, fine.max_fine_history_length, steps // 2)))
    rests = {"coarse prompt": 1, "coarse 903": rest} if rest else {}
    halves = {"semantic 277": tokens / 2, "semantic 757": tokens / 2}
    return (
        {"semantic prompt": 1}
        | halves
        | {"window": whole}
        | rests
        | {"fine pass": passes * seen, CODEC: seconds / SECONDS}
    )


def first_parts() -> dict[str, float]:
    """The same up to a stream's first audio, which is one window's; the codec's part is too small to count."""
    spec, fine = CoarseSpec(), FineSpec()
    tokens = spec.semantic_needed(spec.max_semantic_history, 0)
    passes = fine.n_fine_codebooks - fine.n_coarse_codebooks
    return {"semantic prompt": 1, "semantic 277": tokens, "window": 1, "fine pass": passes}


def window_floor(floor: Floor) -> float:
    """A prompt, which gives the first token, and the steps of the others."""
    steps = CoarseSpec().sliding_window_len - 1
    return floor.positions("coarse", work.PROMPTS["coarse"]) + steps * floor.step("coarse", 903)


def pass_floor(floor: Floor) -> float:
    """A pass of the fine stage."""
    return floor.positions("fine", work.FRAMES)
