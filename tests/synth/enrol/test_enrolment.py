"""Recordings by way of the engine: what the miniature says in one of its voices is heard, and becomes a voice of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth.checkpoint import load
from synth.engine import BarkEngine, tokenized
from synth.enrol.enrolment import Enrolment, find
from synth.enrol.sources import Sources
from synth.errors import NoMaker, NoRecogniser, NoSpeech, Stopped
from synth.mastering import finish
from synth.pipeline import Model, Request, speak
from synth.protocol import Hear, MakeVoice
from synth.pup import measures
from synth.pup.ear import RATE as EAR_RATE
from synth.pup.ear import Ear, path_of, sounds, spectra
from synth.pup.recogniser import word_errors
from synth.pup.tokens import PAUSE, Alphabet
from synth.voices import Voice
from tests.synth.enrol.recordings import ogg, recording

NOWHERE = Sources(hubert="owner/none", quantizer="owner/none/q.pth", recogniser="owner/none")
OFF = Sources(hubert="", quantizer="", recogniser="")
SENTENCE = "the old man gave the little dog a piece of bread, and it was happy."
OTHER = "we will see you in the morning."
RATE = 24_000
Say = Callable[[str, Voice | None], np.ndarray]


@pytest.fixture(scope="module")
def pup() -> Model:
    return load("pup")


@pytest.fixture(scope="module")
def say(pup: Model) -> Say:
    """The miniature's speech as listeners get it, (n,)."""

    def speech(text: str, voice: Voice | None) -> np.ndarray:
        pieces = speak(pup, Request(pieces=tokenized(pup, text, None), voice=voice, seed=3)).pieces
        return finish([piece.waveform for piece in pieces], pup.codec.sampling_rate)

    return speech


@pytest.fixture(scope="module")
def enrolment() -> Enrolment:
    return find("pup", NOWHERE)


@pytest.fixture(scope="module")
def clips(say: Say, pup: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A voice message of two of the voices."""
    folder = tmp_path_factory.mktemp("clips")
    made = {name: folder / f"{name}.ogg" for name in ("pup_deep", "pup_high")}
    for name, path in made.items():
        path.write_bytes(ogg(say(SENTENCE, pup.voices.get(name)), RATE))
    return made


def breathe() -> None:
    """Nobody else has anything to do."""


def test_what_is_said_is_heard_with_how_good_the_recording_is(enrolment, clips):
    heard = enrolment.hear(Hear(id="h", path=str(clips["pup_high"])), breathe)
    assert heard.job == "h"
    assert heard.seconds == pytest.approx(soundfile.info(clips["pup_high"]).duration, abs=0.05)
    assert word_errors(SENTENCE, heard.text) < len(SENTENCE.split()) * 0.7  # other words altogether: all of them
    assert heard.level["speech"] > 0.5
    assert heard.level["clipped"] < 0.001
    assert heard.level["snr_db"] > 10


def test_a_clip_becomes_a_voice_that_speaks_other_words_at_its_own_pitch(enrolment, clips, say, pup, tmp_path):
    """The two voices are two octaves apart at most, and a made one must not be in the middle."""
    pitches = {}
    for name, path in clips.items():
        made = enrolment.make_voice(MakeVoice(id="m", path=str(path), out=str(tmp_path / f"{name}.npz")), breathe)
        assert 2 < made.seconds <= 7
        voice = pup.voices.get_file(Path(made.out))
        source = measures.pitch(soundfile.read(path)[0], RATE)
        pitches[name] = (source, measures.pitch(say(OTHER, voice), RATE))
    (deep, deep_again), (high, high_again) = pitches["pup_deep"], pitches["pup_high"]
    assert abs(np.log2(deep_again / deep)) < abs(np.log2(deep_again / high))
    assert abs(np.log2(high_again / high)) < abs(np.log2(high_again / deep))


def test_the_ear_writes_down_what_the_miniature_meant(pup):
    piece = speak(pup, Request(pieces=tokenized(pup, SENTENCE, None), voice=pup.voices.get("pup_low"), seed=5)).pieces[
        0
    ]
    from synth.checkpoint import find as model  # noqa: PLC0415 -- another find
    from synth.mastering import resampled  # noqa: PLC0415
    from synth.pup.corpus import read_alphabet  # noqa: PLC0415

    folder = model("pup").folder
    alphabet = read_alphabet(folder)
    heard = Ear.load(folder).read(resampled(piece.waveform, RATE, EAR_RATE).astype(np.float32))
    meant = piece.semantic
    assert len(heard) == len(meant)
    assert heard.max() < alphabet.size
    right = np.mean(np.array(alphabet.by_frame(heard)) == np.array(alphabet.by_frame(meant)))
    assert right > 0.6  # by chance, a twentieth


def test_where_nobody_speaks_nothing_is_heard_and_no_voice_made(enrolment, tmp_path):
    path = tmp_path / "silence.ogg"
    path.write_bytes(ogg(recording([(4, 0)])))
    with pytest.raises(NoSpeech):
        enrolment.hear(Hear(id="h", path=str(path)), breathe)
    with pytest.raises(NoSpeech):
        enrolment.make_voice(MakeVoice(id="m", path=str(path), out=str(tmp_path / "v.npz")), breathe)
    assert [found.name for found in tmp_path.iterdir()] == ["silence.ogg"]


def test_what_is_off_says_so(tmp_path):
    nothing = find("pup", OFF)
    assert not nothing.whole
    with pytest.raises(NoRecogniser, match="barkbot download voices"):
        nothing.hear(Hear(id="h", path="/nowhere"), breathe)
    with pytest.raises(NoMaker, match="barkbot download voices"):
        nothing.make_voice(MakeVoice(id="m", path="/nowhere", out=str(tmp_path / "v.npz")), breathe)


def test_a_bark_without_an_ear_needs_all_three_networks(tmp_path):
    """Folders stand for them: what is in them is looked at when they are loaded."""
    folder = tmp_path / "bark"
    folder.mkdir()
    for name in ("hubert", "whisper"):
        (tmp_path / name).mkdir()
    (tmp_path / "q.pth").touch()
    whole = Sources(
        hubert=str(tmp_path / "hubert"), quantizer=str(tmp_path / "q.pth"), recogniser=str(tmp_path / "whisper")
    )
    assert find(str(folder), whole, cache=tmp_path).whole
    for part in ("hubert", "quantizer", "recogniser"):
        assert not find(str(folder), dataclasses.replace(whole, **{part: ""}), cache=tmp_path).whole
    assert not find(str(folder), NOWHERE, cache=tmp_path).whole


def test_others_have_their_turns_while_a_recording_is_heard_and_it_can_be_stopped(pup, enrolment, clips):
    engine = BarkEngine(pup, seats=1, enrolment=enrolment)
    assert engine.enrols
    steps: list[str] = []
    hearing = engine.tasks.start(
        lambda: engine.hear(Hear(id="h", path=str(clips["pup_high"])), lambda stage, *_: steps.append(stage))
    )
    turns = 0
    while engine.tasks.busy and turns < 3:
        engine.tasks.turn()
        turns += 1
    assert not hearing.done
    assert set(steps) == {"listening"}
    engine.tasks.cancel(hearing)
    while engine.tasks.busy:
        engine.tasks.turn()
    assert isinstance(hearing.error, Stopped)


class TestEar:
    ALPHABET = Alphabet(["a", "b", PAUSE])

    def test_a_moment_s_doubt_is_no_change_of_phoneme(self):
        likely = np.full((9, 3), -5.0, np.float32)
        likely[:4, 0] = likely[5:, 1] = 0.0
        likely[2] = [-1.0, -0.5, -5.0]
        assert path_of(likely).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1] or path_of(likely).tolist() == [0] * 4 + [1] * 5

    def test_phonemes_and_beginnings_of_words_become_sounds(self):
        path = np.array([2, 2, 0, 0, 0, 0, 1, 1, 1, 1])
        beginning = np.full(10, -1.0, np.float32)
        beginning[2] = beginning[6] = beginning[7] = 1.0
        found = sounds(path, beginning, self.ALPHABET)
        assert [(sound.phone, sound.frames, sound.word) for sound in found] == [
            (PAUSE, 2, None),
            ("a", 4, 0),
            ("b", 4, 1),
        ]

    def test_neither_loudness_nor_microphone_is_heard(self):
        samples = recording([(1, 0.2), (0.2, 0), (1, 0.3)], rate=EAR_RATE, room=0.01)
        assert spectra(samples).shape == (40, len(samples) // 320)
        assert np.abs(spectra(samples) - spectra(samples * 2)).max() < 0.01

    def test_every_length_has_its_frames(self):
        for length in (320, 321, 639, 640, 16_000):
            assert spectra(np.zeros(length, np.float32)).shape[1] == length // 320
