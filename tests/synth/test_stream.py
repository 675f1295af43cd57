"""Speech as it leaves while it is being made, against the same speech as a whole."""

from __future__ import annotations

import dataclasses
import functools
import gc
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.bark import Model, Request
from synth.coarse import trim_history
from synth.errors import EmptySpeech, EmptyText, OutOfMemory, Stopped
from synth.fine import generate_fine
from synth.pipeline import speak
from synth.sampling import Noise, Sampling
from synth.stream import Chunk, Schedule, stream
from tests.synth import oracle
from tests.synth.test_pipeline import DRAWN, GREEDY, SHAPE, a_voice, fail, own_model, silent_seed

# At 53 frames a second: chunks of 5, 11 and then 16 frames; what leaves is two frames late.
SHORT = Schedule(first=0.1, growth=2.0, longest=0.3, look_ahead=0.04)
WHOLE = Schedule(first=60.0, longest=60.0)  # longer than anything here


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def model() -> Model:
    return oracle.build(SHAPE)[1]


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.waveform for chunk in chunks])


def listened(model: Model, request: Request, schedule: Schedule = SHORT, watch=None) -> tuple[list[Chunk], dict]:
    """All chunks, and the tokens that came with the last one alone."""
    chunks = list(stream(model, request, watch, schedule))
    assert all(chunk.tokens is None for chunk in chunks[:-1])
    assert chunks[-1].tokens is not None
    return chunks, chunks[-1].tokens


schedules = st.builds(
    lambda look, more, growth, longest: Schedule(
        look_ahead=look, first=look + more, growth=growth, longest=look + more + longest
    ),
    st.floats(0, 0.5),
    st.floats(0.02, 0.6),
    st.floats(1, 4),
    st.floats(0, 2),
)


@given(
    schedule=schedules,
    shape=st.sampled_from([SHAPE, oracle.BIASED]),
    history=st.sampled_from([None, 1, 9, 41]),
    request=st.builds(
        Request,
        pieces=st.just([[1, 2, 3]]),
        seed=st.integers(0, 2**64 - 1),
        greedy=st.booleans(),
        min_eos_p=st.sampled_from([None, 0.02]),
        max_seconds=st.floats(0.1, 1.5),
    ),
)
@settings(max_examples=40, deadline=None)
def test_semantic_and_coarse_tokens_and_the_length_are_those_of_the_whole(schedule, shape, history, request):
    """Whatever the schedule, the windows, the rates, the history, the seed and the end; the sound is that of the codes."""
    model = oracle.build(shape)[1]
    request = dataclasses.replace(request, voice=fitting_voice(shape, history))
    want = speak(model, request).tokens()
    chunks, tokens = listened(model, request, schedule)
    for name in ("semantic_prompt", "coarse_prompt"):
        assert np.array_equal(tokens[name], want[name])
        assert tokens[name].dtype == np.int64
    assert tokens["fine_prompt"].shape == want["fine_prompt"].shape
    sound = model.codec.decode(tokens["fine_prompt"])
    np.testing.assert_allclose(joined(chunks), sound, rtol=0, atol=1e-6)
    assert all(len(chunk.waveform) for chunk in chunks[:-1])


def fitting_voice(shape, history):
    if history is None:
        return None
    spec, fine = shape.fine, a_voice(history).fine_prompt
    rows = np.resize(fine, (spec.n_fine_codebooks, fine.shape[1]))
    semantic = a_voice(history).semantic_prompt
    return dataclasses.replace(a_voice(), semantic_prompt=semantic, coarse_prompt=rows[:2], fine_prompt=rows)


@pytest.mark.parametrize("request_", [DRAWN, GREEDY], ids=["drawn", "greedy"])
@pytest.mark.parametrize("voice", [None, a_voice()], ids=["no voice", "voice"])
def test_what_fits_the_first_chunk_is_the_whole_in_every_code_and_sample(model, request_, voice):
    request = dataclasses.replace(request_, voice=voice)
    want = speak(model, request)
    chunks, tokens = listened(model, request, WHOLE)
    assert len(chunks) == 1
    assert np.array_equal(tokens["fine_prompt"], want.tokens()["fine_prompt"])
    assert np.array_equal(chunks[0].waveform, want.pieces[0].waveform)


def test_each_chunk_is_what_the_fine_stage_says_of_the_frames_so_far(model):
    """Of 5, 16, then all 26 frames: settled but for the last two, which are predicted again with what follows."""
    request = dataclasses.replace(DRAWN, voice=a_voice())
    coarse = speak(model, request).pieces[0].coarse
    settled = np.zeros((5, 0), np.int64)
    for known, late in ((5, 2), (16, 2), (26, 0)):
        codes = generate_fine(
            model.fine, model.fine_spec, coarse[:, :known], request.voice.fine_prompt, noise=Noise(1),
            sampling=Sampling(temperature=request.fine_temp), frozen=settled,
        )  # fmt: skip
        settled = codes[:, : known - late]
    _, tokens = listened(model, request)
    assert np.array_equal(tokens["fine_prompt"], settled)


def steps_until_sound(model: Model, request: Request, schedule: Schedule) -> dict[str, int]:
    """How many steps of each stage come before the first chunk."""
    steps: dict[str, int] = {}

    def watch(stage: str, *_: float) -> None:
        steps[stage] = steps.get(stage, 0) + 1

    chunks = stream(model, request, watch, schedule)
    next(chunks)
    seen = dict(steps)
    chunks.close()
    return seen


def test_nothing_is_waited_for_that_the_first_sound_does_not_need(model):
    """11 frames are 22 coarse tokens; the window of the last of them needs what it sees; then one fine window."""
    spec, voice = model.coarse_spec, a_voice(40)
    schedule, request = Schedule(first=0.2, look_ahead=0.04), dataclasses.replace(GREEDY, voice=voice)
    needed = spec.semantic_needed(len(trim_history(spec, voice.semantic_prompt, voice.coarse_prompt)[0]), 14)
    assert steps_until_sound(model, request, schedule) == {"semantic": needed, "coarse": 22, "fine": 3, "codec": 1}
    assert needed < len(speak(model, request).pieces[0].semantic) / 3


def test_each_piece_is_streamed_and_all_tokens_come_with_the_last_chunk(model):
    request = dataclasses.replace(DRAWN, pieces=[[1, 2, 3], [4, 5], [6]], max_seconds=None)
    want = speak(model, request)
    chunks, tokens = listened(model, request)
    assert [number for number, _ in itertools.groupby(chunk.piece for chunk in chunks)] == [0, 1, 2]
    for number, piece in enumerate(want.pieces):
        assert len(joined([chunk for chunk in chunks if chunk.piece == number])) == len(piece.waveform)
    semantic = len(want.pieces[0].semantic)
    assert np.array_equal(tokens["semantic_prompt"][:semantic], want.pieces[0].semantic)
    assert tokens["fine_prompt"].shape[1] * model.codec.hop_length == len(joined(chunks))


def test_a_given_voice_is_the_voice_of_all_pieces(model):
    """So semantic and coarse tokens equal those of the whole in later pieces, too."""
    request = dataclasses.replace(DRAWN, pieces=[[1, 2, 3], [4, 5]], max_seconds=2.5, voice=a_voice())
    want, (_, tokens) = speak(model, request).tokens(), listened(model, request)
    assert np.array_equal(tokens["semantic_prompt"], want["semantic_prompt"])
    assert np.array_equal(tokens["coarse_prompt"], want["coarse_prompt"])


def test_max_seconds_ends_the_text_and_the_tokens_come_with_its_last_piece(model):
    request = dataclasses.replace(GREEDY, pieces=[[1, 2], [3], [4]], max_seconds=2.5)
    chunks, tokens = listened(model, request)
    assert {chunk.piece for chunk in chunks} == {0, 1}
    assert np.array_equal(tokens["semantic_prompt"], speak(model, request).tokens()["semantic_prompt"])


def test_silence_is_tried_again_once_with_other_noise(model):
    request = dataclasses.replace(DRAWN, seed=silent_seed(model), text_temp=3.0, max_seconds=0.1)
    _, tokens = listened(model, request)
    assert np.array_equal(tokens["semantic_prompt"], speak(model, request).pieces[0].semantic)
    with pytest.raises(EmptySpeech):
        next(stream(model, dataclasses.replace(DRAWN, min_eos_p=0.0)))


def test_nothing_to_say_is_an_error(model):
    with pytest.raises(EmptyText):
        next(stream(model, dataclasses.replace(GREEDY, pieces=[[]])))


def test_progress_never_falls_and_ends_with_one(model):
    seen: list[tuple[str, float]] = []
    request = dataclasses.replace(DRAWN, pieces=[[1, 2], [3] * 8], max_seconds=None, voice=a_voice())
    listened(model, request, watch=lambda stage, done, total: seen.append((stage, done / total)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] == pytest.approx(1)
    stages = [stage for stage, _ in itertools.groupby(stage for stage, _ in seen)]
    assert stages[:6] == ["semantic", "coarse", "fine", "codec", "coarse", "semantic"], "hand in hand"


def tensors() -> int:
    gc.collect()
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


def stopping(name: str, count: int):
    """A listener that stops at the step of that number of a stage."""
    left = itertools.count(count, -1)

    def watch(stage: str, *_: float) -> None:
        if stage == name and next(left) == 1:
            raise Stopped

    return watch


@pytest.mark.parametrize("stage", ["semantic", "coarse", "fine", "codec"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_listener_can_stop_at_every_step_and_nothing_is_left(model, stage, count):
    want = speak(model, DRAWN).tokens()
    list(stream(model, DRAWN, schedule=SHORT))
    before = tensors()
    with pytest.raises(Stopped):
        list(stream(model, DRAWN, stopping(stage, count), SHORT))
    assert tensors() == before
    assert np.array_equal(speak(model, DRAWN).tokens()["fine_prompt"], want["fine_prompt"])


@pytest.mark.parametrize("heard", [0, 1, 2])
def test_a_stream_that_is_closed_leaves_nothing(model, heard):
    want = speak(model, DRAWN).tokens()
    before = tensors()
    chunks = stream(model, DRAWN, schedule=SHORT)
    for _ in range(heard):
        next(chunks)
    chunks.close()
    assert tensors() == before
    assert np.array_equal(speak(model, DRAWN).tokens()["fine_prompt"], want["fine_prompt"])


def test_two_streams_of_one_model_do_not_hear_each_other(model):
    """Chunk by chunk in turn, and a whole speech between: each has caches of its own."""
    requests = [dataclasses.replace(DRAWN, seed=seed, voice=a_voice(), max_seconds=None) for seed in (1, 2)]
    alone = [listened(model, request) for request in requests]
    turns = [stream(model, request, schedule=SHORT) for request in requests]
    chunks: list[list[Chunk]] = [[], []]
    for pair in itertools.zip_longest(*turns):
        for number, chunk in enumerate(pair):
            if chunk:
                chunks[number].append(chunk)
        speak(model, GREEDY)
    for (want, tokens), got in zip(alone, chunks, strict=True):
        assert np.array_equal(joined(got), joined(want))
        assert np.array_equal(got[-1].tokens["fine_prompt"], tokens["fine_prompt"])


@pytest.mark.parametrize("part", ["semantic", "coarse", "fine"])
def test_out_of_memory_before_the_first_sound_makes_one_chunk_of_the_whole(part):
    model = own_model()
    want = speak(model, DRAWN)
    getattr(model, part).layernorm_final.register_forward_hook(functools.partial(fail, [1]))
    chunks, tokens = listened(model, DRAWN)
    assert len(chunks) == 1
    assert np.array_equal(chunks[0].waveform, want.pieces[0].waveform)
    assert np.array_equal(tokens["fine_prompt"], want.tokens()["fine_prompt"])


def test_out_of_memory_after_the_first_sound_ends_the_stream_and_the_next_one_works():
    """A second try could contradict what was heard."""
    model, times = own_model(), []
    model.coarse.layernorm_final.register_forward_hook(functools.partial(fail, times))
    chunks = stream(model, DRAWN, schedule=SHORT)
    next(chunks)
    times.append(1)
    with pytest.raises(OutOfMemory, match="shorter"):
        list(chunks)
    assert len(listened(model, DRAWN)[0]) > 1


def test_chunks_grow_up_to_the_longest():
    """Bark's 75 frames a second: one coarse window of 30 frames first, half as much again each time."""
    assert list(itertools.islice(Schedule().sizes(75), 8)) == [30, 45, 68, 101, 152, 228, 240, 240]
    assert Schedule().late(75) == 4


@pytest.mark.parametrize(
    "values", [{"look_ahead": 0.4}, {"look_ahead": -0.1}, {"first": 4.0}, {"growth": 0.5}, {"first": float("nan")}]
)
def test_schedules_that_could_not_go_on_are_refused(values):
    with pytest.raises(ValueError, match="Schedule"):
        Schedule(**values)
