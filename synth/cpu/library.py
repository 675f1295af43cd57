"""The compiled library: its structures as in transformer.c, its functions, and its threads."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from ctypes import POINTER, c_int, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from synth.cpu.build import NoKernels, build


class Norm(ctypes.Structure):
    """A layer norm's (C,) gain and bias; no bias is NULL."""

    _fields_: ClassVar = [("gain", c_void_p), ("bias", c_void_p)]


class Linear(ctypes.Structure):
    """A linear layer: packed weights, and per column scale and shift (NULL for floats) and bias (or NULL)."""

    _fields_: ClassVar = [
        ("weight", c_void_p),
        ("scale", c_void_p),
        ("shift", c_void_p),
        ("bias", c_void_p),
        ("inputs", c_int32),
        ("outputs", c_int32),
    ]


class Block(ctypes.Structure):
    """One layer of a transformer."""

    _fields_: ClassVar = [
        ("norm_1", Norm),
        ("norm_2", Norm),
        ("mix_in", Linear),
        ("mix_out", Linear),
        ("mlp_in", Linear),
        ("mlp_out", Linear),
    ]


class Trunk(ctypes.Structure):
    """All layers."""

    _fields_: ClassVar = [("blocks", POINTER(Block)), ("layers", c_int32), ("hidden", c_int32), ("heads", c_int32)]


class Kernels:
    """The library, with threads of its own, which sleep when there is nothing to do. One call at a time computes."""

    def __init__(self, path: Path, threads: int) -> None:
        """OSError for a file that is no library for this machine, MemoryError."""
        self._library = _typed(ctypes.CDLL(str(path)))
        self._pool = self._library.open_pool(max(1, threads))
        if not self._pool:
            raise MemoryError
        self.panel: int = self._library.panel_width()  # columns that lie side by side
        weakref.finalize(self, self._library.close_pool, self._pool)

    def cache_bytes(self, heads: int, channels: int, capacity: int, *, half: bool) -> int:
        """What the cache of one layer and one row takes."""
        return int(self._library.cache_bytes(heads, channels, capacity, half))

    def run_trunk(
        self, trunk: Trunk, x: Tensor, caches: Sequence[Tensor], capacity: int, *, pasts: Sequence[int], causal: bool
    ) -> None:
        """All layers over x (B, T, C), in place. MemoryError.

        Each row has a cache, all in float32 or all in bfloat16, and `pasts` says how many positions it holds.
        """
        rows, positions, _ = x.shape
        addresses = (c_void_p * rows)(*(cache.data_ptr() for cache in caches))
        lengths, half = (c_int * rows)(*pasts), caches[0].element_size() == 2
        if self._library.run_trunk(
            self._pool, trunk, x.data_ptr(), rows, positions, addresses, lengths, capacity, causal, half
        ):
            raise MemoryError

    def run_linear(self, linear: Linear, x: Tensor, out: Tensor) -> None:
        """out (M, outputs) from x (M, inputs). MemoryError."""
        if self._library.run_linear(self._pool, linear, x.data_ptr(), len(x), out.data_ptr()):
            raise MemoryError


def open_kernels(folder: Path, threads: int) -> Kernels:
    """The library from `folder`, compiled if need be. NoKernels."""
    path = build(folder)
    try:
        return Kernels(path, threads)
    except OSError as error:
        raise NoKernels(f"{path.name} cannot be loaded: {error}") from error


def _typed(library: Any) -> Any:
    library.open_pool.restype, library.open_pool.argtypes = c_void_p, [c_int]
    library.close_pool.restype, library.close_pool.argtypes = None, [c_void_p]
    library.cache_bytes.restype, library.cache_bytes.argtypes = c_int64, [c_int] * 4
    library.run_trunk.argtypes = [
        c_void_p,
        POINTER(Trunk),
        c_void_p,
        c_int,
        c_int,
        POINTER(c_void_p),
        POINTER(c_int),
        *[c_int] * 3,
    ]
    library.run_linear.argtypes = [c_void_p, POINTER(Linear), c_void_p, c_int, c_void_p]
    return library
