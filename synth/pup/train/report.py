"""What a training leaves to be read: a table, the curves as a picture, and every loss as numbers."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import transformers
from torch import Tensor

from synth.pup.files import write_json, write_whole
from synth.pup.recipe import Recipe
from synth.pup.train.loop import State

SMOOTH = 100  # steps whose mean is one point of a curve
LICENCES = (
    "No recordings of people are in it. The teacher is a program under the GPL (version 3 or later); its output is data "
    "that it computes from our texts, and none of its code is in the weights. The texts are made of the project's own words "
    "(MIT) and of the words in CMUdict (BSD), of which only the spelling is used; any other list named above has its own licence."
)

States = Mapping[str, State]


def write(
    folder: Path,
    recipe: Recipe,
    states: States,
    networks: Mapping[str, Mapping[str, Tensor]],
    provenance: Mapping[str, str],
) -> None:
    """training.md, losses.png and losses.json in `folder`."""
    sizes = {name: parameters(weights) for name, weights in networks.items()}
    text = markdown(recipe, states, sizes, provenance)
    write_whole(folder / "training.md", lambda file: file.write(text.encode()))
    write_json(folder / "losses.json", {name: _numbers(state) for name, state in states.items()})
    draw(folder / "losses.png", states)


def markdown(recipe: Recipe, states: States, sizes: Mapping[str, int], provenance: Mapping[str, str]) -> str:
    """The report's text."""
    rows = [_row(name, state, sizes[name]) for name, state in states.items()]
    head = "| stage | parameters | steps | training loss, first and last | validation | other figures | minutes | most memory |"
    facts = {
        **provenance,
        "seed": str(recipe.seed),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}, numpy {np.__version__}",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
    lines = ["# Training", "", head, "|---|---|---|---|---|---|---|---|", *rows, "", "![losses](losses.png)", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join([*lines, "", "## Licences", "", LICENCES, ""])


def draw(path: Path, states: States) -> None:
    """One panel a stage: the training loss, smoothed, and the validation."""
    from matplotlib.figure import Figure  # noqa: PLC0415 # an extra of the training: nothing else needs it

    figure = Figure(figsize=(4 * len(states), 3.2), layout="constrained")
    for place, (name, state) in enumerate(states.items(), start=1):
        axes = figure.add_subplot(1, len(states), place)
        axes.plot(*_smoothed(state.losses), label="training", linewidth=1)
        steps = [point["step"] for point in state.validations]
        axes.plot(steps, [point["loss"] for point in state.validations], "o-", label="validation", markersize=3)
        axes.set(title=name, xlabel="steps", ylabel="loss", yscale="log" if name == "encoder" else "linear")
        axes.legend()
    write_whole(path, lambda file: figure.savefig(file, format="png", dpi=110))


def parameters(weights: Mapping[str, Tensor]) -> int:
    """How many numbers a network has; a tensor under two names counts once."""
    return sum({value.data_ptr(): value.numel() for value in weights.values()}.values())


def _row(name: str, state: State, size: int) -> str:
    first, last = (np.mean(part) if part else math.nan for part in (state.losses[:SMOOTH], state.losses[-SMOOTH:]))
    figures = dict(state.validations[-1]) if state.validations else {}
    figures.pop("step", None)
    judged = figures.pop("loss", math.nan)
    others = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
    cells = [name, f"{size:,}", f"{state.step:,}", f"{first:.3f}, {last:.3f}", f"{judged:.3f}", others]
    return "| " + " | ".join([*cells, f"{state.seconds / 60:.1f}", f"{state.memory / 2**30:.1f} GiB"]) + " |"


def _smoothed(losses: list[float]) -> tuple[list[int], list[float]]:
    """Means of equal pieces, at most `SMOOTH` steps each."""
    size = max(1, min(SMOOTH, len(losses) // 20))
    ends = range(size, len(losses) + 1, size)
    return list(ends), [float(np.mean(losses[end - size : end])) for end in ends]


def _numbers(state: State) -> dict[str, object]:
    return {"steps": state.step, "seconds": state.seconds, "training": state.losses, "validation": state.validations}
