"""Philox 4x64-10, numpy's generator of `synth.sampling.Noise`, as a Triton kernel. Import it only where Triton is."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

SIZE = 128  # blocks of a program


@triton.jit(do_not_specialize=["total"])  # else another count would compile another kernel, in the middle of a job
def philox(out, words, total, width: tl.constexpr, blocks: tl.constexpr, size: tl.constexpr):
    """Uniform numbers (rows, width), float32, of `total` blocks, `blocks` to a row; words: two of the key, two of the counter.

    A block is four 64-bit words, that is eight numbers. The counter is raised before each block, as numpy does.
    """
    block = tl.program_id(0) * size + tl.arange(0, size)
    key_0, key_1 = tl.load(words).to(tl.uint64, bitcast=True), tl.load(words + 1).to(tl.uint64, bitcast=True)
    a = (tl.load(words + 2) + 1 + block).to(tl.uint64, bitcast=True)
    b = (tl.load(words + 3) + block * 0).to(tl.uint64, bitcast=True)
    c = (block * 0).to(tl.uint64)
    d = c
    first, second = tl.full([size], 0xD2E7470EE14C6C93, tl.uint64), tl.full([size], 0xCA5A826395121157, tl.uint64)
    for _ in tl.static_range(10):
        high_a, low_a = tl.umulhi(first, a), first * a
        high_c, low_c = tl.umulhi(second, c), second * c
        a, b, c, d = high_c ^ b ^ key_0, low_c, high_a ^ d ^ key_1, low_a
        key_0 += 0x9E3779B97F4A7C15
        key_1 += 0xBB67AE8584CAA73B
    row, column = block // blocks, block % blocks * 8
    for word in tl.static_range(4):
        bits = a if word == 0 else b if word == 1 else c if word == 2 else d
        for half in tl.static_range(2):
            number = ((bits >> (32 * half + 9)) & 0x7FFFFF).to(tl.int32).to(tl.float32)
            place = column + 2 * word + half
            inside = (block < total) & (place < width)
            tl.store(out + row * width + place, (number + 0.5) * 1.1920928955078125e-07, mask=inside)  # 2**-23


def uniform(words: Tensor, count: int, width: int) -> Tensor:
    """`Noise.uniform` on the device of `words` (4,), int64: float32 (count, width)."""
    blocks = -(-width // 8)
    out = torch.empty(count, width, device=words.device)
    with torch.cuda.device_of(words):
        philox[(-(-count * blocks // SIZE),)](out, words, count * blocks, width, blocks, SIZE)
    return out
