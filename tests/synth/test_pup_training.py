"""The training of the miniature, tiny and whole: every stage learns, stops and goes on, and its result is a Bark."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import torch
from safetensors import safe_open

from synth import coarse as engine_coarse
from synth import semantic as engine_semantic
from synth.checkpoint import load
from synth.config import specs_from
from synth.engine import tokenized
from synth.pipeline import Model, Request, Speech, speak
from synth.pup import quantiser
from synth.pup.analysis import BANDS, HOP, analyse, features, revocode
from synth.pup.cast import CAST, pitch_track
from synth.pup.corpus import SPEECH, make_corpus, read_shard, shard_path
from synth.pup.export import generation_config
from synth.pup.files import Deadline, write_whole
from synth.pup.measures import pitch
from synth.pup.phrases import Writer
from synth.pup.sentences import HELD_OUT, is_held_out
from synth.pup.teacher import LIBRARY, SAMPLE_RATE, Espeak, NoTeacher
from synth.pup.tokens import MARKS, TAIL, Alphabet, Sound, sounds_of
from synth.pup.train.coarse import window
from synth.pup.train.loop import State, checkpoint_path, optimizers_of, rate_at, read_state, read_weights, train
from synth.pup.train.trunk import causal, fine, hidden_states
from synth.pup.training import NETWORKS, STAGES, NotReady, OtherRecipe, Workshop, scaled
from tests.synth import theirs
from tests.synth.tone_teacher import LETTER, TINY, ToneTeacher

FOREVER = Deadline(None)
TEXT = "the cat sat"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A whole training, from the corpus to the report."""
    made = Workshop(folder=tmp_path_factory.mktemp("pup"), recipe=TINY, make_teacher=ToneTeacher)
    made.open()
    assert all(made.run(stage, FOREVER) for stage in STAGES)
    return made


@pytest.fixture(scope="module")
def pup(workshop: Workshop) -> Model:
    return load(str(workshop.model))


def steps(count: int) -> Deadline:
    """Over when it was asked `count` times more: after that many steps."""
    asked = iter(range(count + 2))  # made at 0, over at the end
    return Deadline(count + 1, clock=lambda: float(next(asked)))


# -- the teacher


def test_a_machine_without_the_teacher_is_told_what_to_install() -> None:
    with pytest.raises(NoTeacher, match="apt install libespeak-ng1"):
        Espeak("libno-such-teacher.so.1")


def test_the_real_teacher_places_its_phonemes_and_words() -> None:
    """A second sentence's words are found too."""
    try:
        teacher = Espeak()
    except NoTeacher as missing:
        pytest.skip(f"{LIBRARY} is not here, and only training needs it: {missing}")
    text = "an old house. yes, he will come."
    teacher.say(text)  # its first pause is shorter than all later ones
    spoken = teacher.say(text)
    assert len(spoken.waveform) == pytest.approx(spoken.seconds * SAMPLE_RATE, abs=2)
    assert teacher.say(text, audio=False).phones == spoken.phones
    starts = [phone.start for phone in spoken.phones]
    assert starts == sorted(starts)
    words = [sound.word for sound in sounds_of(text, spoken) if sound.word is not None]
    assert words == list(range(7))
    joined = [sound.word for sound in sounds_of("in the house", teacher.say("in the house")) if sound.word is not None]
    assert joined == [0, 2]  # it says some pairs as one word, which then has one mark


# -- semantic tokens


@pytest.fixture(scope="module")
def alphabet() -> Alphabet:
    return Alphabet(["_", *"abcdefghijklmnopqrstuvwxyz"])


def test_tokens_say_which_phoneme_sounds_in_every_frame(alphabet: Alphabet) -> None:
    """Also around word marks, in sounds of one frame, and in those longer than a countdown."""
    random = np.random.default_rng(5)
    lengths = random.integers(1, 30, size=200)
    sounds = [
        Sound(phone="abcdefgh"[index % 8], frames=int(length), word=index // 3 if index % 3 == 0 else None)
        for index, length in enumerate(lengths)
    ]
    tokens = alphabet.encode(sounds)
    spelt = [sound.phone for sound in sounds for _ in range(sound.frames)]
    single = {  # a word's first sound of one frame behind another that the mark could not go to
        sum(lengths[:index]) for index, sound in enumerate(sounds) if sound.frames == 1 and sound.word is not None
    }
    wrong = [
        place
        for place, (ours, theirs) in enumerate(zip(alphabet.by_frame(tokens), spelt, strict=True))
        if ours != theirs
    ]
    assert set(wrong) <= single
    assert len(wrong) < 3
    assert (tokens < MARKS).sum() == sum(sound.word is not None for sound in sounds)


def test_what_was_spoken_is_on_the_grid_with_its_words(alphabet: Alphabet) -> None:
    sounds = sounds_of(TEXT, ToneTeacher().say(TEXT))
    assert [sound.phone for sound in sounds] == [*"the_cat_sat_"]
    assert [(sound.phone, sound.word) for sound in sounds if sound.word is not None] == [("t", 0), ("c", 1), ("s", 2)]
    frames = sum(sound.frames for sound in sounds[:-1])
    assert frames == pytest.approx(len(TEXT) * LETTER * 50, abs=1)
    assert sounds[-1].frames in (TAIL, TAIL + 1)
    assert len(alphabet.encode(sounds)) % 2 == 0


def test_choices_are_what_the_token_before_leaves_open(alphabet: Alphabet) -> None:
    tokens = alphabet.encode([Sound(phone="a", frames=4, word=0), Sound(phone="b", frames=3)])
    assert alphabet.is_choice(tokens).tolist() == [True, True, False, False, True, False, False]


def test_training_texts_fit_and_hold_no_sentence_of_the_evaluation() -> None:
    random, writer = np.random.default_rng(0), Writer()
    texts = [writer.text(random) for _ in range(500)]
    assert not any(is_held_out(text) for text in texts)
    assert is_held_out(HELD_OUT[0])
    assert all(set(text) <= set("abcdefghijklmnopqrstuvwxyz',.?! ") for text in texts)
    assert sum(text.count(". ") + text.count("! ") + text.count("? ") for text in texts) > 100


# -- frames and voices


@pytest.mark.parametrize("multiple", [1, 2, 3, 4])
def test_revocoded_speech_has_the_pitch_it_was_given(multiple: int) -> None:
    envelope = np.linspace(-2, -6, BANDS, dtype=np.float32)[None].repeat(60, 0)
    latents = features(envelope, np.ones(60, np.float32), np.full(60, multiple, np.float32))
    waveform = revocode(latents)
    assert len(waveform) == 60 * HOP
    assert pitch(waveform, SAMPLE_RATE) == pytest.approx(75 * multiple, rel=0.02)


def test_analysis_of_revocoded_speech_finds_its_envelope_again() -> None:
    centres = np.linspace(0, 3, BANDS)
    envelope = (-4 + np.cos(2 * centres) - centres)[None].repeat(60, 0).astype(np.float32)
    latents = features(envelope, np.ones(60, np.float32), np.full(60, 2, np.float32))
    found, voicing = analyse(revocode(latents))
    assert np.abs(found - envelope)[5:-5, 4:-4].mean() < 0.8
    assert voicing[5:-5].min() > 0.9


def test_the_lively_voice_moves_and_the_others_fall_at_the_end_only(alphabet: Alphabet) -> None:
    tokens = alphabet.encode([Sound(phone="a", frames=10, word=word) for word in range(6)])
    tracks = {voice.name: pitch_track(voice, tokens) for voice in CAST}
    assert all(len(track) == len(tokens) * 3 // 2 for track in tracks.values())
    inner = {name: track[: len(track) // 2] for name, track in tracks.items()}
    assert {name for name, track in inner.items() if np.ptp(track) > 0} == {"pup_lively"}
    assert all(track[-1] < track[0] for track in tracks.values()), "the last word falls"


def test_every_codebook_leaves_less_than_the_one_before() -> None:
    rows = torch.randn(600, 8, generator=torch.Generator().manual_seed(0))
    codebooks = quantiser.fit(rows, codebooks=5, size=32, seed=1)
    left = quantiser.unexplained(rows, codebooks)
    assert all(after < before for before, after in itertools.pairwise(left))
    assert left[-1] < 0.2
    assert torch.equal(quantiser.fit(rows, codebooks=5, size=32, seed=1), codebooks)


# -- training


@pytest.mark.parametrize("stage", NETWORKS)
def test_the_loss_falls(workshop: Workshop, stage: str) -> None:
    state = read_state(workshop.checkpoints, stage)
    assert state.step == len(state.losses) == workshop.plan(stage).steps
    assert np.mean(state.losses[-5:]) < 0.9 * np.mean(state.losses[:5])
    assert state.validations[-1]["loss"] < state.validations[0]["loss"] * 1.05


@pytest.mark.parametrize("stage", ["semantic", "decoder"])
def test_a_stage_that_was_stopped_twice_is_the_same_as_one_that_was_not(
    workshop: Workshop, stage: str, tmp_path: Path
) -> None:
    """Losses, validations and weights, to the last bit."""
    plan, seed = workshop.plan(stage), TINY.seed
    for count in (7, 11):
        assert not train(workshop.task(stage), plan, folder=tmp_path, seed=seed, deadline=steps(count))
    assert read_state(tmp_path, stage).step == 18
    assert train(workshop.task(stage), plan, folder=tmp_path, seed=seed, deadline=FOREVER)
    unbroken, broken = read_state(workshop.checkpoints, stage), read_state(tmp_path, stage)
    assert broken.losses == unbroken.losses
    assert broken.validations == unbroken.validations
    weights = read_weights(workshop.checkpoints, stage)
    assert all(torch.equal(value, weights[name]) for name, value in read_weights(tmp_path, stage).items())


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from synth.pup.files import Deadline
from synth.pup.train.loop import train
from synth.pup.training import Workshop
from tests.synth.tone_teacher import TINY, ToneTeacher
torch.set_num_threads(1)
workshop = Workshop(folder=Path(sys.argv[1]), recipe=TINY, make_teacher=ToneTeacher)
task = workshop.task("fine")
inner, calls = task.loss, []
def loss(random, progress):
    calls.append(progress)
    if len(calls) == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return inner(random, progress)
task.loss = loss
train(task, TINY.fine_plan, folder=Path(sys.argv[2]), seed=TINY.seed, deadline=Deadline(None), save_every=0)
"""


def test_a_training_killed_in_the_middle_of_a_step_goes_on_as_if_it_had_not_been(
    workshop: Workshop, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(workshop.folder), str(tmp_path)]
    child = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, capture_output=True, timeout=60)
    assert child.returncode == -9, child.stderr.decode()
    assert read_state(tmp_path, "fine").step == 8
    assert train(workshop.task("fine"), TINY.fine_plan, folder=tmp_path, seed=TINY.seed, deadline=FOREVER)
    assert read_state(tmp_path, "fine").losses == read_state(workshop.checkpoints, "fine").losses


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write_whole(path, lambda file: file.write(b"old"))

    def fail(file: IO[bytes]) -> None:
        file.write(b"half of the n")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"


def test_a_corpus_stopped_between_two_shards_is_the_same_corpus(workshop: Workshop, tmp_path: Path) -> None:
    other = Workshop(folder=tmp_path, recipe=TINY, make_teacher=ToneTeacher)
    assert not other.run("corpus", steps(2))
    assert other.run("corpus", FOREVER)
    for shard in sorted((workshop.folder / "corpus").glob("*.npz")):
        with np.load(shard) as ours, np.load(tmp_path / "corpus" / shard.name) as theirs:
            assert all(np.array_equal(ours[name], theirs[name]) for name in ours.files)


def test_a_real_corpus_made_in_pieces_is_the_same_to_the_sample(tmp_path: Path) -> None:
    """Although the teacher's sound depends on what it said before."""
    try:
        Espeak()
    except NoTeacher as missing:
        pytest.skip(f"{LIBRARY} is not here, and only training needs it: {missing}")
    small = dataclasses.replace(TINY, text_shards=1, text_shard=2, speech_shard=2, survey=5, longest=400)
    for folder, deadlines in ((tmp_path / "whole", [FOREVER]), (tmp_path / "pieces", [steps(1), steps(1), FOREVER])):
        done = [make_corpus(folder, small, Espeak, deadline) for deadline in deadlines]
        assert done == [deadline is FOREVER for deadline in deadlines]
    for number in (0, 1):
        whole, pieces = (read_shard(shard_path(tmp_path / name, SPEECH, number)) for name in ("whole", "pieces"))
        for ours, other in zip(whole, pieces, strict=True):
            assert ours.text == other.text
            assert np.array_equal(ours.waveform, other.waveform)


def test_an_utterance_has_three_frames_for_two_tokens(workshop: Workshop) -> None:
    for one in read_shard(shard_path(workshop.folder / "corpus", SPEECH, 1)):
        assert len(one.voicing) * 2 == len(one.semantic) * 3
        assert len(one.waveform) == len(one.voicing) * HOP


def test_a_stage_before_its_time_names_the_one_it_waits_for(tmp_path: Path) -> None:
    empty = Workshop(folder=tmp_path, recipe=TINY, make_teacher=ToneTeacher)
    with pytest.raises(NotReady, match="corpus first"):
        empty.run("coarse", FOREVER)


def test_a_folder_of_another_recipe_is_refused(workshop: Workshop) -> None:
    with pytest.raises(OtherRecipe, match="other settings"):
        Workshop(folder=workshop.folder, recipe=dataclasses.replace(TINY, seed=4)).open()
    workshop.open()


def test_effort_multiplies_steps() -> None:
    assert scaled(TINY, 0.5).fine_plan.steps == 15
    assert scaled(TINY, 0.5).fine_plan.batch == TINY.fine_plan.batch


def test_the_learning_rate_rises_and_falls() -> None:
    plan = TINY.semantic_plan
    rates = [rate_at(plan, step) for step in range(plan.steps)]
    assert rates[0] < rates[plan.warmup - 1]
    assert max(rates) <= plan.rate
    assert rates[-1] < 0.05 * plan.rate


def test_muon_has_the_matrices_of_the_blocks_and_nothing_else(workshop: Workshop) -> None:
    transformer = causal(workshop.layout.semantic_size_of(), 0)
    adam, muon = optimizers_of(transformer, 1e-3)
    assert len(muon.param_groups[0]["params"]) == 4 * TINY.semantic.layers
    counted = sum(len(optimizer.param_groups[0]["params"]) for optimizer in (adam, muon))
    assert counted == len(list(transformer.parameters()))
    tied = fine(workshop.layout.fine_size_of(), 0)
    assert tied.lm_heads[0].weight is tied.input_embeds_layers[1].weight


# -- as the engine does it


def test_training_sees_the_semantic_prompt_that_the_engine_makes(workshop: Workshop) -> None:
    """The hidden state behind the infer token is the engine's, for any text and history."""
    spec = workshop.layout.semantic
    model = causal(workshop.layout.semantic_size_of(), 0).eval()
    prompt = engine_semantic.prompt_ids(spec, [1, 20, 22], np.array([30, 31, 32]))
    embeds = engine_semantic.embed_prompt(model, spec, prompt)
    with torch.no_grad():
        ours = hidden_states(model, embeds, torch.arange(embeds.shape[1]))[:, -1]
        assert torch.allclose(ours, model.prefill(embeds, model.new_cache()), atol=1e-6)


def test_coarse_windows_are_the_engines_prompts(workshop: Workshop) -> None:
    """From the beginning of a stream: padded semantic tokens, infer token, then its coarse tokens."""
    spec = workshop.layout.coarse
    pool = workshop.task("coarse")._train
    for seed in range(40):
        prompt, targets = window(np.random.default_rng(seed), spec, pool)
        if targets[0] < 0:
            continue  # it begins inside the stream
        coarse = prompt[spec.max_coarse_input_length + 1 :]
        shown = prompt[: spec.max_coarse_input_length]
        semantic = shown[shown < spec.semantic_vocab_size]
        first = engine_coarse.Window(first_step=0, steps=24, semantic=slice(0, spec.max_coarse_input_length))
        theirs = engine_coarse.prompt_ids(spec, first, semantic, np.zeros(0, np.int64), TINY.coarse.block)
        assert np.array_equal(prompt[: len(theirs)], theirs)
        assert np.array_equal(coarse[targets >= 0], targets[targets >= 0])
        assert (coarse[0] - spec.semantic_vocab_size) // spec.codebook_size == 0


def test_the_engine_reads_the_layout_it_was_trained_with(workshop: Workshop) -> None:
    specs = specs_from(generation_config(workshop.layout))
    assert specs.semantic == workshop.layout.semantic
    assert specs.coarse == workshop.layout.coarse
    assert specs.fine == workshop.layout.fine


# -- what comes out


def spoken(model: Model, voice: str) -> Speech:
    request = Request(
        pieces=tokenized(model, TEXT, voice), voice=model.voices.get(voice), seed=1, greedy=True, min_eos_p=None,
        max_seconds=1.0,
    )  # fmt: skip
    return speak(model, request)


def test_the_result_loads_and_speaks_in_four_voices(pup: Model) -> None:
    assert set(pup.voices.names()) == {voice.name for voice in CAST}
    piece = spoken(pup, "pup_lively").pieces[0]
    assert len(piece.waveform) == piece.fine.shape[1] * HOP
    assert np.isfinite(piece.waveform).all()


def test_the_result_reads_several_sentences_and_numbers(pup: Model) -> None:
    assert pup.tokenizer.encode("I see 2. Good!") == pup.tokenizer.encode("i see two. good!")


def test_transformers_loads_the_result_whole_and_says_the_same(workshop: Workshop, pup: Model) -> None:
    """Every weight is in the file, the encoder's too; greedy tokens are equal in all three stages."""
    ours = spoken(pup, "pup_low").pieces[0]
    length, frames = len(ours.semantic), ours.fine.shape[1]
    bark = theirs.whole(workshop.model)
    said = theirs.say(bark, workshop.model, pup, text=TEXT, voice="pup_low", most=length)
    assert np.array_equal(said.semantic[:length], ours.semantic)
    assert np.array_equal(said.coarse[:, :frames], ours.coarse)
    assert np.array_equal(said.fine[:, :frames], ours.fine)


def test_the_result_is_in_half_precision_with_a_trained_encoder(workshop: Workshop) -> None:
    with safe_open(workshop.model / "model.safetensors", "pt") as file:
        names = list(file.keys())
        assert {file.get_slice(name).get_dtype() for name in names} == {"F16"}
        assert any(name.startswith("codec_model.encoder.") for name in names)


def test_the_report_has_a_table_curves_and_every_loss(workshop: Workshop) -> None:
    folder = workshop.folder / "report"
    text = (folder / "training.md").read_text()
    assert all(f"| {stage} |" in text for stage in NETWORKS)
    assert "seed: 3" in text
    assert (folder / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "losses.json").stat().st_size > 1000


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "synth.pup", "train", "--out", str(tmp_path), "--stage", "coarse"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert child.returncode == 2
    assert child.stderr.strip() == "The corpus is not complete yet: run the stage corpus first."


def test_a_state_that_was_never_saved_is_at_its_beginning(tmp_path: Path) -> None:
    assert read_state(tmp_path, "fine") == State()
    assert not checkpoint_path(tmp_path, "fine").exists()
