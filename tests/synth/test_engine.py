"""A job through the shipped model in this process: text in, tagged file out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soundfile
import torch

from synth.device import plan
from synth.engine import load_engine, load_model, tokenized
from synth.errors import BadVoice, EmptyText, Stopped, UnknownVoice
from synth.protocol import Job, Line
from synth.voices import KEYS
from synth.worker import WorkerOptions


@pytest.fixture(scope="module")
def engine():
    return load_engine(WorkerOptions(model="pup", device="cpu", threads=1), lambda _what, _fraction: None)


def test_the_precision_reaches_the_networks():
    """With 8 bits the logits are near the exact ones, and others."""
    logits = []
    for precision in ("exact", "int8"):
        network = load_model(plan("pup", "cpu", 1, precision)).coarse
        with torch.inference_mode():
            hidden = network.prefill(network.embed(torch.arange(20)[None]), network.new_cache())
            logits.append(network.logits(hidden, 0, 500))
    assert 0 < (logits[1] - logits[0]).std() < 0.05 * logits[0].std()


def job(folder, **fields):
    return Job(**{"id": "j", "text": "hello there", "path": str(folder / "j.ogg"), "seed": 3, **fields})


def render(engine, job, watch):
    return engine.tasks.run(lambda: engine.render(job, watch))


def watch(_stage: str, _done: float, _total: float) -> None:
    """A listener that lets everything pass."""


def test_the_file_holds_the_speech_and_says_how_it_was_made(engine, tmp_path):
    seconds = render(engine, job(tmp_path, voice=engine.voices[0]), watch)
    with soundfile.SoundFile(tmp_path / "j.ogg") as file:
        assert seconds == pytest.approx(file.frames / file.samplerate, abs=0.021)
        assert f"voice={engine.voices[0]}; seed=3" in file.copy_metadata()["comment"]
        assert "hello" not in str(file.copy_metadata())  # the prompt stays private


def test_the_same_seed_gives_the_same_file_and_another_one_another(engine, tmp_path):
    files = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        path = tmp_path / f"{name}.wav"
        render(engine, job(tmp_path, path=str(path), seed=seed), watch)
        files.append(soundfile.read(path)[0].tobytes())
    assert files[0] == files[1] != files[2]


def test_a_long_text_becomes_pieces_that_the_model_can_take(engine):
    spec = engine._model.semantic_spec
    ids = tokenized(engine._model, "This is one more sentence. " * 40, None)
    assert len(ids) > 1
    assert all(0 < len(piece) <= spec.max_input_semantic_length for piece in ids)


def test_a_model_of_very_short_speech_still_gets_a_short_text_in_one_piece(engine):
    """As the reference does: how fast such a miniature speaks is not known."""
    spec = dataclasses.replace(engine._model.semantic_spec, max_new_tokens=10)
    model = dataclasses.replace(engine._model, semantic_spec=spec)
    assert len(tokenized(model, "This is one short sentence, no more.", None)) == 1
    assert len(tokenized(model, "This is one short sentence, no more. " * 4, None)) > 1


def test_a_kept_voice_that_was_exchanged_on_the_disk_is_refused(engine, tmp_path):
    """For a bomb, for pickled objects, for a voice of another model, for nothing: and the next job is served."""
    bomb, objects, other = (tmp_path / f"{name}.npz" for name in ("bomb", "objects", "other"))
    np.savez_compressed(bomb, semantic_prompt=np.zeros(1 << 22, np.int64), coarse_prompt=[0], fine_prompt=[0])
    np.savez(objects, **{key: np.array([{}], dtype=object) for key in KEYS})
    np.savez(
        other, semantic_prompt=np.arange(20), coarse_prompt=np.zeros((3, 30), int), fine_prompt=np.zeros((9, 30), int)
    )
    assert bomb.stat().st_size < 100_000
    for path in (bomb, objects, other, tmp_path / "absent.npz", tmp_path):
        with pytest.raises(BadVoice):
            render(engine, job(tmp_path, voice="x", voice_files={"x": str(path)}), watch)
    assert render(engine, job(tmp_path, text="yes", voice=engine.voices[0]), watch) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.npz", "j.ogg", "objects.npz", "other.npz"]


def test_nothing_is_written_where_there_is_nothing_to_say_or_nobody_to_say_it(engine, tmp_path):
    with pytest.raises(EmptyText):
        render(engine, job(tmp_path, text=" \n"), watch)
    with pytest.raises(UnknownVoice):
        render(engine, job(tmp_path, voice="nobody"), watch)
    assert list(tmp_path.iterdir()) == []


def test_a_listener_can_stop_it_at_any_stage(engine, tmp_path):
    for stage in ("semantic", "coarse", "fine", "codec"):

        def stop(now: str, _done: float, _total: float, stage: str = stage) -> None:
            if now == stage:
                raise Stopped

        with pytest.raises(Stopped):
            render(engine, job(tmp_path), stop)
    assert list(tmp_path.iterdir()) == []


def test_takes_are_what_their_seeds_give_alone_and_lie_side_by_side(engine, tmp_path):
    seconds = render(engine, job(tmp_path, path=str(tmp_path / "t.wav"), takes=2, seed=3), watch)
    takes = [soundfile.read(tmp_path / name)[0] for name in ("t.wav", "t-2.wav")]
    assert seconds == pytest.approx(sum(map(len, takes)) / 24_000)
    for number, take in enumerate(takes):
        render(engine, job(tmp_path, path=str(tmp_path / "one.wav"), seed=3 + number), watch)
        np.testing.assert_allclose(take, soundfile.read(tmp_path / "one.wav")[0], atol=1e-3)


def test_lines_have_voices_of_their_own_and_the_file_names_them_all(engine, tmp_path):
    low, high = engine.voices[:2]
    lines = (Line(text="hello there", voice=low), Line(text="good day", voice=high))
    seconds = render(engine, job(tmp_path, text="hello there good day", lines=lines), watch)
    alone = [
        render(engine, job(tmp_path, text=line.text, voice=line.voice, path=str(tmp_path / "x.ogg")), watch)
        for line in lines
    ]
    assert seconds == pytest.approx(sum(alone) + 0.5, abs=0.3)  # the second line's noise is that of a second piece
    with soundfile.SoundFile(tmp_path / "j.ogg") as file:
        assert f"voice={low}, {high};" in file.copy_metadata()["comment"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_generated_is_kept_beside_the_audio_and_is_a_voice(engine, tmp_path, stream):
    render(engine, job(tmp_path, voice=engine.voices[0], tokens=True, stream=stream), watch)
    voice = engine._model.voices.get_file(tmp_path / "j.npz")
    assert voice.fine_prompt.shape[1] > 20


def test_nothing_is_left_of_takes_of_which_one_is_stopped(engine, tmp_path):
    def stop(_stage: str, done: float, total: float) -> None:
        if done / total > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        render(engine, job(tmp_path, takes=3), stop)
    assert list(tmp_path.iterdir()) == []
    assert not engine.tasks.busy


def test_a_voice_may_be_a_file(engine, tmp_path):
    """The tokens of one of the model's voices, written as an .npz, speak as that voice does."""
    name = engine.voices[1]
    voice, file = engine._model.voices.get(name), tmp_path / "7.npz"
    np.savez(file, **{key: getattr(voice, key) for key in ("semantic_prompt", "coarse_prompt", "fine_prompt")})
    files = {"Grandpa": str(file)}
    wanted, heard = tmp_path / "wanted.wav", tmp_path / "heard.wav"
    render(engine, job(tmp_path, path=str(wanted), voice=name), watch)
    render(engine, job(tmp_path, path=str(heard), voice="Grandpa", voice_files=files), watch)
    assert soundfile.read(wanted)[0].tobytes() == soundfile.read(heard)[0].tobytes()
    file.unlink()
    with pytest.raises(UnknownVoice):
        render(engine, job(tmp_path, voice="Grandpa", voice_files=files), watch)
    with pytest.raises(UnknownVoice):
        render(engine, job(tmp_path, voice="Grandpa"), watch)
