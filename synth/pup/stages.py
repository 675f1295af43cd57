"""How much each stage loses: the same sentences with everything right up to some point, and the model from there on.

teacher         the teacher's own speech: nothing taught by it can be clearer
codec, wav      its waveform through the codec's encoder, codebooks and decoder
codec, codes    the codes that its analysis gives in each voice, decoded
semantic        its true semantic tokens, then the coarse and the fine stage and the decoder
What is missing between the last of these and the whole pipeline is lost by the semantic stage.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import BarkModel

from synth import checkpoint
from synth.coarse import generate_coarse
from synth.errors import SynthError
from synth.fine import generate_fine
from synth.mastering import finish
from synth.pipeline import Request
from synth.pup import quantiser
from synth.pup.cast import CAST
from synth.pup.corpus import PHONES, Utterance, read_alphabet, utterance
from synth.pup.listening import Plan, Spoken, Tick, judge
from synth.pup.recogniser import Recogniser
from synth.pup.report import VoiceFigures
from synth.pup.teacher import SAMPLE_RATE, Espeak
from synth.pup.train.material import latents_in
from synth.sampling import Noise, Sampling

Waveform = npt.NDArray[np.float32]
Way = Callable[[int, Utterance], Waveform]  # of the number of the sentence, and how the teacher says it


class NoPhones(SynthError):
    """The folder does not say what its semantic tokens mean."""


def judge_stages(
    name: str, plan: Plan, recogniser: Recogniser, tick: Tick = lambda _: None
) -> dict[str, tuple[VoiceFigures, ...]]:
    """Figures by stage, then by voice: `plan.voices`, which must be of this cast. NoTeacher, NoPhones."""
    folder = checkpoint.find(name).folder
    if not (folder / PHONES).is_file():
        raise NoPhones(f"{folder} has no {PHONES}: only models made by python -m synth.pup train have one.")
    alphabet, teacher = read_alphabet(folder), Espeak()
    said = [utterance(sentence, teacher.say(sentence), alphabet) for sentence in plan.sentences]
    ways = _Ways(name, folder, plan.seed)

    def row(voice: str, way: Way) -> VoiceFigures:
        tick(f"stages {voice}")
        return judge(
            voice, [_timed(way, number, one) for number, one in enumerate(said)], SAMPLE_RATE, recogniser, plan.seed
        )

    cast = {character.name: place for place, character in enumerate(CAST) if character.name in plan.voices}
    return {
        "teacher": (row("espeak", lambda _, one: one.waveform),),
        "codec, wav": (row("espeak", ways.through_the_codec),),
        "codec, codes": tuple(row(voice, partial(ways.analysed, place)) for voice, place in cast.items()),
        "semantic": tuple(row(voice, partial(ways.from_semantic, voice)) for voice in cast),
    }


def _timed(way: Way, number: int, one: Utterance) -> Spoken:
    began = time.perf_counter()
    waveform = way(number, one)
    took = time.perf_counter() - began
    heard = finish([waveform], SAMPLE_RATE)
    return Spoken(sentence=one.text, waveform=heard, seconds=len(waveform) / SAMPLE_RATE, took=took)


class _Ways:
    """Ways from an utterance to a waveform through a part of the model."""

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        self._model, self._seed = checkpoint.load(name), seed
        # with its encoder, which the engine does not keep; transformers' own, as another opinion
        self._codec: Any = BarkModel.from_pretrained(str(folder), dtype=torch.float32).codec_model.eval()
        self._books = torch.stack([layer.codebook.embed for layer in self._codec.quantizer.layers])

    @torch.inference_mode()
    def through_the_codec(self, _: int, one: Utterance) -> Waveform:
        """Encoded and decoded."""
        heard = torch.from_numpy(one.waveform)[None, None]
        codes = self._codec.encode(heard, bandwidth=self._codec.config.target_bandwidths[-1]).audio_codes
        return self._model.codec.decode(codes[0, 0].numpy())

    def analysed(self, place: int, _: int, one: Utterance) -> Waveform:
        """The codes of a voice of the cast, by the training's own analysis, decoded."""
        codes = quantiser.encode(torch.from_numpy(latents_in(one, place)), self._books)
        return self._model.codec.decode(codes.numpy())

    def from_semantic(self, name: str, number: int, one: Utterance) -> Waveform:
        """As the pipeline goes on from semantic tokens, with the sampling that it has."""
        voice, noise, usual = (
            self._model.voices.get(name),
            Noise(self._seed + number, 0, 0),
            Request(pieces=(), seed=self._seed),
        )
        coarse = generate_coarse(
            self._model.coarse,
            self._model.coarse_spec,
            one.semantic,
            (voice.semantic_prompt, voice.coarse_prompt),
            noise=noise,
            sampling=usual.sampling(usual.waveform_temp),
        )
        fine = generate_fine(
            self._model.fine,
            self._model.fine_spec,
            coarse,
            voice.fine_prompt,
            noise=noise,
            sampling=Sampling(temperature=usual.fine_temp),
        )
        return self._model.codec.decode(fine)
