"""Products of a few rows with narrow weights, as Triton kernels. Import it only where Triton is.

They are bound by the reading of the weights, so each weight is read once, in its narrow form, and widened in registers.
Up to `SUMMED` rows are multiplied and summed by the ordinary units; more by the tensor cores, which want 16 at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl
from torch import Tensor

if TYPE_CHECKING:
    from synth.cuda.quantised import QuantisedLinear

SIZES = (1, 2, 4, 16, 32)  # rows that a kernel is compiled for
SUMMED = 4
TILE = 2048  # products of a program at once: 16 for each of its threads


@triton.jit
def read(base, row, bound, stride: tl.constexpr, at, end: tl.constexpr):
    """(rows, inputs) of a matrix; 0 outside."""
    inside = (row < bound)[:, None] & (at < end)[None, :]
    return tl.load(base + row[:, None] * stride + at[None, :], mask=inside, other=0)


@triton.jit
def add(total, x, weight, tensor_cores: tl.constexpr):
    """`total` and the products of x (M, K) with weights (N, K) in float32: summed (M, N), or apart (M, N, K)."""
    if tensor_cores:
        total = tl.dot(x, tl.trans(weight.to(x.dtype)), total, input_precision="ieee")
    else:
        total += x.to(tl.float32)[:, None, :] * weight[None, :, :]
    return total


@triton.jit(do_not_specialize=["rows"])
def multiply(
    out, x, codes, scale, bias, rows, outputs, inputs: tl.constexpr, group: tl.constexpr, bits: tl.constexpr,
    has_bias: tl.constexpr, tensor_cores: tl.constexpr, m: tl.constexpr, n: tl.constexpr, k: tl.constexpr,
):  # fmt: skip
    """x (rows, inputs) times the weights -> out (rows, outputs); a program has `n` outputs of all `m` >= `rows` rows.

    With 4 bits `k` divides the group, and a byte is a weight of the first half of the inputs and one of the second.
    """
    bytes_: tl.constexpr = inputs * bits // 8
    groups: tl.constexpr = inputs // group
    output, row = tl.program_id(0) * n + tl.arange(0, n), tl.arange(0, m)
    known = output < outputs
    total = tl.zeros([m, n], tl.float32) if tensor_cores else tl.zeros([m, n, k], tl.float32)
    for start in range(0, bytes_, k):
        at = start + tl.arange(0, k)
        byte = read(codes, output, outputs, bytes_, at, bytes_)
        first = read(x, row, rows, inputs, at, bytes_)
        if bits == 8:
            total = add(total, first, byte.to(tl.float32), tensor_cores)
        else:
            low = tl.load(scale + output * groups + start // group, mask=known, other=0)
            high = tl.load(scale + output * groups + (bytes_ + start) // group, mask=known, other=0)
            second = read(x + bytes_, row, rows, inputs, at, bytes_)
            total = add(total, first, ((byte & 15).to(tl.float32) - 8) * low[:, None], tensor_cores)
            total = add(total, second, ((byte >> 4).to(tl.float32) - 8) * high[:, None], tensor_cores)
    sums = total if tensor_cores else tl.sum(total, 2)
    if bits == 8:
        sums *= tl.load(scale + output, mask=known, other=0)[None, :]
    if has_bias:
        sums += tl.load(bias + output, mask=known, other=0).to(tl.float32)[None, :]
    place = out + row[:, None] * outputs + output[None, :]
    tl.store(place, sums.to(out.dtype.element_ty), mask=(row < rows)[:, None] & known[None, :])


def product(x: Tensor, layer: QuantisedLinear) -> Tensor:
    """x (rows, inputs), at most 32 rows -> (rows, outputs)."""
    rows = len(x)
    m = next(size for size in SIZES if size >= rows)
    n, k = tile(m, layer.group if layer.bits == 4 else 512)
    out = torch.empty(rows, layer.outputs, dtype=x.dtype, device=x.device)
    bias = layer.scale if layer.bias is None else layer.bias  # something that can be pointed to
    with torch.cuda.device_of(x):
        multiply[(-(-layer.outputs // n),)](
            out, x.contiguous(), layer.codes, layer.scale, bias, rows, layer.outputs, layer.inputs, layer.group,
            layer.bits, layer.bias is not None, m > SUMMED, m, n, k,
        )  # fmt: skip
    return out


def tile(m: int, most: int) -> tuple[int, int]:
    """Outputs and inputs of a program at once, inputs `most` at most: few outputs, so that there are many programs."""
    if m > SUMMED:
        return 16, min(most, 128)
    return 4, min(most, TILE // m // 4)
