"""Narrow weights: their rounding, and layers that use them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from synth.cuda.quantised import MOST, QuantisedLinear, pack, quantise, unpack
from synth.pipeline import speak
from tests.synth import oracle
from tests.synth.cuda.forms import filled, static
from tests.synth.test_pipeline import DRAWN

WIDE = dataclasses.replace(oracle.BIASED, hidden=64)


def linear(inputs: int, outputs: int, *, bias: bool = True, seed: int = 0) -> nn.Linear:
    numbers, layer = torch.Generator().manual_seed(seed), nn.Linear(inputs, outputs, bias=bias)
    with torch.inference_mode():
        for weight in layer.parameters():
            weight.copy_(torch.randn(weight.shape, generator=numbers))
    return layer


@pytest.mark.parametrize(("bits", "group"), [(8, 256), (4, 128), (4, 64)])
def test_each_weight_is_rounded_to_the_nearest_step_of_its_group(bits, group):
    """By half a step at most; the largest of a group is exact."""
    weight = linear(256, 9).weight.detach()
    weight[3] = 0
    codes, scale = quantise(weight, bits, group)
    assert codes.abs().max() == MOST[bits]
    back = (codes.view(9, -1, group) * scale[..., None]).flatten(-2)
    error = (back - weight).abs().view(9, -1, group)
    assert (error <= scale[..., None] * 0.5 + 1e-6).all()
    largest = weight.view(9, -1, group).abs().argmax(-1, keepdim=True)
    assert error.gather(-1, largest).max() < 1e-5
    assert not codes[3].any()


@pytest.mark.parametrize("scale", [0.001, 3.0])
def test_what_is_a_whole_number_of_steps_comes_back_as_it_was(scale):
    codes = torch.randint(-127, 128, (5, 40), generator=torch.Generator().manual_seed(0)).to(torch.int8)
    codes[:, 0] = 127
    back, _ = quantise(codes * scale, 8, 40)
    assert torch.equal(back, codes)


@given(st.lists(st.lists(st.integers(-8, 7), min_size=6, max_size=6), min_size=1, max_size=4))
def test_two_in_a_byte_come_out_again(rows):
    codes = torch.tensor(rows, dtype=torch.int8)
    assert pack(codes).shape == (len(rows), 3)
    assert torch.equal(unpack(pack(codes)), codes)


@pytest.mark.parametrize(("inputs", "bits", "kept", "group"), [
    (256, 4, 4, 128), (768, 4, 4, 128), (64, 4, 4, 32), (48, 4, 8, 48), (21, 4, 8, 21), (768, 8, 8, 768),
])  # fmt: skip
def test_a_layer_that_is_too_narrow_for_4_bits_has_8(inputs, bits, kept, group):
    layer = QuantisedLinear(linear(inputs, 5), bits=bits)
    assert (layer.bits, layer.group) == (kept, group)
    assert layer.codes.nbytes == 5 * inputs * kept // 8


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_computes_with_its_rounded_weights(bits, bias):
    """As a plain one that has them would; near the exact one, as far as the bits allow, and not the same."""
    plain, x = linear(256, 40, bias=bias), torch.randn(2, 3, 256, generator=torch.Generator().manual_seed(1))
    layer = QuantisedLinear(plain, bits=bits)
    with torch.inference_mode():
        exact, got = plain(x), layer(x)
        plain.weight.copy_(layer.weight())
        torch.testing.assert_close(got, plain(x), rtol=0, atol=1e-4)
    assert 0.001 < (got - exact).std() / exact.std() < (0.02 if bits == 8 else 0.2)


@pytest.mark.parametrize(("precision", "error"), [("int8", 0.05), ("int4", 0.6)])
def test_all_layers_of_the_two_causal_networks_are_narrow_and_nothing_else(precision, error):
    exact, model = static(WIDE), static(WIDE, precision=precision)
    for part in (model.semantic, model.coarse):
        kinds = [type(layer) for block in part.layers for layer in block.modules() if not list(layer.children())]
        assert nn.Linear not in kinds
        assert kinds.count(QuantisedLinear) == 4 * part.config.num_layers
        assert {layer.bits for layer in part.modules() if isinstance(layer, QuantisedLinear)} == {int(precision[3:])}
        assert type(part.lm_head) is nn.Linear
    assert not any(isinstance(layer, QuantisedLinear) for layer in model.fine.modules())
    logits = []
    for form in (exact, model):
        _, hidden = filled(form.coarse, 30)
        with torch.inference_mode():
            logits.append(form.coarse.logits(hidden, 0, 100))
    assert 1e-4 < (logits[1] - logits[0]).std() / logits[0].std() < error


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_speech_with_narrow_weights_repeats(precision):
    model = static(WIDE, precision=precision)
    one, again = (speak(model, DRAWN).pieces[0] for _ in range(2))
    assert one.fine.shape[1] > 2
    assert one.fine.tolist() == again.fine.tolist()
