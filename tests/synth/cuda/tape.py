"""What a CUDA graph does, on a CPU: the operators of one step are written down once, and the list is run again and again.

Whatever Python decides between two steps is lost in a replay, as it is in a graph; so is every tensor that the step does
not find where it was. Reading a number back would make the host wait, and is refused.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from synth.cuda.static import StaticCausal

HOST_READS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")


class Tape(TorchDispatchMode):
    """Writes down what runs under it."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in HOST_READS, f"{name} makes the host wait"
        result = func(*args, **(kwargs or {}))
        self._calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        """Run it again."""
        now: dict[int, torch.Tensor] = {}

        def current(value: Any) -> Any:
            return now.get(id(value), value) if isinstance(value, torch.Tensor) else value

        for func, args, kwargs, before in self._calls:
            after = func(*tree_map(current, args), **tree_map(current, kwargs))
            pairs = zip(tree_flatten(before)[0], tree_flatten(after)[0], strict=True)
            now |= {id(old): new for old, new in pairs if isinstance(old, torch.Tensor)}


class Taped:
    """A runner of tapes, made beforehand for all sizes."""

    def __init__(self, network: StaticCausal) -> None:
        self._tapes: dict[tuple[int, int], Tape] = {}
        with torch.inference_mode():
            for rows, length in itertools.product(network.rows, (0, *network.lengths)):
                network.fixed.rest()
                with Tape() as tape:
                    if length:
                        network.step(rows, length)
                    else:
                        network.draw(rows)
                self._tapes[rows, length] = tape

    def draw(self, rows: int) -> None:
        self._tapes[rows, 0].replay()

    def step(self, rows: int, length: int) -> None:
        self._tapes[rows, length].replay()
