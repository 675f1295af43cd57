"""The Triton kernels, tried out on small examples. Import it only where Triton is."""

from __future__ import annotations

import torch

from synth.cuda import philox, products
from synth.cuda.noise import words_of
from synth.cuda.quantised import QuantisedLinear
from synth.sampling import Noise, Stage

CLOSE = 0.05  # of sums of 256 products of numbers around 1 in half precision, 16 on average: what rounding can do


def run(device: torch.device) -> None:
    """RuntimeError where a kernel computes wrong numbers, and whatever Triton raises where it cannot compile one."""
    want = torch.from_numpy(Noise(3).uniform(Stage.FINE, -5, 7, 1001, 2)).to(device)
    got = philox.uniform(words_of(*Noise(3).start(Stage.FINE, -5, 1001, 2)).to(device), 7, 1001)
    if not torch.equal(got, want):
        raise RuntimeError("the noise is not numpy's")
    numbers = torch.Generator().manual_seed(0)
    plain = torch.nn.Linear(256, 96, device=device, dtype=torch.float16)
    with torch.inference_mode():
        for weight in plain.parameters():
            weight.copy_(torch.randn(weight.shape, generator=numbers))
        for bits in (8, 4):
            layer = QuantisedLinear(plain, bits=bits)
            for rows in products.SIZES:
                x = torch.randn(rows, 256, generator=numbers).to(device, torch.float16)
                error = (products.product(x, layer) - layer.plainly(x)).abs().max().item()
                if not error < CLOSE * 256**0.5:
                    raise RuntimeError(f"a product of {bits}-bit weights is wrong by {error:.2g}")
