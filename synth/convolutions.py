"""EnCodec's convolutions over a stream: how far they see, and how to run them on pieces with the result of the whole.

Outputs depend on a bounded number of input frames before and after them, which follows from kernels, strides, dilations
and paddings. So a piece is computed with the frames around it that it sees, and what is wrong at its artificial edges is
cut off. The true edges have their true padding: reflected at the start, where the outputs see frames further right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers.models.encodec.modeling_encodec import EncodecConv1d, EncodecConvTranspose1d, EncodecResnetBlock

Span = tuple[int, int]  # the first and the last position


class Stack:
    """Layers run one after another, and what their outputs see. `scale` outputs belong to an input frame."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self.layers = list(layers)
        parts = [part for layer in self.layers for part in layer.modules()]
        self.scale: int = math.prod(part.conv.stride[0] for part in parts if isinstance(part, EncodecConvTranspose1d))
        self.channels: int = [part for part in parts if isinstance(part, nn.Conv1d)][-1].out_channels
        low, high = _seen_by_all(self.layers, (0, self.scale - 1), at_start=False)
        self.left, self.right = max(0, -low), max(0, high)  # frames seen before and after a frame of outputs
        edge = (0, max(1, self.left) * self.scale - 1)  # the outputs that see the padding at the start
        self.start: float = _seen_by_all(self.layers, edge, at_start=True)[1] + 1  # frames that decide on them
        if any(isinstance(part, nn.GroupNorm) for part in parts):
            self.start = math.inf  # a norm over time sees everything

    def __call__(self, x: Tensor) -> Tensor:
        """(1, C, T) -> (1, channels, T * scale)."""
        for layer in self.layers:
            x = layer(x)
        return x


class Overlap:
    """One stream through a stack. It keeps the frames that outputs to come will see."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._kept: Tensor | None = None  # (1, C, frames)
        self._first = 0  # the number of the first kept frame
        self._done = 0  # frames whose outputs were given

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """The outputs (1, channels, n * scale) that frames (1, C, T) decide on, n >= 0; all that are left if `last`."""
        stack, kept = self._stack, x if self._kept is None else torch.cat([self._kept, x], dim=-1)
        total = self._first + kept.shape[-1]
        seen = total if last else total - stack.right if total >= stack.start else 0
        done, self._done = self._done, max(self._done, seen)
        y = x.new_zeros(1, stack.channels, 0)
        if self._done > done:
            y = stack(kept)[..., (done - self._first) * stack.scale : (self._done - self._first) * stack.scale]
        first = max(0, self._done - stack.left)
        self._kept, self._first = kept[..., first - self._first :], first
        return y


def _seen_by_all(layers: Sequence[nn.Module], outputs: Span, *, at_start: bool) -> Span:
    for layer in reversed(layers):
        outputs = _seen_by(layer, outputs, at_start=at_start)
    return outputs


def _seen_by(layer: nn.Module, outputs: Span, *, at_start: bool) -> Span:
    """The inputs of one layer that a span of its outputs depends on; `at_start`, position 0 is the first there is."""
    if isinstance(layer, EncodecResnetBlock):
        paths = [
            _seen_by_all(list(layer.block), outputs, at_start=at_start),
            _seen_by(layer.shortcut, outputs, at_start=at_start),
        ]
        return min(low for low, _ in paths), max(high for _, high in paths)
    if isinstance(layer, EncodecConv1d):
        low, high = _seen_by_convolution(layer, outputs)
    elif isinstance(layer, EncodecConvTranspose1d):
        low, high = _seen_by_transposed(layer, outputs)
    else:
        return outputs
    return (max(0, low), max(high, -low)) if at_start else (low, high)  # reflection: position -n is position n


def _seen_by_convolution(layer: EncodecConv1d, outputs: Span) -> Span:
    padding = (layer.conv.kernel_size[0] - 1) * layer.conv.dilation[0]  # a decoder's convolutions have a stride of 1
    right = 0 if layer.causal else padding // 2
    return outputs[0] - (padding - right), outputs[1] + right


def _seen_by_transposed(layer: EncodecConvTranspose1d, outputs: Span) -> Span:
    """Input i makes outputs i * stride to i * stride + kernel - 1, of which the first `left` are cut off."""
    kernel, stride = layer.conv.kernel_size[0], layer.conv.stride[0]
    trimmed = kernel - stride
    left = trimmed - (math.ceil(trimmed * layer.trim_right_ratio) if layer.causal else trimmed // 2)
    return -((kernel - 1 - outputs[0] - left) // stride), (outputs[1] + left) // stride
