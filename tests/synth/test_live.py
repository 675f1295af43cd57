"""A request into the bytes of its file while it is made: near the whole's sound, within its limits, and stopped cleanly."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import soundfile
import torch

from synth import audio, checkpoint
from synth.bark import Model, Request
from synth.engine import load_engine, tokenized
from synth.errors import JobError, Stopped
from synth.live import Part, bits_for, can_be_live, live
from synth.mastering import finish, gain_of
from synth.pipeline import speak
from synth.protocol import Job
from synth.worker import WorkerOptions
from tests.synth import oracle
from tests.synth.test_pipeline import SHAPE

TAGS = audio.Tags(voice=None, seed=1, model="pup")


@pytest.fixture(scope="module")
def pup() -> Model:
    torch.set_num_threads(1)
    return checkpoint.load("pup")


def request(model: Model, text: str = "hello there, this is barkbot.", voice: str | None = "pup_low") -> Request:
    return Request(pieces=tokenized(model, text, voice), voice=model.voices.get(voice) if voice else None, seed=1)


def decoded(parts: list[Part]) -> np.ndarray:
    samples, _ = soundfile.read(io.BytesIO(b"".join(part.data for part in parts)), dtype="float32")
    return samples


def loudness(waveform: np.ndarray, rate: int) -> float:
    return -20 * np.log10(gain_of(waveform.astype("f8"), rate))


def test_it_is_as_long_and_as_loud_as_the_whole_and_says_how_long(pup):
    """Two sentences, so two pieces and the gap between them."""
    one = dataclasses.replace(request(pup), pieces=[*request(pup).pieces, *request(pup, "yes.").pieces])
    speech = speak(pup, one)
    parts, rate = list(live(pup, one, TAGS)), speech.sample_rate
    whole, heard = finish([piece.waveform for piece in speech.pieces], rate), decoded(parts)
    assert len(speech.pieces) == 2
    assert len(heard) / rate == pytest.approx(len(whole) / rate, abs=0.1)
    assert loudness(heard, rate) == pytest.approx(loudness(whole, rate), abs=2.0)
    assert [part.tokens is None for part in parts] == [True] * (len(parts) - 1) + [False]
    assert np.array_equal(parts[-1].tokens["semantic_prompt"], speech.tokens()["semantic_prompt"])
    seconds = [part.seconds for part in parts]
    assert seconds == sorted(seconds)
    assert seconds[-1] == len(heard) / rate


def test_bits_are_chosen_so_that_the_longest_speech_fits(pup):
    one = dataclasses.replace(request(pup), max_seconds=10.0)
    assert bits_for(pup, one, None) == audio.SPEECH_BITS
    choices = [bits_for(pup, one, size) for size in (10**6, 80_000, 40_000, 20_000, 1)]
    assert choices == [64_000, 48_000, 24_000, 10_000, 10_000]


def test_a_small_limit_is_kept_or_told(pup):
    parts = list(live(pup, request(pup), TAGS, max_bytes=20_000))
    assert sum(len(part.data) for part in parts) <= 20_000
    with pytest.raises(audio.TooLarge, match="2000 bytes"):
        list(live(pup, request(pup), TAGS, max_bytes=2_000))


def test_a_rate_that_opus_has_not_is_told(pup):
    odd = oracle.build(SHAPE)[1]
    assert can_be_live(pup)
    assert not can_be_live(odd)
    with pytest.raises(JobError, match=f"no rate of {odd.codec.sampling_rate} Hz"):
        next(live(odd, request(pup), TAGS))


@pytest.fixture(scope="module")
def engine():
    return load_engine(WorkerOptions(model="pup", device="cpu", threads=1), lambda _what, _fraction: None)


def job(folder, **fields):
    return Job(**{"id": "j", "text": "hello there", "path": str(folder / "j.ogg"), "seed": 3, "stream": True, **fields})


def nothing(*_: object) -> None:
    pass


def test_the_same_job_gives_the_same_sound_alone_and_in_company(engine, tmp_path):
    engine.tasks.run(lambda: engine.render(job(tmp_path, path=str(tmp_path / "alone.ogg")), nothing))
    tasks = [
        engine.tasks.start(
            lambda n=n: engine.render(job(tmp_path, seed=n, path=str(tmp_path / f"{n}.ogg")), nothing, nothing)
        )
        for n in (3, 4)
    ]
    while engine.tasks.busy:
        engine.tasks.turn()
    assert [task.result() > 0.3 for task in tasks] == [True, True]
    alone, company = soundfile.read(tmp_path / "alone.ogg")[0], soundfile.read(tmp_path / "3.ogg")[0]
    np.testing.assert_allclose(alone, company, atol=1e-3)


@pytest.mark.parametrize("when", ["first", "second"])
def test_a_listener_can_stop_it_between_two_parts_and_the_file_goes(engine, tmp_path, when):
    told = []

    def heard(size: int, seconds: float) -> None:
        told.append((size, seconds))
        if len(told) == (1 if when == "first" else 2):
            raise Stopped

    with pytest.raises(Stopped):
        engine.tasks.run(lambda: engine.render(job(tmp_path), nothing, heard))
    assert list(tmp_path.iterdir()) == []
    assert engine.tasks._free == engine.tasks.seats


def test_a_format_that_cannot_grow_is_made_whole(engine, tmp_path):
    told = []
    engine.tasks.run(
        lambda: engine.render(job(tmp_path, path=str(tmp_path / "j.wav")), nothing, lambda *now: told.append(now))
    )
    assert told == []
    assert soundfile.info(tmp_path / "j.wav").frames > 1000
