"""One voice as a listener gets it: sentences spoken by the whole pipeline, read by a recogniser."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from synth.engine import tokenized
from synth.errors import EmptySpeech
from synth.mastering import BrokenAudio, finish
from synth.pipeline import Model, Request, speak
from synth.pup import measures
from synth.pup.recogniser import Recogniser, word_errors
from synth.pup.report import VoiceFigures
from synth.pup.sentences import HELD_OUT, choices

Tick = Callable[[str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to evaluate."""

    sentences: tuple[str, ...] = HELD_OUT
    voices: tuple[str, ...] = ()  # none: all that the model has
    seed: int = 0  # sentence number n is spoken with seed + n


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Spoken:
    """One sentence, spoken. `waveform` (n,) as a listener gets it, empty where the model said nothing."""

    sentence: str
    waveform: npt.NDArray[np.float32]
    seconds: float  # of audio that the model made
    took: float  # seconds of work


def say(model: Model, sentence: str, voice: str | None, seed: int) -> Spoken:
    """The whole pipeline with its default sampling."""
    request = Request(
        pieces=tokenized(model, sentence, voice), voice=model.voices.get(voice) if voice else None, seed=seed
    )
    began = time.perf_counter()
    pieces: list[npt.NDArray[np.float32]] = []
    try:
        pieces = [piece.waveform for piece in speak(model, request).pieces]
        took = time.perf_counter() - began
        waveform = finish(pieces, model.codec.sampling_rate)
    except (EmptySpeech, BrokenAudio):
        took = time.perf_counter() - began
        waveform = np.zeros(0, np.float32)
    seconds = sum(map(len, pieces)) / model.codec.sampling_rate
    return Spoken(sentence=sentence, waveform=waveform, seconds=seconds, took=took)


def judge(name: str, spoken: Sequence[Spoken], rate: int, recogniser: Recogniser, seed: int) -> VoiceFigures:
    """The figures of one voice. What was not said counts as not understood."""
    sentences = [one.sentence for one in spoken]
    heard = [recogniser.read(one.waveform, rate) for one in spoken]
    picked = [recogniser.choose(one.waveform, rate, choices(one.sentence)) for one in spoken]
    errors = [word_errors(said, text) for said, text in zip(sentences, heard, strict=True)]
    words = [len(said.split()) for said in sentences]
    pitches = [hertz for hertz in (measures.pitch(one.waveform, rate) for one in spoken) if hertz]
    seconds = sum(one.seconds for one in spoken)
    return VoiceFigures(
        voice=name,
        word_errors=sum(errors) / sum(words),
        interval=measures.bootstrap(errors, words, seed),
        identified=sum(choice == said for choice, said in zip(picked, sentences, strict=True)),
        sentences=len(spoken),
        pitch=float(np.median(pitches)) if pitches else None,
        seconds=seconds,
        pace=sum(one.took for one in spoken) / seconds if seconds else None,
        heard=tuple(zip(sentences, heard, picked, strict=True)),
    )
