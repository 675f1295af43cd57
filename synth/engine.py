"""Bark behind the worker's `Engine`: a job's text in, its audio file out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from synth import audio, checkpoint, device
from synth.batch import Batch
from synth.cpu import choose as on_cpu
from synth.cuda import choose as on_cuda
from synth.errors import DeviceError, JobError, Stopped
from synth.mastering import finish
from synth.pipeline import Model, Request, speak
from synth.protocol import Job
from synth.text import SHORTEST_LIMIT, language_of, pieces

if TYPE_CHECKING:
    from synth.worker import WorkerOptions

log = logging.getLogger(__name__)

SEATS = 2


def load_model(
    plan: device.Plan, tell: Callable[[str, float], None] | None = None, *, seats: int = 1, graphs: bool = True
) -> Model:
    """Load as planned, with all that makes it fast: compiling is done here, never during a job. ModelError.

    `seats`: pieces in work at once; `graphs`: whether CUDA graphs are wanted.
    """
    log.info("%s", plan.line())
    torch.set_num_threads(plan.threads)
    model = checkpoint.load(
        plan.model, device=plan.device, dtype=device.dtype(plan.precision, plan.device), progress=tell
    )
    if plan.device == "cpu":
        return on_cpu.quicken(model, eight_bits=plan.precision == "int8", threads=plan.threads)
    if plan.device.startswith("cuda"):
        return on_cuda.quicken(model, seats=seats, precision=plan.precision, graphs=graphs)
    return model


def load_engine(options: WorkerOptions, tell: Callable[[str, float], None]) -> BarkEngine:
    """Decide on model, device and threads, and load. ModelError."""
    plan = device.plan(options.model, options.device, options.threads, options.precision)
    seats = options.seats or SEATS
    return BarkEngine(load_model(plan, tell, seats=seats, graphs=options.graphs), seats=seats)


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

    def render(self, job: Job, step: Callable[[str, float, float], None]) -> float:
        """Speak, finish and write one job; the seconds of audio."""
        request = Request(
            pieces=tokenized(self._model, job.text, job.voice),
            voice=self._model.voices.get(job.voice) if job.voice else None,
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
