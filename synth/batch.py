"""Continuous batching: what all pieces in work want of the networks is computed together.

`Batch.share` gives a model whose networks ask (`synth.tasks`) instead of computing; a piece that uses it need not know.
Every turn extends prompts by some positions, decodes a few tokens of all rows that are beyond theirs, and runs some
fine passes. So rows join and leave at any step, and a long prompt holds nobody up for longer than a turn takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from synth.bark import Model
from synth.decoding import Burst, Made
from synth.model import CausalTransformer, FineTransformer, KVCache
from synth.tasks import Answer, Ask, Pause, Task, Tasks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Turn:
    """How much is done in one turn, besides a few tokens of every row."""

    positions: int  # of prompts; a longer prompt takes several turns
    passes: int  # of the fine stage


# A CPU takes as long for a prompt's 256 positions as for dozens of tokens; a GPU takes less for four whole prompts than
# for the few tokens, and is idle while they are decoded. Fine passes gain nothing by company on a CPU.
TURNS = {"cpu": Turn(positions=256, passes=1)}
ELSEWHERE = Turn(positions=4096, passes=8)

A = TypeVar("A", bound=Ask)


@dataclasses.dataclass(frozen=True, eq=False)
class Prompt(Ask):
    """The hidden state (1, C) after a row's prompt, embeddings (1, T, C)."""

    network: CausalTransformer
    embeds: Tensor
    cache: KVCache
    chunk: int | None  # positions computed at once, at most

    @property
    def left(self) -> int:
        """Positions that are still to be computed."""
        return self.embeds.shape[1] - self.cache.length


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens(Ask):
    """What `decode` makes of a burst."""

    network: CausalTransformer
    burst: Burst


@dataclasses.dataclass(frozen=True, eq=False)
class Pass(Ask):
    """The hidden states (1, T, C) of codes (1, n, T) for one codebook."""

    network: FineTransformer
    codes: Tensor
    codebook: int


class Batch(Tasks):
    """Tasks whose asks are computed in batches."""

    _limits = ELSEWHERE

    def share(self, model: Model) -> Model:
        """The model for what runs as a task here; the caches are its own."""
        self._limits = TURNS.get(model.device.type, ELSEWHERE)
        return dataclasses.replace(
            model,
            semantic=SharedCausal(model.semantic, self),
            coarse=SharedCausal(model.coarse, self),
            fine=SharedFine(model.fine, self),
            company=self,
        )

    def turn(self) -> None:
        """As `Tasks.turn`. Inference mode is the thread's, not a task's: it is on for all of them."""
        with torch.inference_mode():
            super().turn()

    def cancel(self, task: Task) -> None:
        """As `Tasks.cancel`. What the task leaves on its way out was entered in a turn, and puts inference mode back on."""
        with torch.inference_mode():
            super().cancel(task)

    def compute(self, asks: dict[Task, Ask]) -> dict[Task, Answer]:
        """Some positions of prompts, one burst of every row that decodes, some fine passes."""
        answers = {task: Answer() for task, ask in asks.items() if isinstance(ask, Pause)}
        answers |= self._prompts(_of(Prompt, asks))
        for rows in _alike(_of(Tokens, asks), lambda ask: (id(ask.network), ask.burst.steps)):
            answers |= _answers(rows, _decode)
        for passes in _alike(_of(Pass, asks), lambda ask: (id(ask.network), ask.codes.shape)):
            answers |= _answers(passes[: self._limits.passes], _pass)
        return answers

    def _prompts(self, prompts: Iterable[tuple[Task, Prompt]]) -> dict[Task, Answer]:
        """As many positions as a turn has, of those that wait longest; answers to those that are complete."""
        answers: dict[Task, Answer] = {}
        left = self._limits.positions
        for task, ask in prompts:
            while left and task not in answers:
                size = min(left, ask.left, ask.chunk or left)
                left -= size
                if answer := _extend(ask, size):
                    answers[task] = answer
        return answers


class SharedCausal(CausalTransformer):
    """A network for tasks."""

    def __init__(self, network: CausalTransformer, tasks: Tasks) -> None:
        nn.Module.__init__(self)
        self.config, self.burst = network.config, network.burst
        self._network, self._tasks = network, tasks

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._network.device

    def new_cache(self) -> KVCache:
        """An empty cache for one row."""
        return self._network.new_cache()

    def embed(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, C); at once."""
        return self._network.embed(ids)

    def prefill(self, embeds: Tensor, cache: KVCache, chunk: int | None = None) -> Tensor:
        """Start a row anew with embeddings (1, T, C); the last hidden state (1, C)."""
        cache.reset()
        return self._tasks.ask(Prompt(self._network, embeds, cache, chunk))  # type: ignore[no-any-return]

    def decode(self, bursts: Sequence[Burst]) -> list[Made]:
        """The next few tokens of each row."""
        return [self._tasks.ask(Tokens(self._network, burst)) for burst in bursts]


class SharedFine(FineTransformer):
    """The same for the fine network."""

    def __init__(self, network: FineTransformer, tasks: Tasks) -> None:
        nn.Module.__init__(self)
        self.config = network.config
        self._network, self._tasks = network, tasks

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._network.device

    def forward(self, codes: Tensor, codebook: int) -> Tensor:
        """Hidden states (1, T, C) for predicting `codebook` from codes (1, n, T)."""
        return self._tasks.ask(Pass(self._network, codes, codebook))  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor, codebook: int, size: int) -> Tensor:
        """(..., C) -> (..., size); at once."""
        return self._network.logits(hidden, codebook, size)


def _of(kind: type[A], asks: dict[Task, Ask]) -> Iterable[tuple[Task, A]]:
    return ((task, ask) for task, ask in asks.items() if isinstance(ask, kind))


def _alike(asks: Iterable[tuple[Task, A]], key: Callable[[A], Any]) -> list[list[tuple[Task, A]]]:
    """In groups that can be computed together."""
    groups: dict[Any, list[tuple[Task, A]]] = {}
    for task, ask in asks:
        groups.setdefault(key(ask), []).append((task, ask))
    return list(groups.values())


def _extend(ask: Prompt, size: int) -> Answer | None:
    """So many more positions of a prompt; the answer with the last one."""
    done = ask.cache.length
    try:
        hidden = ask.network(ask.embeds[:, done : done + size], ask.cache)
    except Exception as error:  # noqa: BLE001 -- it is the task's
        return Answer(error=error)
    return None if ask.left else Answer(hidden[:, -1])


def _answers(group: Sequence[tuple[Task, A]], compute: Callable[[Sequence[A]], Sequence[Any]]) -> dict[Task, Answer]:
    """What `compute` makes of a group; when it fails, of each alone: the error is that of one, or too much for all."""
    try:
        results = compute([ask for _, ask in group])
    except Exception as error:  # noqa: BLE001 -- it is the task's
        if len(group) == 1:
            return {group[0][0]: Answer(error=error)}
        return {task: answer for one in group for task, answer in _answers([one], compute).items()}
    return {task: Answer(result) for (task, _), result in zip(group, results, strict=True)}


def _decode(asks: Sequence[Tokens]) -> Sequence[Made]:
    bursts = [ask.burst for ask in asks]
    lengths = [burst.cache.length for burst in bursts]
    try:
        return asks[0].network.decode(bursts)
    except Exception:
        for burst, length in zip(bursts, lengths, strict=True):  # as if nothing had been tried
            burst.cache.length = length
        raise


def _pass(asks: Sequence[Pass]) -> Sequence[Tensor]:
    network = asks[0].network
    embeds = torch.cat([network.embed(ask.codes, ask.codebook) for ask in asks])
    return torch.split(network.finish(network.blocks(embeds)), 1)
