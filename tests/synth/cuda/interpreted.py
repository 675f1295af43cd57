"""A program: the Triton kernels, interpreted on the CPU (TRITON_INTERPRET=1), against their definitions.

In a process of its own: once Triton has read a kernel it is either interpreted or compiled.
"""

from __future__ import annotations

import itertools

import torch

from synth.cuda import philox, products
from synth.cuda.noise import words_of
from synth.cuda.quantised import QuantisedLinear
from synth.sampling import Noise, Stage

ROWS = {
    "negative rows": (Noise(3), Stage.FINE, -5, 7, 1001, 2),
    "a large key": (Noise(-1, 2**31, 255), Stage.SEMANTIC, 0, 2, 3001, 0),
    "whole blocks": (Noise(2**63 + 5, 2, 1), Stage.COARSE, 60, 4, 8, 0),
    "one number": (Noise(0), Stage.COARSE, 2**20, 1, 1, 2**40),
}


def noise() -> None:
    for name, (source, stage, first, count, width, lane) in ROWS.items():
        got = philox.uniform(words_of(*source.start(stage, first, width, lane)), count, width)
        want = torch.from_numpy(source.uniform(stage, first, count, width, lane))
        assert torch.equal(got, want), name


def layers() -> None:
    numbers = torch.Generator().manual_seed(0)
    for dtype, bits, (inputs, outputs), bias in itertools.product(
        (torch.float32, torch.float16), (8, 4), ((256, 9), (96, 5)), (True, False)
    ):
        plain = torch.nn.Linear(inputs, outputs, bias=bias, dtype=dtype)
        layer = QuantisedLinear(plain, bits=bits, kernel=True)
        for rows in (1, 3, 17):
            x = torch.randn(rows, 1, inputs, generator=numbers).to(dtype)
            close = {"rtol": 0, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0, "atol": 4e-3}
            with torch.inference_mode():
                torch.testing.assert_close(products.product(x[:, 0], layer), layer.plainly(x)[:, 0], **close)
                assert torch.equal(layer(x)[:, 0], products.product(x[:, 0], layer))


if __name__ == "__main__":
    noise()
    layers()
    print("good")
