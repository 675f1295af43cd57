"""The whole way from text tokens to a waveform."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import torch
import transformers

from synth import memory
from synth.codec import Codec
from synth.errors import EmptySpeech, EmptyText, ModelError, OutOfMemory, Stopped
from synth.pipeline import Model, Piece, Request, Speech, speak
from synth.sampling import Noise, Sampling
from synth.semantic import generate_semantic
from synth.voices import Voice
from tests.synth import oracle

SHAPE = dataclasses.replace(oracle.ODD, std=0.4)
GREEDY = Request(pieces=[[1, 2, 3]], seed=1, greedy=True, min_eos_p=None)
DRAWN = Request(pieces=[[1, 2, 3]], seed=1, min_eos_p=None, max_seconds=0.5)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def model() -> Model:
    return oracle.build(SHAPE)[1]


def own_model() -> Model:
    """One that a test may harm."""
    return oracle.build.__wrapped__(SHAPE)[1]


def a_voice(length: int = 20) -> Voice:
    source, spec = np.random.default_rng(length), SHAPE.coarse
    frames = round(length * spec.coarse_rate_hz / spec.semantic_rate_hz)
    fine = source.integers(0, spec.codebook_size, (SHAPE.fine.n_fine_codebooks, frames))
    semantic = source.integers(0, spec.semantic_vocab_size, length)
    return Voice(name="someone", semantic_prompt=semantic, coarse_prompt=fine[:2], fine_prompt=fine)


def same(one: Speech, other: Speech) -> bool:
    return len(one.pieces) == len(other.pieces) and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one.pieces, other.pieces, strict=True)
        for name in ("semantic", "coarse", "fine", "waveform")
    )


@pytest.mark.parametrize("voice", [None, a_voice(1), a_voice(9), a_voice(41)], ids=["none", "1", "9", "41"])
@pytest.mark.parametrize("shape", [SHAPE, oracle.BIASED], ids=["odd", "biased"])
def test_the_whole_way_equals_transformers(shape, voice):
    """Greedy: tokens equal in every stage, the waveform within 1e-5."""
    theirs, ours = oracle.build(shape)
    past = (None, None, None)
    if voice:
        past = (voice.semantic_prompt % 37, (voice.semantic_prompt % 37, voice.coarse_prompt), voice.fine_prompt)
        rows = np.resize(voice.fine_prompt, (shape.fine.n_fine_codebooks, voice.fine_prompt.shape[1]))
        past = (past[0], past[1], rows)
        voice = Voice(name="x", semantic_prompt=past[0], coarse_prompt=voice.coarse_prompt, fine_prompt=rows)
    semantic = np.array(oracle.transformers_semantic(theirs, shape, [1, 2, 3], past[0]))
    coarse = oracle.transformers_coarse(theirs, shape, semantic, past[1])
    fine = oracle.transformers_fine(theirs, shape, coarse, past[2])
    with torch.inference_mode():
        waveform = theirs.codec_decode(torch.from_numpy(fine)[None])[0].numpy()
    speech = speak(ours, dataclasses.replace(GREEDY, voice=voice))
    assert np.array_equal(speech.pieces[0].semantic, semantic)
    assert np.array_equal(speech.pieces[0].coarse, coarse)
    assert np.array_equal(speech.pieces[0].fine, fine)
    np.testing.assert_allclose(speech.pieces[0].waveform, waveform, rtol=0, atol=1e-5)
    assert len(np.unique(semantic)) > 2


def test_the_same_seed_gives_the_same_speech_and_another_one_another(model):
    first, again = speak(model, DRAWN), speak(own_model(), DRAWN)
    other = speak(model, dataclasses.replace(DRAWN, seed=2))
    assert same(first, again)
    assert not same(first, other)


def test_later_pieces_do_not_change_earlier_ones(model):
    """A piece's noise belongs to its place: the first piece is the same alone and with others."""
    alone = speak(model, dataclasses.replace(DRAWN, max_seconds=None))
    more = speak(model, dataclasses.replace(DRAWN, max_seconds=None, pieces=[[1, 2, 3], [4, 5]]))
    assert np.array_equal(alone.pieces[0].fine, more.pieces[0].fine)
    assert len(more.pieces) == 2
    assert not np.array_equal(more.pieces[0].semantic, more.pieces[1].semantic)


def test_without_a_voice_the_first_piece_is_the_voice_of_the_others(model):
    """Greedy, so that the noise of the place does not matter: the second piece equals one with that voice."""
    both = speak(model, dataclasses.replace(GREEDY, pieces=[[1, 2, 3], [4, 5]]))
    first = both.pieces[0]
    voice = Voice(name="v", semantic_prompt=first.semantic, coarse_prompt=first.coarse, fine_prompt=first.fine)
    second = speak(model, dataclasses.replace(GREEDY, pieces=[[4, 5]], voice=voice))
    assert np.array_equal(both.pieces[1].fine, second.pieces[0].fine)
    stranger = speak(model, dataclasses.replace(GREEDY, pieces=[[4, 5]]))
    assert not np.array_equal(both.pieces[1].fine, stranger.pieces[0].fine)


def test_each_piece_may_have_a_voice_of_its_own(model):
    """What has none has the request's, or else that of the first piece, once it is spoken."""
    one, other, endless = a_voice(20), a_voice(30), dataclasses.replace(DRAWN, max_seconds=None)
    alone = dataclasses.replace(endless, pieces=[[4, 5]])
    both = speak(model, dataclasses.replace(endless, pieces=[[4, 5], [6], [7]], voices=[one, other, None]))
    assert same_piece(both.pieces[0], speak(model, dataclasses.replace(alone, voice=one)).pieces[0])
    third = dataclasses.replace(endless, pieces=[[4, 5], [6], [7]], voices=[one, other, as_voice(both.pieces[0])])
    assert same_piece(both.pieces[2], speak(model, third).pieces[2])
    assert not np.array_equal(
        both.pieces[1].fine, speak(model, dataclasses.replace(third, voices=[one, one, one])).pieces[1].fine
    )


def same_piece(one: Piece, other: Piece) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("semantic", "coarse", "fine"))


def as_voice(piece: Piece) -> Voice:
    return Voice(name="first", semantic_prompt=piece.semantic, coarse_prompt=piece.coarse, fine_prompt=piece.fine)


def test_a_given_voice_is_the_voice_of_all_pieces(model):
    both = speak(model, dataclasses.replace(GREEDY, pieces=[[1, 2, 3], [4, 5]], voice=a_voice()))
    second = speak(model, dataclasses.replace(GREEDY, pieces=[[4, 5]], voice=a_voice()))
    assert np.array_equal(both.pieces[1].fine, second.pieces[0].fine)


def test_tokens_are_all_pieces_one_after_another(model):
    speech = speak(model, dataclasses.replace(DRAWN, pieces=[[1], [2]], max_seconds=None))
    tokens = speech.tokens()
    frames = sum(piece.fine.shape[1] for piece in speech.pieces)
    assert tokens["fine_prompt"].shape == (5, frames)
    assert np.array_equal(tokens["coarse_prompt"], tokens["fine_prompt"][:2])
    assert tokens["semantic_prompt"].shape == (sum(len(piece.semantic) for piece in speech.pieces),)
    assert all(array.dtype == np.int64 for array in tokens.values())


@pytest.mark.parametrize(("seconds", "lengths"), [(0.3, [10]), (1.0, [32]), (2.5, [62, 18]), (9.0, [62, 62, 62])])
def test_max_seconds_bounds_the_whole_text(model, seconds, lengths):
    """31.7 tokens a second; what the first piece leaves goes to the next; a used-up time ends the text."""
    request = dataclasses.replace(GREEDY, pieces=[[1, 2], [3], [4]], max_seconds=seconds)
    assert [len(piece.semantic) for piece in speak(model, request).pieces] == lengths


def test_a_rest_shorter_than_a_frame_ends_the_text():
    """62 tokens last 1.956 s; the 0.044 s that are left hold no frame at 15 frames a second: no second piece."""
    model = own_model()
    model.coarse_spec = dataclasses.replace(model.coarse_spec, coarse_rate_hz=15)
    speech = speak(model, dataclasses.replace(GREEDY, pieces=[[1, 2], [3]], max_seconds=2.0))
    assert [len(piece.semantic) for piece in speech.pieces] == [62]


def test_progress_rises_to_one_over_all_pieces(model):
    seen: list[tuple[str, float, float]] = []
    request = dataclasses.replace(GREEDY, pieces=[[1, 2], [3] * 8], max_seconds=3)
    speak(model, request, lambda *step: seen.append(step))
    fractions = [done / total for _, done, total in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert fractions[0] > 0
    stages = list(dict.fromkeys(stage for stage, _, _ in seen))
    assert stages == ["semantic", "coarse", "fine", "codec"]
    turn = [stage for stage, _, _ in seen].index("codec")
    assert fractions[turn] == pytest.approx(0.2), "the first piece has two of ten tokens"


@pytest.mark.parametrize("stage", ["semantic", "coarse", "fine", "codec"])
def test_a_listener_can_stop_between_two_steps_and_the_model_goes_on_working(model, stage):
    def watch(name: str, done: float, total: float) -> None:  # noqa: ARG001 # the listener's form
        if name == stage:
            raise Stopped

    before = speak(model, DRAWN)
    with pytest.raises(Stopped):
        speak(model, DRAWN, watch)
    assert same(speak(model, DRAWN), before)


def silent_seed(model: Model) -> int:
    """A seed that draws the end token first at the first attempt and not at the second."""
    for seed in range(2000):
        lengths = [
            len(generate_semantic(model.semantic, model.semantic_spec, [1, 2, 3], noise=noise, min_eos_p=None,
                                  sampling=Sampling(temperature=3.0), max_seconds=0.1))
            for noise in (Noise(seed, 0, 0), Noise(seed, 0, 1))
        ]  # fmt: skip
        if not lengths[0] and lengths[1]:
            return seed
    raise AssertionError("no such seed")


def test_silence_is_tried_again_once_with_other_noise(model):
    seed = silent_seed(model)
    request = dataclasses.replace(DRAWN, seed=seed, text_temp=3.0, max_seconds=0.1)
    want = generate_semantic(
        model.semantic, model.semantic_spec, [1, 2, 3], noise=Noise(seed, 0, 1), min_eos_p=None,
        sampling=Sampling(temperature=3.0), max_seconds=0.1,
    )  # fmt: skip
    assert speak(model, request).pieces[0].semantic.tolist() == want.tolist()


@pytest.mark.parametrize(("greedy", "attempts"), [(False, 2), (True, 1)])
def test_silence_twice_is_an_error_and_greedy_does_not_try_again(greedy, attempts):
    """min_eos_p 0 ends every speech at once; prompts, which have three dimensions, count the attempts."""
    model, dimensions = own_model(), []
    model.semantic.layernorm_final.register_forward_hook(lambda *call: dimensions.append(call[-1].ndim))
    with pytest.raises(EmptySpeech, match="another seed"):
        speak(model, dataclasses.replace(DRAWN, min_eos_p=0.0, greedy=greedy))
    assert dimensions.count(3) == attempts


def test_a_speech_too_short_for_a_frame_is_silence():
    """At half a frame for a token, one token makes none."""
    model = own_model()
    model.coarse_spec = dataclasses.replace(model.coarse_spec, coarse_rate_hz=15)
    with pytest.raises(EmptySpeech):
        speak(model, dataclasses.replace(GREEDY, max_seconds=0.0))


@pytest.mark.parametrize("pieces", [[], [[]], [[], []]])
def test_nothing_to_say_is_an_error(model, pieces):
    with pytest.raises(EmptyText):
        speak(model, dataclasses.replace(GREEDY, pieces=pieces))


def fail(times: list[int], *_: object) -> None:
    """Out of memory, as torch says it, while `times` has some left."""
    if times:
        times.pop()
        raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("part", ["semantic", "coarse", "fine"])
def test_out_of_memory_is_tried_again_in_a_smaller_form_with_the_same_result(part):
    model = own_model()
    want = speak(model, DRAWN)
    getattr(model, part).layernorm_final.register_forward_hook(functools.partial(fail, [1]))
    assert same(speak(model, DRAWN), want)


@pytest.mark.parametrize("size", [1 << 50, 1 << 62])
def test_out_of_main_memory_is_known_by_what_torch_really_says(size):
    model = own_model()
    model.fine.layernorm_final.register_forward_hook(lambda *_: torch.empty(size, dtype=torch.uint8))
    with pytest.raises(OutOfMemory):
        speak(model, DRAWN)


def test_out_of_memory_twice_is_an_error_that_says_what_to_do():
    model = own_model()
    want = speak(model, DRAWN)
    model.fine.layernorm_final.register_forward_hook(functools.partial(fail, [1, 1]))
    with pytest.raises(OutOfMemory, match="shorter"):
        speak(model, DRAWN)
    assert same(speak(model, DRAWN), want), "the next job works"


class CrowdedOut(Codec):
    """A codec whose home has no room for it any more, once it left."""

    def to(self, device: torch.device | str) -> Codec:
        if str(device) == "cpu":
            return super().to(device)
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_codec_that_finds_no_room_at_home_stays_on_the_cpu():
    codec = CrowdedOut(transformers.EncodecModel(oracle.codec_config(SHAPE)))
    memory.bring_home(codec, torch.device("cuda"))
    assert codec.device == torch.device("cpu")


def test_caches_are_kept_from_job_to_job():
    model = own_model()
    speak(model, DRAWN)
    with model.cache("semantic") as semantic, model.cache("coarse") as coarse:
        pass
    speak(model, DRAWN)
    with model.cache("semantic") as again:
        assert again is semantic
        with model.cache("semantic") as another, model.cache("coarse") as also:
            assert another is not semantic, "it has a user already"
            assert also is coarse


@pytest.mark.parametrize(
    ("spec", "change", "words"),
    [
        ("semantic_spec", {"max_input_semantic_length": 75}, "no room"),
        ("semantic_spec", {"semantic_infer_token": 10_000}, "no embedding"),
        ("semantic_spec", {"eos_token": 50}, "end token"),
        ("coarse_spec", {"sliding_window_len": 60}, "coarse window"),
        ("coarse_spec", {"codebook_size": 64}, "coarse codes"),
        ("coarse_spec", {"coarse_infer_token": 999}, "coarse tokens"),
        ("fine_spec", {"max_fine_input_length": 76}, "fine window"),
        ("fine_spec", {"codebook_size": 64}, "pad code"),
        ("fine_spec", {"n_fine_codebooks": 6}, "too few codebooks"),
    ],
)
def test_parts_that_do_not_fit_are_refused_at_once(model, spec, change, words):
    """Before any text: the sentence names what is wrong."""
    names = [field.name for field in dataclasses.fields(Model) if field.init]
    parts = {name: getattr(model, name) for name in names}
    parts[spec] = dataclasses.replace(parts[spec], **change)
    with pytest.raises(ModelError, match=words):
        Model(**parts)
