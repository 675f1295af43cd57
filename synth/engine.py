"""Bark behind the worker's `Engine`: a job's text in, its audio file out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from synth import audio, checkpoint, device
from synth.batch import Batch
from synth.cpu.choose import quicken
from synth.errors import DeviceError, JobError, Stopped
from synth.mastering import finish
from synth.pipeline import Model, Request, speak
from synth.protocol import Job
from synth.text import SHORTEST_LIMIT, language_of, pieces
from synth.voices import Voice

if TYPE_CHECKING:
    from synth.worker import WorkerOptions

log = logging.getLogger(__name__)

SEATS = 2


def load_model(plan: device.Plan, tell: Callable[[str, float], None] | None = None) -> Model:
    """Load as planned, with all that makes it fast: compiling is done here, never during a job. ModelError."""
    log.info("%s", plan.line())
    torch.set_num_threads(plan.threads)
    model = checkpoint.load(plan.model, device=plan.device, dtype=device.dtype(plan.precision), progress=tell)
    if plan.device != "cpu":
        return model
    return quicken(model, eight_bits=plan.precision == "int8", threads=plan.threads)


def load_engine(options: WorkerOptions, tell: Callable[[str, float], None]) -> BarkEngine:
    """Decide on model, device and threads, and load. ModelError."""
    plan = device.plan(options.model, options.device, options.threads, options.precision)
    return BarkEngine(load_model(plan, tell), seats=options.seats or SEATS)


def tokenized(model: Model, text: str, voice: str | None) -> list[list[int]]:
    """A text as the ids of its pieces, each of which the model can speak whole. EmptyText where there is none."""
    spec = model.semantic_spec
    parts = pieces(
        text,
        tokenizer=model.tokenizer,
        max_tokens=spec.max_input_semantic_length,
        max_seconds=max(SHORTEST_LIMIT, spec.steps(model.semantic.config.block_size) / spec.semantic_rate_hz),
        language=language_of(voice),
    )
    return [model.tokenizer.encode(part) for part in parts]


class BarkEngine:
    """A loaded model, ready for jobs. `seats`: pieces of them that are in work at once."""

    def __init__(self, model: Model, *, seats: int) -> None:
        self.tasks = Batch(seats=seats)
        self._model = self.tasks.share(model)
        self.model = model.name
        self.device = str(model.device)
        self.voices: tuple[str, ...] = model.voices.names()

    @property
    def memory(self) -> int:
        """Bytes in use on the device."""
        return device.memory_in_use(self.device)

    def _voice(self, job: Job, name: str | None) -> Voice | None:
        """The voice that a job calls so: one of its files, else the model's. UnknownVoice, BadVoice."""
        if name is None:
            return None
        path = job.voice_files.get(name)
        return self._model.voices.get(name) if path is None else self._model.voices.get_file(Path(path))

    def render(self, job: Job, step: Callable[[str, float, float], None]) -> float:
        """Speak, finish and write one job; the seconds of audio."""
        request = Request(
            pieces=tokenized(self._model, job.text, job.voice),
            voice=self._voice(job, job.voice),
            seed=job.seed,
            greedy=job.greedy,
            text_temp=job.text_temp,
            waveform_temp=job.waveform_temp,
            min_eos_p=job.min_eos_p,
            max_seconds=job.max_seconds,
        )
        try:
            speech = speak(self._model, request, step)
        except (JobError, Stopped):
            raise
        except RuntimeError as error:
            if device.healthy(self.device):
                raise
            raise DeviceError(f"the device {self.device} is broken for this process: {error}") from error
        waveform = finish([piece.waveform for piece in speech.pieces], speech.sample_rate)
        tags = audio.Tags(voice=job.voice, seed=job.seed, model=self.model)
        audio.write(job.path, waveform, speech.sample_rate, tags, max_bytes=job.max_bytes)
        return len(waveform) / speech.sample_rate
