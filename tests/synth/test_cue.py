"""The cue: gentle, the same everywhere, and in front of a clip that wants it, whole and while it is made."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile

import bot.flow
from synth import chain, credentials
from synth.cue import TONES, cue
from synth.engine import BarkEngine, load_engine
from synth.errors import ModelError
from synth.ogg import OggOpus
from synth.protocol import Job
from synth.worker import Heard, WorkerOptions


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_it_is_short_soft_and_without_clicks(rate: int) -> None:
    sound = cue(rate)
    assert 0.35 < len(sound) / rate < 0.5
    assert pyloudnorm.Meter(rate).integrated_loudness(sound.astype(float)) == pytest.approx(-20, abs=0.2)
    assert np.abs(sound[: rate // 1000]).max() < 0.001
    assert not sound[-rate // 20 :].any()
    for number, pitch in enumerate(TONES):
        part = sound[round(number * 0.18 * rate) : round((number + 1) * 0.18 * rate)]
        found = np.argmax(np.abs(np.fft.rfft(part, rate)))
        assert found == pytest.approx(pitch, abs=4)


def test_what_the_bot_plays_in_voice_channels_is_it() -> None:
    data = (Path(bot.flow.__file__).parent / "cue.ogg").read_bytes()
    sound, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert np.corrcoef(sound[: len(cue(rate))], cue(rate)[: len(sound)])[0, 1] > 0.99
    packets = OggOpus().push(data)
    assert {packet.samples for packet in packets} == {960}


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> tuple[Path, Path]:
    return chain.prepare(tmp_path_factory.mktemp("c2pa"), datetime.datetime.now(datetime.UTC))


@pytest.fixture(scope="module")
def engine(papers) -> BarkEngine:
    certificate, key = map(str, papers)
    options = WorkerOptions(model="pup", device="cpu", threads=1, certificate=certificate, key=key)
    return load_engine(options, lambda _what, _fraction: None)


def rendered(engine: BarkEngine, path: Path, heard: Heard = lambda *_: None, **fields: Any) -> tuple[np.ndarray, int]:
    job = Job(**{"id": "j", "text": "hello there", "path": str(path), "seed": 3, **fields})
    seconds = engine.tasks.run(lambda: engine.render(job, lambda *_: None, heard))
    sound, rate = soundfile.read(path, dtype="float32")
    assert seconds == pytest.approx(len(sound) / rate, abs=0.03)
    return sound, rate


def test_a_clip_that_wants_it_begins_with_it(engine, tmp_path):
    plain, rate = rendered(engine, tmp_path / "a.flac")
    cued, _ = rendered(engine, tmp_path / "b.flac", cue=True)
    tones = cue(rate)
    assert len(cued) == len(tones) + len(plain)
    assert np.corrcoef(cued[: len(tones)], tones)[0, 1] > 0.99
    assert np.abs(cued[len(tones) :] - plain).max() < 1e-3


def test_so_does_one_that_is_heard_while_it_is_made(engine, tmp_path):
    plain, rate = rendered(engine, tmp_path / "a.ogg", stream=True)
    told: list[float] = []
    cued, _ = rendered(engine, tmp_path / "b.ogg", lambda _, seconds: told.append(seconds), cue=True, stream=True)
    tones = cue(rate)
    with soundfile.SoundFile(tmp_path / "b.ogg") as file:
        assert "digitalSourceType=trainedAlgorithmicMedia" in file.copy_metadata()["comment"]
    assert told
    assert np.corrcoef(cued[: len(tones)], tones)[0, 1] > 0.95
    assert len(cued) == pytest.approx(len(tones) + len(plain), abs=rate // 50)


def test_what_the_engine_writes_is_signed_with_the_operators_certificate(engine, papers, tmp_path):
    rendered(engine, tmp_path / "a.mp3")
    credential = credentials.read((tmp_path / "a.mp3").read_bytes(), ".mp3", papers[0].read_bytes())
    assert credential is not None
    assert credential.own


def test_an_engine_whose_key_does_not_serve_does_not_start(papers, tmp_path):
    options = WorkerOptions(model="pup", device="cpu", certificate=str(papers[0]), key=str(tmp_path / "none"))
    with pytest.raises(ModelError, match="cannot be read"):
        load_engine(options, lambda _what, _fraction: None)
