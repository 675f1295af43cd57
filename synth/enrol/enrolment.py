"""Hearing recordings and making voices of them, as the worker asks for it; what is not on this machine is off, and says so.

What loads networks is imported when one is needed: a synth process that never hears a recording pays nothing for it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synth import checkpoint, config
from synth.download import Hub
from synth.enrol.hearing import sound
from synth.enrol.level import Waveform, level, speech
from synth.enrol.sources import Places, Sources, places
from synth.errors import ModelError, NoMaker, NoRecogniser, NoSpeech
from synth.protocol import Hear, Heard, MakeVoice, VoiceMade

if TYPE_CHECKING:
    from synth.enrol.maker import Maker, Semantic

log = logging.getLogger(__name__)

RATE = 16_000  # Hz, of what recognisers hear
EAR = "ear.safetensors"  # in the folder of a model that brings its own: the miniature

Breathe = Callable[[], None]
"""Called between two pieces of the work: others have a turn. What it raises ends the work."""


class Recogniser(Protocol):
    """Writes speech down."""

    def read(self, waveform: Waveform, rate: int) -> str:
        """(n,) at `RATE`; "" where nothing is understood."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """What can be done with recordings here. Each part is loaded when it is needed, and let go again."""

    recogniser: Callable[[Breathe], Recogniser] | None = None
    maker: Callable[[Breathe], Maker] | None = None

    @property
    def whole(self) -> bool:
        """Whether all of it is here."""
        return bool(self.recogniser and self.maker)

    def hear(self, work: Hear, breathe: Breathe) -> Heard:
        """What a recording says. NoRecogniser, NoSpeech, and what is wrong with its file."""
        if not self.recogniser:
            raise NoRecogniser("No speech recogniser is here: run `barkbot download voices`.")
        samples = sound(Path(work.path), RATE, breathe)
        if not speech(samples, RATE).any():
            raise NoSpeech("Nobody speaks in the recording.")
        try:
            text = self.recogniser(breathe).read(samples, RATE)
        except ModelError as error:
            raise NoRecogniser(f"The speech recogniser cannot be used. {error}") from error
        return Heard(job=work.id, text=text, seconds=len(samples) / RATE, level=level(samples, RATE))

    def make_voice(self, work: MakeVoice, breathe: Breathe) -> VoiceMade:
        """The voice of a recording. NoMaker, NoSpeech, DiskFull, and what is wrong with its file."""
        if not self.maker:
            raise NoMaker("What makes voices of recordings is not here: run `barkbot download voices`.")
        try:
            maker = self.maker(breathe)
        except ModelError as error:
            raise NoMaker(f"What makes voices of recordings cannot be used. {error}") from error
        samples = sound(Path(work.path), maker.rate, breathe)
        return VoiceMade(job=work.id, out=work.out, seconds=maker.write(samples, Path(work.out)))


def find(model: str, sources: Sources, *, cache: Path | None = None) -> Enrolment:
    """What there is for a model, by name or folder."""
    folder = checkpoint.find(model, cache=cache).folder
    found = places(sources, Hub(cache or checkpoint.default_cache()))
    made = Enrolment(recogniser=_recogniser(folder, sources, found), maker=_maker(model, folder, sources, found, cache))
    log.info(
        "recordings can be heard: %s; made voices of: %s",
        *("yes" if part else "no" for part in (made.recogniser, made.maker)),
    )
    return made


def _recogniser(folder: Path, sources: Sources, found: Places) -> Callable[[Breathe], Recogniser] | None:
    """Whisper; for the miniature, so that it can be tried without a download, pocketsphinx where that is installed."""
    if found.recogniser:
        return functools.partial(_whisper, found.recogniser)
    if sources.recogniser and _has_ear(folder) and importlib.util.find_spec("pocketsphinx"):
        return _sphinx
    return None


def _whisper(place: Path, breathe: Breathe) -> Recogniser:
    from synth.enrol.recogniser import Whisper  # noqa: PLC0415 -- see the top

    return Whisper.load(place, breathe)


def _sphinx(_breathe: Breathe) -> Recogniser:
    from synth.pup.recogniser import Recogniser as Sphinx  # noqa: PLC0415 -- see the top

    return Sphinx()


def _maker(
    model: str, folder: Path, sources: Sources, found: Places, cache: Path | None
) -> Callable[[Breathe], Maker] | None:
    """By the ear that a model brings along, else by HuBERT and a quantizer."""
    ears, quantizer = found.hubert, found.quantizer
    if _has_ear(folder) and sources.hubert:
        return lambda breathe: _made(model, folder, cache, _ear(folder), breathe)
    if ears and quantizer:
        return lambda breathe: _made(model, folder, cache, _hubert(folder, ears, quantizer, breathe), breathe)
    return None


def _ear(folder: Path) -> Semantic:
    from synth.pup.ear import Ear  # noqa: PLC0415 -- see the top

    return Ear.load(folder)


def _hubert(folder: Path, ears: Path, quantizer: Path, breathe: Breathe) -> Semantic:
    from synth.enrol.maker import HubertTokens  # noqa: PLC0415 -- see the top

    return HubertTokens.load(ears, quantizer, config.read_specs(folder).semantic.semantic_vocab_size, breathe)


def _made(model: str, folder: Path, cache: Path | None, semantic: Semantic, breathe: Breathe) -> Maker:
    from synth.enrol.encode import Encoder  # noqa: PLC0415 -- see the top
    from synth.enrol.maker import Maker  # noqa: PLC0415 -- see the top

    rules, codec = config.read_specs(folder).voice_rules(), checkpoint.load_encodec(model, cache=cache)
    if _has_ear(folder):
        from synth.pup.voicing import Analyser  # noqa: PLC0415 -- see the top

        return Maker(semantic, Analyser(codec), rules)
    return Maker(semantic, Encoder(codec, rules.n_fine, breathe), rules)


def _has_ear(folder: Path) -> bool:
    return (folder / EAR).is_file()
