"""Making and judging the miniature: `python -m synth.pup train --out DIR`, `python -m synth.pup evaluate ...`.

A training goes on where it stopped, after `--minutes` as after a kill: the same command again, until it says that it is done.
Exit status: 0 done; 75 more to do (the same command goes on); 2 it cannot be done, and why.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from synth.errors import SynthError
from synth.pup.files import Deadline
from synth.pup.recipe import Recipe
from synth.pup.training import STAGES, Workshop, scaled

MORE = os.EX_TEMPFAIL


def main(argv: Sequence[str] | None = None) -> int:
    """Train or evaluate; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["evaluate"]:
        from synth.pup.evaluation import main_evaluate  # noqa: PLC0415 # it needs a recogniser, training does not

        return main_evaluate(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        return _train_ear(options) if options.command == "ear" else _train(options)
    except SynthError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The training cannot go on: {error}\n")
        return 2


def _train(options: argparse.Namespace) -> int:
    torch.set_num_threads(options.threads)
    deadline = Deadline(None if options.minutes is None else 60 * options.minutes)
    workshop = Workshop(folder=options.out, recipe=_recipe(options), device=options.device, workers=options.threads)
    workshop.open()
    for stage in options.stage or STAGES:
        if not workshop.run(stage, deadline):
            sys.stderr.write(f"{stage} goes on with the same command.\n")
            return MORE
    sys.stderr.write(f"Done. {workshop.folder}\n")
    return 0


def _train_ear(options: argparse.Namespace) -> int:
    from synth.pup.train.ear import train_ear  # noqa: PLC0415 # it needs a whole model, training does not

    torch.set_num_threads(options.threads)
    deadline = Deadline(None if options.minutes is None else 60 * options.minutes)
    if not train_ear(options.model, options.out, deadline, texts=options.texts):
        sys.stderr.write("The ear goes on with the same command.\n")
        return MORE
    sys.stderr.write(f"Done. Put {options.out / 'ear.safetensors'} into the model's folder.\n")
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    return scaled(dataclasses.replace(Recipe(), seed=options.seed, words=options.words), options.effort)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth.pup", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="make the weights from nothing")
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the training's folder; DIR/model is the result"
    )
    train.add_argument("--minutes", type=float, metavar="N", help="stop after so long, to go on later")
    train.add_argument("--stage", action="append", choices=STAGES, help="only this one; may be said several times")
    train.add_argument("--seed", type=int, default=Recipe().seed)
    train.add_argument(
        "--effort", type=float, default=1.0, metavar="X", help="times the steps of every network (0.01 for a trial)"
    )
    train.add_argument("--words", metavar="FILE", help="words, one a line, instead of the recogniser's dictionary")
    train.add_argument(
        "--threads",
        type=int,
        default=1,
        help="of this process, and processes that make the corpus; two stages side by side use two cores best",
    )
    train.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ear = commands.add_parser("ear", help="teach a finished model to write recordings down in its own tokens")
    ear.add_argument("--out", type=Path, required=True, metavar="DIR", help="the training's folder")
    ear.add_argument("--model", default="pup", metavar="NAME|FOLDER", help="who speaks (%(default)s)")
    ear.add_argument("--texts", type=int, default=240, help="how many it says (%(default)s)")
    ear.add_argument("--minutes", type=float, metavar="N", help="stop after so long, to go on later")
    ear.add_argument("--threads", type=int, default=1)
    commands.add_parser("evaluate", help="judge a model: see python -m synth.pup evaluate --help")
    return parser


if __name__ == "__main__":
    sys.exit(main())
