"""Whatever the engine and the command line write is marked, with the right key, and the tokens are what they were."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth import audio, mark_key, watermark
from synth.__main__ import main
from synth.device import plan
from synth.engine import BarkEngine, load_model, tokenized
from synth.live import live
from synth.mastering import finish, gain_of
from synth.pipeline import Model, Request, speak
from synth.protocol import Job
from synth.worker import WorkerOptions

KEY = bytes(range(32))
TEXT = "hello there, this is barkbot. the birds are singing and the sun is warm."
RATE = 24_000


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(plan("pup", "cpu", 1, "exact"))


@pytest.fixture(scope="module")
def engine(model) -> BarkEngine:
    return BarkEngine(model, seats=2, mark=KEY)


def test_every_file_of_a_job_is_marked_heard_or_not(engine, tmp_path):
    def job(name: str, **fields: object) -> Job:
        return Job(**{"id": "j", "text": TEXT, "voice": "pup_low", "path": str(tmp_path / name), "seed": 1, **fields})

    for each in (job("live.ogg", stream=True), job("whole.mp3", takes=2)):
        engine.tasks.run(lambda each=each: engine.render(each, lambda *_: None))
    for name in ("live.ogg", "whole.mp3", "whole-2.mp3"):
        sound, rate = soundfile.read(tmp_path / name)
        assert watermark.detect(sound, rate, KEY).found, name
    assert not watermark.detect(sound, rate, watermark.PUBLIC_KEY).found


def test_what_is_heard_is_the_same_but_for_the_mark(model):
    """The same seed with and without: as long, as loud, and 20 dB of difference."""
    request = Request(pieces=tokenized(model, "hello there.", "pup_low"), voice=model.voices.get("pup_low"), seed=1)
    speech = speak(model, request)
    waveforms = [piece.waveform for piece in speech.pieces]
    plain, marked = finish(waveforms, RATE), finish(waveforms, RATE, mark=KEY)
    assert len(plain) == len(marked)
    assert gain_of(marked.astype("f8"), RATE) == pytest.approx(1.0, abs=0.1)
    assert 20 * np.log10(plain.std() / (marked - plain).std()) > 18
    tags = audio.Tags(voice=None, seed=1, model="pup")
    parts = [list(live(model, request, tags, mark=mark)) for mark in (None, KEY)]
    assert parts[0][-1].seconds == parts[1][-1].seconds
    assert all(np.array_equal(parts[0][-1].tokens[name], kept) for name, kept in parts[1][-1].tokens.items())


def test_the_command_line_marks_with_the_public_key_or_the_one_it_is_given(tmp_path, monkeypatch):
    def said(name: str, *words: str) -> tuple[np.ndarray, int]:
        to = str(tmp_path / name)
        assert (
            main([TEXT, "--voice", "pup_low", "--seed", "1", "--device", "cpu", "--threads", "1", "-o", to, *words])
            == 0
        )
        return soundfile.read(to)

    assert watermark.detect(*said("a.wav"), watermark.PUBLIC_KEY).found
    key = mark_key.kept(tmp_path / "k")
    assert watermark.detect(*said("a.ogg", "--stream", "--watermark-key", str(tmp_path / "k")), key).found
    monkeypatch.setenv(mark_key.VARIABLE, KEY.hex())
    assert watermark.detect(*said("b.ogg"), KEY).found


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "watermark.key"
    key = mark_key.kept(path)
    assert (len(key), mark_key.kept(path), mark_key.read(path)) == (32, key, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert mark_key.kept(tmp_path / "other.key") != key
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other.key", "watermark.key"]


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 33, "é" * 64])
def test_a_key_that_is_none_is_refused_and_not_repeated(tmp_path: Path, content: str) -> None:
    (tmp_path / "k").write_text(content, "utf-8")
    with pytest.raises(mark_key.BadKey) as refused:
        mark_key.read(tmp_path / "k")
    assert str(tmp_path / "k") in str(refused.value)
    assert not content or content not in str(refused.value)


def test_a_key_that_cannot_be_read_or_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(mark_key.BadKey, match="cannot be written"):
        mark_key.kept(tmp_path / "no" / "watermark.key")
    assert main(["hello", "--watermark-key", str(tmp_path / "none"), "-o", str(tmp_path / "a.wav")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_the_key_is_never_shown() -> None:
    assert str(KEY) not in repr(WorkerOptions(watermark_key=KEY))
    assert KEY.hex() not in repr(WorkerOptions(watermark_key=KEY))
