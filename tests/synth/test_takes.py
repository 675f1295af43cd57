"""Several versions at once: each as alone, failures kept apart, progress over all."""

from __future__ import annotations

import numpy as np
import pytest

from synth.bark import Request, Speech
from synth.errors import EmptySpeech, Stopped
from synth.pipeline import speak
from synth.takes import Overall, speak_takes
from tests.synth import oracle

REQUEST = Request(pieces=[[1, 2, 3]], seed=0, max_seconds=0.5)


@pytest.fixture(scope="module")
def model():
    return oracle.build(oracle.ODD)[1]


def test_every_take_is_what_its_seed_makes_alone_and_comes_once(model):
    got: dict[int, Speech] = {}

    def ready(number: int, speech: Speech) -> None:
        assert number not in got
        got[number] = speech

    speak_takes(model, REQUEST, [5, 6, 5], seats=2, ready=ready)
    for number, seed in enumerate([5, 6, 5]):
        assert got[number].seed == seed
        alone = speak(model, Request(pieces=[[1, 2, 3]], seed=seed, max_seconds=0.5))
        assert np.array_equal(got[number].pieces[0].fine, alone.pieces[0].fine)


def test_the_others_are_ready_before_the_error_of_one_is_raised(model):
    got: list[int] = []

    def ready(number: int, _speech: Speech) -> None:
        if number == 0:
            raise EmptySpeech("nothing")
        got.append(number)

    with pytest.raises(EmptySpeech):
        speak_takes(model, REQUEST, [1, 2, 3], seats=1, ready=ready)
    assert got == [1, 2]


def test_what_a_listener_raises_is_raised(model):
    def stop(*_: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        speak_takes(model, REQUEST, [1, 2], seats=2, ready=lambda *_: None, watch=stop)


def test_progress_is_the_mean_and_the_stage_that_of_the_last():
    seen: list[tuple[str, float, float]] = []
    overall = Overall(2, lambda *step: seen.append(step))
    overall.step(0, "semantic", 1, 4)
    overall.step(1, "semantic", 1, 2)
    overall.step(1, "coarse", 3, 4)
    overall.step(0, "codec", 1, 1)
    assert seen == [("semantic", 0.25, 2), ("semantic", 0.75, 2), ("semantic", 1.0, 2), ("coarse", 1.75, 2)]
