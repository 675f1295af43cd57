"""One loop for all stages: any step can be the last one of a call, and the next call goes on as if there had been none.

What a step draws at random is a function of the seed, the stage and the step's number, so a checkpoint needs no state of a
random generator: weights, optimisers and the number of steps done are all there is.
"""

from __future__ import annotations

import math
import resource
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from synth.errors import SynthError
from synth.pup.files import Deadline, write_whole
from synth.pup.recipe import Plan

CLIP = 1.0  # norm of the gradient
SAVE_EVERY = 60.0  # seconds
SHOWN = 50  # steps whose mean loss is shown
BETAS = (0.9, 0.98)


class Diverged(SynthError):
    """The loss is no number any more."""


class Task(Protocol):
    """A network, and how it is trained and judged."""

    name: str

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        ...

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:
        """The loss of one batch drawn with `random`; `progress` from 0 to 1."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on utterances not trained on, `loss` among them; the same batches every time."""
        ...


@dataclass(kw_only=True, slots=True)
class State:
    """How far a stage has come."""

    step: int = 0
    losses: list[float] = field(default_factory=list)  # of every step
    validations: list[dict[str, float]] = field(default_factory=list)  # with the `step` they were made at
    seconds: float = 0.0  # of work, over all calls
    memory: int = 0  # bytes that the process held at most


def train(
    task: Task, plan: Plan, *, folder: Path, seed: int, deadline: Deadline, save_every: float = SAVE_EVERY
) -> bool:
    """Go on with a stage until it is done or the time is up; whether it is done.

    `folder` holds its checkpoint, `<task.name>.pt`. Diverged where the loss is no number: the checkpoint is from before.
    """
    optimizers = optimizers_of(task.module, plan.rate)
    path = checkpoint_path(folder, task.name)
    state = _restore(path, task.module, optimizers) if path.is_file() else State()
    saved = began = time.monotonic()
    bar = tqdm(total=plan.steps, initial=state.step, desc=task.name, unit="step", disable=None)
    with bar:
        while state.step < plan.steps and not deadline.over():
            _step(task, plan, state, optimizers, seed)
            bar.update()
            bar.set_postfix(loss=f"{np.mean(state.losses[-SHOWN:]):.4f}", refresh=False)
            if state.step % plan.validate_every == 0 or state.step == plan.steps:
                state.validations.append({"step": state.step, **_validated(task)})
            if time.monotonic() - saved > save_every:
                state.seconds, began = state.seconds + time.monotonic() - began, time.monotonic()
                _save(path, task.module, optimizers, state)
                saved = time.monotonic()
    state.seconds += time.monotonic() - began
    if not path.is_file() or state.step > read_state(folder, task.name).step:
        _save(path, task.module, optimizers, state)
    return state.step >= plan.steps


def checkpoint_path(folder: Path, name: str) -> Path:
    """Where a stage's checkpoint is."""
    return folder / f"{name}.pt"


def read_state(folder: Path, name: str) -> State:
    """How far a stage has come; nothing done where there is no checkpoint."""
    path = checkpoint_path(folder, name)
    return State(**torch.load(path, weights_only=True, mmap=True)["state"]) if path.is_file() else State()


def read_weights(folder: Path, name: str) -> dict[str, Tensor]:
    """The weights in a stage's checkpoint."""
    weights: dict[str, Tensor] = torch.load(checkpoint_path(folder, name), map_location="cpu", weights_only=True)[
        "module"
    ]
    return weights


def random_of(seed: int, name: str, step: int) -> np.random.Generator:
    """The random numbers of one step of one stage."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), step])


def optimizers_of(module: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside a transformer's blocks, AdamW for everything else."""
    named = list(module.named_parameters())
    matrices = [value for name, value in named if name.startswith("layers.") and value.dim() == 2]
    matrices = matrices if any(name == "layernorm_final.weight" for name, _ in named) else []
    chosen = {id(value) for value in matrices}
    others = [value for _, value in named if id(value) not in chosen]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=rate, betas=BETAS, weight_decay=0.0)]
    if matrices:
        made.append(torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    return made


def peak_memory() -> int:
    """Bytes this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def rate_at(plan: Plan, step: int) -> float:
    """The learning rate: a short rise, then half a cosine down to a hundredth."""
    rise = min(1.0, (step + 1) / plan.warmup)
    return plan.rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / plan.steps)))


def _step(task: Task, plan: Plan, state: State, optimizers: Iterable[torch.optim.Optimizer], seed: int) -> None:
    task.module.train()
    loss = task.loss(random_of(seed, task.name, state.step), state.step / plan.steps)
    value = loss.item()
    if not math.isfinite(value):
        raise Diverged(f"The loss of {task.name} is {value} at step {state.step}: try a lower learning rate.")
    task.module.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call] # torch has no type for it
    nn.utils.clip_grad_norm_(task.module.parameters(), CLIP)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(plan, state.step)
        optimizer.step()
    state.losses.append(value)
    state.step += 1


@torch.no_grad()
def _validated(task: Task) -> dict[str, float]:
    task.module.eval()
    return task.validate()


def _save(path: Path, module: nn.Module, optimizers: Iterable[torch.optim.Optimizer], state: State) -> None:
    state.memory = max(state.memory, peak_memory())
    content: dict[str, Any] = {
        "module": module.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "state": {name: getattr(state, name) for name in State.__dataclass_fields__},
    }
    write_whole(path, lambda file: torch.save(content, file))


def _restore(path: Path, module: nn.Module, optimizers: Iterable[torch.optim.Optimizer]) -> State:
    content = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(content["module"])
    for optimizer, stored in zip(optimizers, content["optimizers"], strict=True):
        optimizer.load_state_dict(stored)
    return State(**content["state"])
