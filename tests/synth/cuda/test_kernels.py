"""The Triton kernels without a GPU: interpreted where Triton is installed, and torch in their place where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from synth.cuda.kernels import usable
from synth.cuda.noise import words_of
from synth.sampling import Noise, Stage

ROOT = Path(__file__).parents[3]


def test_interpreted_kernels_compute_what_their_definitions_say():
    pytest.importorskip("triton", reason="it comes with torch's builds for CUDA")
    done = subprocess.run(
        [sys.executable, "-m", "tests.synth.cuda.interpreted"],
        cwd=ROOT, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "good\n", done.stderr


def test_none_are_used_on_a_cpu():
    assert not usable(torch.device("cpu"))


def test_the_words_of_the_generator_are_numpys():
    """As signed numbers, of the same bits."""
    key, counter = Noise(-7, 5, 3).start(Stage.FINE, -2, 1001, 4)
    words = words_of(key, counter).numpy().view(np.uint64)
    assert words.tolist() == [*key, *counter[:2]]
    assert words[0] == 2**64 - 7


def test_noise_can_be_asked_for_on_a_device():
    rows = Noise(1).gumbel(Stage.COARSE, 3, 2, 9, device=torch.device("cpu"))
    assert torch.equal(rows, Noise(1).gumbel(Stage.COARSE, 3, 2, 9))
    assert Noise(1).gumbel(Stage.COARSE, 3, 2, 9, device=torch.device("meta")).shape == (2, 9)
