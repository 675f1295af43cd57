"""The codec against transformers' own decoding of Bark's codes."""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.codec import Codec, Decoding


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def encodec(**values) -> transformers.EncodecModel:
    """A small EnCodec with codebooks that are not all zero."""
    config = {
        "target_bandwidths": [9.6], "sampling_rate": 3200, "hidden_size": 10, "num_filters": 3,
        "upsampling_ratios": [4, 2], "codebook_size": 16, "num_lstm_layers": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    model = transformers.EncodecModel(transformers.EncodecConfig(**{**config, **values})).eval()
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_()
    return model


def decoded(model: transformers.EncodecModel, codes: np.ndarray) -> np.ndarray:
    """What BarkModel.codec_decode does."""
    with torch.inference_mode():
        embedding = model.quantizer.decode(torch.from_numpy(codes)[:, None])
        return model.decoder(embedding).squeeze(1)[0].numpy()


KINDS = {
    "plain": {},
    "odd ratios": {
        "upsampling_ratios": [5, 3, 2],
        "kernel_size": 5,
        "sampling_rate": 2400,
        "target_bandwidths": [2.56],
    },
    "one ratio": {"upsampling_ratios": [7], "sampling_rate": 2800, "residual_kernel_size": 5},
    "group norm": {"norm_type": "time_group_norm"},
    "not causal": {"use_causal_conv": False},
    "no shortcut": {"use_conv_shortcut": False, "num_residual_layers": 2},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [1, 2, 50])
def test_waveforms_equal_transformers(kind, frames):
    """Within 1e-6, with weight norms folded; one frame is enough; hop_length samples each."""
    want_from, ours = encodec(**KINDS[kind]), Codec(encodec(**KINDS[kind]))
    codes = np.random.default_rng(frames).integers(0, 16, (min(8, ours.n_codebooks), frames))
    want = decoded(want_from, codes)
    got = ours.decode(codes)
    assert got.dtype == np.float32
    assert got.shape == (frames * ours.hop_length,)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
    assert want.std() > 1e-4


def test_no_weight_norm_is_left():
    ours = Codec(encodec())
    assert not any("parametrizations" in name for name, _ in ours._decoder.named_parameters())


def test_fewer_codebooks_than_the_codec_has_are_decoded_and_more_are_refused():
    """9.6 kbit/s at 400 frames of 4 bits are 6 codebooks."""
    model, ours = encodec(), Codec(encodec())
    assert ours.n_codebooks == 6
    codes = np.random.default_rng(0).integers(0, 16, (3, 20))
    np.testing.assert_allclose(ours.decode(codes), decoded(model, codes), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="7 codebooks"):
        ours.decode(np.zeros((7, 5), np.int64))


def test_later_frames_do_not_alter_earlier_samples():
    """The decoder is causal: padding on the right is harmless."""
    ours = Codec(encodec())
    codes = np.random.default_rng(0).integers(0, 16, (6, 40))
    part, whole = ours.decode(codes[:, :25]), ours.decode(codes)
    np.testing.assert_allclose(part, whole[: len(part)], rtol=0, atol=1e-6)


STREAMED = {
    **KINDS,
    "not causal, odd": {**KINDS["odd ratios"], "use_causal_conv": False},
    "not causal, one ratio": {**KINDS["one ratio"], "use_causal_conv": False},
    "not causal, dilated": {**KINDS["no shortcut"], "use_causal_conv": False},
    "zeros at the edges": {"pad_mode": "constant"},
    "repeated edges": {"pad_mode": "replicate", "use_causal_conv": False},
    "trimmed on both sides": {"trim_right_ratio": 0.5},
    "stereo": {"audio_channels": 2},
}
CAUSAL = {"plain", "odd ratios", "one ratio", "no shortcut", "zeros at the edges", "stereo"}
built = functools.cache(lambda kind: Codec(encodec(**STREAMED[kind])))


@pytest.mark.parametrize("kind", STREAMED)
@given(data=st.data(), frames=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_pieces_decode_to_the_whole_at_every_cut(kind, data, frames):
    """Sample for sample within 1e-6 (measured: at most 4.8e-7 with samples up to 3), any pieces, empty ones too."""
    ours = built(kind)
    codes = np.random.default_rng(frames).integers(0, 16, (min(8, ours.n_codebooks), frames))
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, frames), max_size=6))), frames]
    decoding = Decoding(ours)
    parts = [
        decoding.push(codes[:, start:stop], last=number == len(cuts) - 2)
        for number, (start, stop) in enumerate(pairwise(cuts))
    ]
    np.testing.assert_allclose(np.concatenate(parts), ours.decode(codes), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in STREAMED if kind != "group norm"])
def test_frame_by_frame_the_sound_is_as_late_as_the_codec_looks_ahead_and_no_later(kind):
    """Another next frame changes the very first sample block that was held back."""
    ours = built(kind)
    codes = np.random.default_rng(0).integers(0, 16, (min(8, ours.n_codebooks), 40))
    decoding = Decoding(ours)
    samples = 0
    for frame in range(30):
        samples += len(decoding.push(codes[:, frame : frame + 1], last=False))
    assert samples == (30 - ours.look_ahead) * ours.hop_length
    other = codes.copy()
    other[:, 30] = (other[:, 30] + 1) % 16
    difference = np.abs(ours.decode(codes) - ours.decode(other))
    assert difference[:samples].max() == 0
    assert difference[samples : samples + ours.hop_length].max() > 0
    assert (ours.look_ahead == 0) == (kind in CAUSAL)


@pytest.mark.parametrize(
    ("config", "look_ahead", "first"),
    [
        ({}, 0, 7),
        ({"use_causal_conv": False}, 4, 6),
        ({"use_causal_conv": False, "upsampling_ratios": [2, 4, 5, 8], "num_lstm_layers": 1}, 5, 6),
    ],
    ids=["Bark's", "not causal", "the miniature's"],
)
def test_how_far_codecs_of_the_true_size_look(config, look_ahead, first):
    """Worked by hand: seven taps at the frame rate are 6 frames before, or 3 and 3; reflection needs 7 or 6 at the start."""
    with torch.device("meta"):
        ours = Codec(transformers.EncodecModel(transformers.EncodecConfig(**config)))
    assert ours.look_ahead == look_ahead
    assert ours.before.start == first


def test_a_norm_over_time_holds_everything_back_until_the_end():
    ours = built("group norm")
    codes = np.random.default_rng(0).integers(0, 16, (6, 30))
    decoding = Decoding(ours)
    assert len(decoding.push(codes[:, :25], last=False)) == 0
    assert len(decoding.push(codes[:, 25:], last=True)) == 30 * ours.hop_length


def test_integers_of_any_width_are_codes():
    ours = Codec(encodec())
    codes = np.random.default_rng(0).integers(0, 16, (6, 9))
    assert np.array_equal(ours.decode(codes), ours.decode(codes.astype(np.int32)))


def test_channels_become_one():
    model, ours = encodec(audio_channels=2), Codec(encodec(audio_channels=2))
    codes = np.random.default_rng(0).integers(0, 16, (4, 9))
    with torch.inference_mode():
        both = model.decoder(model.quantizer.decode(torch.from_numpy(codes)[:, None]))[0].numpy()
    np.testing.assert_allclose(ours.decode(codes), both.mean(0), rtol=0, atol=1e-6)
    assert (ours.sampling_rate, ours.hop_length, ours.device.type) == (3200, 8, "cpu")
