"""The training from nothing to a folder that can be shipped, stage by stage; each stage is a function of what lies in DIR.

corpus      phrases.py, teacher.py, tokens.py -> corpus/       quantiser   analysis.py, cast.py -> quantiser.pt, codes
decoder, encoder, semantic, coarse, fine      train/ -> checkpoints/
export      export.py -> model/                report      train/report.py -> report/
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synth.errors import SynthError
from synth.pup.corpus import PHONES, SPEECH, TEXT, Corpus, make_corpus, missing_shards, read_alphabet, read_corpus
from synth.pup.export import LIMIT, export
from synth.pup.files import Deadline, write_json
from synth.pup.recipe import Layout, Plan, Recipe
from synth.pup.teacher import Espeak, Teacher
from synth.pup.tokens import Alphabet
from synth.pup.train import report
from synth.pup.train.coarse import CoarseTask
from synth.pup.train.codec import DecoderTask, EncoderTask
from synth.pup.train.fine import FineTask
from synth.pup.train.loop import Task, read_state, read_weights, train
from synth.pup.train.material import Take, fit_quantiser, read_codebooks, takes
from synth.pup.train.semantic import SemanticTask

NETWORKS = ("decoder", "encoder", "semantic", "coarse", "fine")
STAGES = ("corpus", "quantiser", *NETWORKS, "export", "report")


class NotReady(SynthError):
    """A stage needs what an earlier one makes."""


class OtherRecipe(SynthError):
    """The folder belongs to a training with other settings."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """One training: its folder, its recipe, and where the teacher comes from."""

    folder: Path
    recipe: Recipe
    device: str = "cpu"
    workers: int = 1  # processes that make the corpus
    make_teacher: Callable[[], Teacher] = field(default=Espeak)

    def open(self) -> None:
        """Write the recipe down, or compare it with the one there; OtherRecipe where they differ."""
        path = self.folder / "recipe.json"
        mine = json.loads(json.dumps(self.recipe.as_json()))
        if not path.is_file():
            write_json(path, mine)
        elif json.loads(path.read_text("utf-8")) != mine:
            raise OtherRecipe(
                f"{self.folder} holds a training with other settings: go on with those, or take another folder."
            )

    def run(self, stage: str, deadline: Deadline) -> bool:
        """Go on with one stage; whether it is done now. NotReady says which one has to come first."""
        if stage == "corpus":
            return make_corpus(self._corpus_folder, self.recipe, self.make_teacher, deadline, workers=self.workers)
        if missing_shards(self._corpus_folder, self.recipe):
            raise NotReady("The corpus is not complete yet: run the stage corpus first.")
        if stage == "quantiser":
            fit_quantiser(self._quantiser, self._speech.train, self.recipe)
            return bool(self._train and self._validation)
        if stage != "semantic" and not self._quantiser.is_file():
            raise NotReady("There are no codes yet: run the stage quantiser first.")
        if stage in NETWORKS:
            return self._network(stage, deadline)
        self._require_networks()
        return self._export() if stage == "export" else self._report()

    def is_done(self, stage: str) -> bool:
        """Whether a network's steps are all made; other stages find out by themselves, quickly."""
        return stage in NETWORKS and read_state(self.checkpoints, stage).step >= self.plan(stage).steps

    def plan(self, stage: str) -> Plan:
        """The plan of a network."""
        plan: Plan = getattr(self.recipe, f"{stage}_plan")
        return plan

    @property
    def checkpoints(self) -> Path:
        """Where the networks are while they are trained."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """The folder to ship."""
        return self.folder / "model"

    @cached_property
    def layout(self) -> Layout:
        """The ids, which depend on the alphabet."""
        return Layout(recipe=self.recipe, semantic_size=self._alphabet.size)

    def task(self, stage: str) -> Task:
        """The task of a network, its weights fresh."""
        layout, device, size = self.layout, self.device, self.plan(stage).batch
        if stage == "semantic":
            return SemanticTask(
                layout, self._alphabet, read_corpus(self._corpus_folder, TEXT), batch=size, device=device
            )
        if stage == "coarse":
            return CoarseTask(layout, self._train, self._validation, batch=size, device=device)
        if stage == "fine":
            return FineTask(layout, self._train, self._validation, batch=size, device=device)
        if stage == "decoder":
            return DecoderTask(self.recipe, self.codebooks, self._train, self._validation, device=device)
        halves = (self._train, self._speech.train), (self._validation, self._speech.validation)
        return EncoderTask(self.recipe, self.codebooks, *halves, device=device)

    @property
    def codebooks(self) -> Tensor:
        """(n, size, 64)."""
        return read_codebooks(self._quantiser)

    def networks(self) -> dict[str, dict[str, Tensor]]:
        """The weights of every network, as far as they are."""
        return {stage: read_weights(self.checkpoints, stage) for stage in NETWORKS}

    def prompts(self) -> list[Take]:
        """A history prompt for each voice: the validation text nearest to 2.4 s, in all of them."""
        lengths = [abs(len(one.semantic) - 120) for one in self._speech.validation]
        best = self._speech.validation[lengths.index(min(lengths))]
        return [take for take in self._validation if take.utterance is best]

    def _network(self, stage: str, deadline: Deadline) -> bool:
        if self.is_done(stage):
            return True
        return train(
            self.task(stage), self.plan(stage), folder=self.checkpoints, seed=self.recipe.seed, deadline=deadline
        )

    def _require_networks(self) -> None:
        for stage in NETWORKS:
            if read_state(self.checkpoints, stage).step == 0:
                raise NotReady(f"There is no {stage} yet: run the stage {stage} first.")

    def _export(self) -> bool:
        write_json(self.model / PHONES, self._phones())  # what the semantic tokens mean
        size = export(self.model, self.layout, self.networks(), self.codebooks, self.prompts())
        if size > LIMIT:
            raise SynthError(f"{self.model} has {size / 1e6:.1f} MB; {LIMIT / 1e6:.0f} MB is the most that ships.")
        return True

    def _report(self) -> bool:
        states = {stage: read_state(self.checkpoints, stage) for stage in NETWORKS}
        report.write(self.folder / "report", self.recipe, states, self.networks(), self._provenance())
        return True

    def _provenance(self) -> dict[str, str]:
        unexplained = torch.load(self._quantiser, weights_only=True)["unexplained"]
        stored = self._phones()
        return {
            "teacher": stored["teacher"],
            "phonemes": str(len(stored["phones"])),
            "words": f"the project's own list and {self.recipe.words or 'CMUdict'}",
            "variance left by the codebooks": ", ".join(f"{share:.2%}" for share in unexplained),
        }

    def _phones(self) -> dict[str, Any]:
        phones: dict[str, Any] = json.loads((self._corpus_folder / PHONES).read_text("utf-8"))
        return phones

    @property
    def _corpus_folder(self) -> Path:
        return self.folder / "corpus"

    @property
    def _quantiser(self) -> Path:
        return self.folder / "quantiser.pt"

    @cached_property
    def _alphabet(self) -> Alphabet:
        return read_alphabet(self._corpus_folder)

    @cached_property
    def _speech(self) -> Corpus:
        return read_corpus(self._corpus_folder, SPEECH)

    @cached_property
    def _train(self) -> list[Take]:
        return takes(self.folder / "codes-train.npz", self._speech.train, self.codebooks)

    @cached_property
    def _validation(self) -> list[Take]:
        return takes(self.folder / "codes-validation.npz", self._speech.validation, self.codebooks)


def scaled(recipe: Recipe, factor: float) -> Recipe:
    """The same recipe with so many times the steps in each stage."""
    plans = {f"{stage}_plan": getattr(recipe, f"{stage}_plan") for stage in NETWORKS}
    return dataclasses.replace(
        recipe,
        **{name: dataclasses.replace(plan, steps=max(1, round(plan.steps * factor))) for name, plan in plans.items()},
    )
