"""Bark behind the worker's `Engine`: a job's text in, its audio file out."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from synth import audio, checkpoint, device
from synth.bark import Tokens
from synth.batch import Batch
from synth.cpu import choose as on_cpu
from synth.credentials import Signer
from synth.cuda import choose as on_cuda
from synth.cue import cue
from synth.enrol import enrolment as recordings
from synth.enrol.enrolment import Enrolment
from synth.enrol.sources import Sources
from synth.errors import DeviceError, JobError, Stopped
from synth.growing import growing
from synth.live import can_be_live, live
from synth.mark_key import PUBLIC_KEY
from synth.mastering import GAP_SECONDS, SPEAKER_GAP_SECONDS, finish
from synth.memory import trim
from synth.pipeline import Model, Request, speak
from synth.protocol import Hear, Heard, Job, Line, MakeVoice, VoiceMade, take_path
from synth.takes import Overall
from synth.text import SHORTEST_LIMIT, language_of, pieces
from synth.voices import Voice

if TYPE_CHECKING:
    from synth.worker import WorkerOptions

log = logging.getLogger(__name__)


def load_model(plan: device.Plan, tell: Callable[[str, float], None] | None = None, *, graphs: bool = True) -> Model:
    """Load as planned, with all that makes it fast: compiling is done here, never during a job. ModelError.

    `graphs`: whether CUDA graphs are wanted.
    """
    log.info("%s", plan.line())
    torch.set_num_threads(plan.threads)
    model = checkpoint.load(
        plan.model,
        device=plan.device,
        dtype=device.dtype(plan.precision, plan.device),
        memory=plan.memory,
        progress=tell,
    )
    if plan.device == "cpu":
        model = on_cpu.quicken(model, eight_bits=plan.precision == "int8", threads=plan.threads)
        trim()
    elif plan.device.startswith("cuda") and plan.memory != "stages":  # there weights have no address of their own
        model = on_cuda.quicken(model, seats=plan.seats, precision=plan.precision, graphs=graphs)
    return model


def load_engine(options: WorkerOptions, tell: Callable[[str, float], None]) -> BarkEngine:
    """Decide on model, device and threads, and load. ModelError."""
    plan = device.plan(
        options.model,
        options.device,
        options.threads,
        options.precision,
        memory=options.memory,
        seats=options.seats,
    )
    model = load_model(plan, tell, graphs=options.graphs)
    sources = Sources(hubert=options.hubert, quantizer=options.quantizer, recogniser=options.recogniser)
    sign = Signer(Path(options.certificate), Path(options.key)) if options.certificate else None
    found = recordings.find(plan.model, sources)
    return BarkEngine(model, seats=plan.seats, mark=options.watermark_key, sign=sign, enrolment=found)


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


def gaps(voices: Sequence[Voice | None]) -> list[float]:
    """Seconds of silence after each piece: more where somebody else goes on."""
    names = [voice.name if voice else None for voice in voices]
    return [GAP_SECONDS if one == other else SPEAKER_GAP_SECONDS for one, other in itertools.pairwise(names)]


class BarkEngine:
    """A loaded model, ready for jobs.

    `seats`: pieces of them that are in work at once; `mark`: the watermark's key; `sign`: puts credentials into files.
    """

    def __init__(
        self,
        model: Model,
        *,
        seats: int,
        mark: bytes = PUBLIC_KEY,
        sign: audio.Sign | None = None,
        enrolment: Enrolment | None = None,
    ) -> None:
        self._mark, self._sign = mark, sign
        self.tasks = Batch(seats=seats)
        self._model = self.tasks.share(model)
        self.model = model.name
        self.device = str(model.device)
        self.voices: tuple[str, ...] = model.voices.names()
        self._enrolment = enrolment or Enrolment()
        self.enrols = self._enrolment.whole

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

    def render(
        self,
        job: Job,
        step: Callable[[str, float, float], None],
        heard: Callable[[int, float], None] = lambda _bytes, _seconds: None,
    ) -> float:
        """Speak, finish and write one job; the seconds of audio. `heard` is called as the protocol's `Sound` says."""
        request = self._request(job)
        with self._device_watched():
            if job.stream and job.takes == 1 and audio.is_opus(job.path) and can_be_live(self._model):
                return self._render_live(job, request, step, heard)
            progress = Overall(job.takes, step)
            works = [functools.partial(self._take, job, request, number, progress) for number in range(job.takes)]
            return sum(self.tasks.together(works))

    def _request(self, job: Job) -> Request:
        """What is asked of the model: the lines in pieces that it can speak, each in its voice."""
        found: list[tuple[list[int], Voice | None]] = []
        for line in job.lines or (Line(text=job.text),):
            name = line.voice or job.voice
            voice = self._voice(job, name)
            found += [(ids, voice) for ids in tokenized(self._model, line.text, name)]
        return Request(
            pieces=[ids for ids, _ in found],
            voices=[voice for _, voice in found],
            seed=job.seed,
            greedy=job.greedy,
            text_temp=job.text_temp,
            waveform_temp=job.waveform_temp,
            min_eos_p=job.min_eos_p,
            max_seconds=job.max_seconds,
        )

    def _take(self, job: Job, request: Request, number: int, progress: Overall) -> float:
        """One of the versions, with a seed of its own; its seconds."""
        request, path = dataclasses.replace(request, seed=job.seed + number), take_path(job.path, number + 1)
        speech = speak(self._model, request, functools.partial(progress.step, number))
        waveforms, pauses = [piece.waveform for piece in speech.pieces], gaps(request.voices)
        waveform = finish(waveforms, speech.sample_rate, gaps=pauses, mark=self._mark)
        self._keep_tokens(job, path, speech.tokens())
        if job.cue:
            waveform = np.concatenate([cue(speech.sample_rate), waveform])
        tags = self._tags(job, request.seed)
        audio.write(path, waveform, speech.sample_rate, tags, max_bytes=job.max_bytes, sign=self._sign)
        return len(waveform) / speech.sample_rate

    def _tags(self, job: Job, seed: int) -> audio.Tags:
        names = dict.fromkeys(filter(None, (line.voice or job.voice for line in job.lines or (Line(text=job.text),))))
        return audio.Tags(voice=", ".join(names) or None, seed=seed, model=self.model)

    def _keep_tokens(self, job: Job, path: str, tokens: dict[str, Tokens]) -> None:
        """Before the audio: whoever finds that finds them, too."""
        if job.tokens:
            content = io.BytesIO()
            np.savez(content, **tokens)  # type: ignore[arg-type] # taken for its keyword allow_pickle
            with growing(Path(path).with_suffix(".npz")) as add:
                add(content.getvalue())

    def _render_live(
        self,
        job: Job,
        request: Request,
        step: Callable[[str, float, float], None],
        heard: Callable[[int, float], None],
    ) -> float:
        """The same, with the file growing; what was heard of a job that fails is removed with it."""
        size, seconds = 0, 0.0
        tags = self._tags(job, job.seed)
        parts = live(self._model, request, tags, watch=step, max_bytes=job.max_bytes, mark=self._mark, cued=job.cue)
        with growing(Path(job.path)) as add, contextlib.closing(parts):
            for part in parts:
                add(part.data)
                size, seconds = size + len(part.data), part.seconds
                heard(size, seconds)
                if part.tokens:
                    self._keep_tokens(job, job.path, part.tokens)
        return seconds

    def hear(self, work: Hear, step: Callable[[str, float, float], None]) -> Heard:
        """What is said in a recording. NoRecogniser where that cannot be told."""
        return self._enrolment.hear(work, self._breathing(step))

    def make_voice(self, work: MakeVoice, step: Callable[[str, float, float], None]) -> VoiceMade:
        """The voice of a recording. NoMaker where none can be made."""
        return self._enrolment.make_voice(work, self._breathing(step))

    def _breathing(self, step: Callable[[str, float, float], None]) -> Callable[[], None]:
        """What the work on a recording calls between two pieces: a sign of life, and a turn for others."""

        def breathe() -> None:
            step("listening", 0.0, 1.0)
            self.tasks.pause()

        return breathe

    @contextlib.contextmanager
    def _device_watched(self) -> Iterator[None]:
        """What is more than a job's mistake is told as such."""
        try:
            yield
        except (JobError, Stopped):
            raise
        except RuntimeError as error:
            if device.healthy(self.device):
                raise
            raise DeviceError(f"the device {self.device} is broken for this process: {error}") from error
