"""What the teacher said: texts with their tokens, and for a part of them audio and its frames.

A corpus is a folder of shards. A shard is a function of the recipe's seed and its own number, written whole or not at all,
so that making a corpus can be stopped anywhere. The first shard of each kind is never trained on.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from synth.pup.analysis import BANDS, HOP, Array, analyse
from synth.pup.files import Deadline, write_json, write_whole
from synth.pup.phrases import Writer, read_list
from synth.pup.recipe import FRAME_RATE, SEMANTIC_RATE, Recipe
from synth.pup.recogniser import needed
from synth.pup.sentences import is_held_out
from synth.pup.teacher import SAMPLE_RATE, Spoken, Teacher, Waveform
from synth.pup.tokens import Alphabet, Tokens, sounds_of

TEXT, SPEECH = "text", "speech"
PHONES = "phones.json"
DICTIONARY = "en-us/cmudict-en-us.dict"  # CMUdict as pocketsphinx brings it: BSD licence, spellings used only
MakeTeacher = Callable[[], Teacher]  # something that another process can be told of: a class
SURVEY = 0  # the stream of random numbers of the survey; shards follow from 1

_SAMPLES = SAMPLE_RATE // SEMANTIC_RATE  # of a semantic token


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Utterance:
    """One text as it was spoken. An even number n of semantic tokens, and 3 n / 2 frames where there is audio."""

    text: str
    semantic: Tokens  # (n,)
    envelope: Array  # (3 n / 2, 62), or no rows
    voicing: Array  # (3 n / 2,), or empty
    waveform: Waveform  # (480 n,), or empty


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The two halves of one kind of utterances."""

    train: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]


def make_corpus(
    folder: Path, recipe: Recipe, make_teacher: MakeTeacher, deadline: Deadline, *, workers: int = 1
) -> bool:
    """Make what is missing, so many shards at once; whether all of it is there now.

    espeak-ng's sound depends on all that it has said before, so every shard is made in a process of its own: only then is
    a shard the same whether the corpus was made at once or in pieces.
    """
    if not missing_shards(folder, recipe):
        return True
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as fresh:
        if not (folder / PHONES).is_file():
            fresh.submit(_survey, folder, recipe, make_teacher).result()
        missing = missing_shards(folder, recipe)
        with tqdm(total=len(missing), desc="corpus", unit="shard", disable=None) as bar:
            for start in range(0, len(missing), workers):
                if deadline.over():
                    return False
                paths = missing[start : start + workers]
                for made in [fresh.submit(_make_shard, path, recipe, make_teacher) for path in paths]:
                    made.result()
                    bar.update()
    return True


def read_alphabet(folder: Path) -> Alphabet:
    """The alphabet of a corpus."""
    return Alphabet(json.loads((folder / PHONES).read_text("utf-8"))["phones"])


def missing_shards(folder: Path, recipe: Recipe) -> list[Path]:
    """The shards that are still to be made."""
    wanted = [shard_path(folder, TEXT, number) for number in range(recipe.text_shards)]
    wanted += [shard_path(folder, SPEECH, number) for number in range(recipe.speech_shards)]
    return [path for path in wanted if not path.is_file()]


def shard_path(folder: Path, kind: str, number: int) -> Path:
    """Where a shard is kept."""
    return folder / f"{kind}-{number:04}.npz"


def read_corpus(folder: Path, kind: str) -> Corpus:
    """All shards of a kind, the first one for validation."""
    shards = [read_shard(path) for path in sorted(folder.glob(f"{kind}-*.npz"))]
    train = tuple(utterance for shard in shards[1:] for utterance in shard)
    return Corpus(train=train, validation=shards[0])


def write_shard(path: Path, utterances: Sequence[Utterance]) -> None:
    """Ragged arrays one behind the other; audio in 16 bit, frames in half precision."""
    arrays: dict[str, Any] = {
        "texts": np.frombuffer("\n".join(item.text for item in utterances).encode(), np.uint8),
        "lengths": np.array([len(item.semantic) for item in utterances]),
        "semantic": np.concatenate([item.semantic for item in utterances]).astype(np.int16),
        "envelope": np.concatenate([item.envelope for item in utterances]).astype(np.float16),
        "voicing": np.concatenate([item.voicing for item in utterances]).astype(np.float16),
        "waveform": np.concatenate([_int16(item.waveform) for item in utterances]),
    }
    write_whole(path, lambda file: np.savez_compressed(file, **arrays))


def read_shard(path: Path) -> tuple[Utterance, ...]:
    """The utterances of one file."""
    with np.load(path) as arrays:
        texts = arrays["texts"].tobytes().decode().split("\n")
        ends = np.cumsum(arrays["lengths"])[:-1]
        frames = ends * 3 // 2
        silent = not len(arrays["voicing"])
        columns = zip(
            texts,
            np.split(arrays["semantic"].astype(np.int64), ends),
            np.split(arrays["envelope"].astype(np.float32), ends * 0 if silent else frames),
            np.split(arrays["voicing"].astype(np.float32), ends * 0 if silent else frames),
            np.split(arrays["waveform"].astype(np.float32) / 32_768, ends * 0 if silent else ends * _SAMPLES),
            strict=True,
        )
        return tuple(
            Utterance(text=text, semantic=semantic, envelope=envelope, voicing=voicing, waveform=waveform)
            for text, semantic, envelope, voicing, waveform in columns
        )


def utterance(text: str, spoken: Spoken, alphabet: Alphabet) -> Utterance:
    """A text and what was said, cut or filled up with silence to the length of its tokens."""
    semantic = alphabet.encode(sounds_of(text, spoken))
    waveform = spoken.waveform
    if not len(waveform):
        nothing = np.zeros(0, np.float32)
        empty = np.zeros((0, BANDS), np.float32)
        return Utterance(text=text, semantic=semantic, envelope=empty, voicing=nothing, waveform=nothing)
    samples = len(semantic) * SAMPLE_RATE // SEMANTIC_RATE
    waveform = np.pad(waveform, (0, max(0, samples - len(waveform))))[:samples]
    envelope, voicing = analyse(waveform)
    if len(voicing) * SEMANTIC_RATE != len(semantic) * FRAME_RATE or samples != len(voicing) * HOP:
        raise ValueError(f"{len(semantic)} tokens and {len(voicing)} frames are not the same speech")
    return Utterance(text=text, semantic=semantic, envelope=envelope, voicing=voicing, waveform=waveform)


def _survey(folder: Path, recipe: Recipe, make_teacher: MakeTeacher) -> None:
    """Collect the phonemes and keep them in a file."""
    teacher, writer, random = make_teacher(), _writer(recipe), np.random.default_rng([recipe.seed, SURVEY])
    spoken = (teacher.say(writer.text(random), audio=False) for _ in range(recipe.survey))
    write_json(folder / PHONES, {"phones": Alphabet.of(spoken).phones, "teacher": teacher.describe()})


def _make_shard(path: Path, recipe: Recipe, make_teacher: MakeTeacher) -> None:
    kind, number = path.stem.rsplit("-", 1)
    random = np.random.default_rng([recipe.seed, 1 + (kind == SPEECH), int(number)])
    alphabet, teacher, writer = read_alphabet(path.parent), make_teacher(), _writer(recipe)
    write_shard(path, _utterances(recipe, alphabet, teacher, writer, random, audio=kind == SPEECH))


def _writer(recipe: Recipe) -> Writer:
    path = recipe.words or needed("pocketsphinx").get_model_path(DICTIONARY)
    return Writer(listed=read_list(Path(path)))


def _utterances(
    recipe: Recipe, alphabet: Alphabet, teacher: Teacher, writer: Writer, random: np.random.Generator, *, audio: bool
) -> list[Utterance]:
    made: list[Utterance] = []
    wanted = recipe.speech_shard if audio else recipe.text_shard
    while len(made) < wanted:
        text = writer.text(random)
        if is_held_out(text):  # what the miniature is judged by
            continue
        one = utterance(text, teacher.say(text, audio=audio), alphabet)
        if len(one.semantic) <= recipe.longest:
            made.append(one)
    return made


def _int16(waveform: Waveform) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.clip(np.round(waveform * 32_768), -32_768, 32_767).astype(np.int16)
