"""Text tokens -> semantic -> coarse -> fine -> waveform, one stage after another: the order of the stages.

A text comes as pieces that the model can take. They are spoken with the same voice, the given one, or else the first
piece, as soon as it is there; in a batch (batch.py) side by side. How to have the beginning before the end is there:
stream.py.
"""

from __future__ import annotations

import functools

from synth.bark import Model, Piece, Request, Speech
from synth.coarse import take_frames
from synth.device import memory_told
from synth.errors import OutOfMemory
from synth.memory import free, in_small_form
from synth.piece import Job, begin, next_jobs, progress_of
from synth.progress import Watch

__all__ = ["Model", "Piece", "Request", "Speech", "speak", "speak_piece"]


def speak(model: Model, request: Request, watch: Watch | None = None) -> Speech:
    """Speak all pieces of a request.

    Raises EmptyText without any token, EmptySpeech when a piece stays silent twice (once when greedy: it would be the
    same again), OutOfMemory, and whatever `watch` raises. `max_seconds` can end the text before its last piece.
    """
    spoken: list[Piece] = []
    progress = progress_of(request, watch)
    while jobs := next_jobs(model, request, spoken, progress):
        spoken += model.company.together([functools.partial(_in_memory, job) for job in jobs])
    return Speech(pieces=tuple(spoken), sample_rate=model.codec.sampling_rate, seed=request.seed)


def _in_memory(job: Job) -> Piece:
    """The piece; when the device's memory runs out, once more in a smaller form, which gives the same tokens."""
    with job.model.company.seat():
        try:
            with memory_told():
                return speak_piece(job)
        except OutOfMemory:
            pass  # the failed try's memory is free only after this block
        return in_small_form(job.model, lambda chunk: speak_piece(job, chunk))


def speak_piece(job: Job, chunk: int | None = None) -> Piece:
    """All four stages of one piece, one after another; with `chunk` in little memory (`synth.memory`)."""
    model = job.model
    stages, semantic = begin(job, chunk)
    semantic = iter(list(semantic))  # to its end, before the next stage begins
    if chunk:
        free(model)
    coarse = take_frames(model.coarse_spec, stages.coarse(semantic))
    if chunk:
        free(model)
        model.codec.to("cpu")
    fine = stages.fine(coarse)
    waveform = model.codec.decode(fine)
    stages.decoded(fine.shape[1])
    return stages.piece(fine, waveform)
