"""The library, compiled once for all tests, and for other instruction sets than this machine's best."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from synth.cpu.build import NoKernels, find_compiler
from synth.cpu.library import Kernels, open_kernels

LESS = {
    "best": "",
    "no AMX": "-mno-amx-int8",
    "no VNNI": "-mno-avx512vnni -mno-avxvnni",
    "AVX2": "-mno-avx512f -mno-avxvnni",
    "SSE2": "-mno-avx512f -mno-avx",
}
"""What to take from the compiler: every path through vectors.h that this machine can run."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Kernels]:
    """Kernels for an instruction set and a number of threads."""
    folder: Path = tmp_path_factory.mktemp("native")

    @functools.cache
    def open_(instructions: str = "best", threads: int = 1) -> Kernels:
        with pytest.MonkeyPatch.context() as patch:
            try:
                compiler = os.environ.get("CC") or find_compiler()[0]
                patch.setenv("CC", f"{compiler} {LESS[instructions]}")
                return open_kernels(folder, threads)
            except NoKernels as reason:
                pytest.skip(str(reason))

    return open_


@pytest.fixture(scope="session")
def kernels(opened: Callable[..., Kernels]) -> Kernels:
    return opened()
