"""Hours of use in minutes (make soak): 500 requests that join, leave and are cancelled at random, in one batch."""

from __future__ import annotations

import collections
import dataclasses
import functools
import random

import numpy as np
import psutil
import pytest
import torch

from synth import checkpoint
from synth.bark import Model, Request
from synth.batch import Batch
from synth.cpu.choose import quicken
from synth.engine import tokenized
from synth.errors import Stopped
from synth.pipeline import speak
from synth.progress import Watch
from synth.stream import stream
from synth.tasks import Task

REQUESTS, KINDS, SEATS = 500, 40, 6
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "while", "seven", "green", "birds", "sing")
SETTLED = 150  # requests after which everything that is kept has been allocated
GROWTH = 24 << 20  # bytes: what the allocator's fragments may come to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def kinds(model: Model, numbers: random.Random) -> list[Request]:
    """Short texts of one to three pieces, with and without voices, drawn and greedy, in chains, cut off by time."""
    found = []
    for seed in range(KINDS):
        voice = numbers.choice([None, *model.voices.names()])
        texts = [" ".join(numbers.choices(WORDS, k=numbers.randint(1, 3))) for _ in range(numbers.randint(1, 3))]
        found.append(
            Request(
                pieces=[ids for text in texts for ids in tokenized(model, text, voice)],
                voice=model.voices.get(voice) if voice else None,
                seed=seed,
                greedy=numbers.random() < 0.2,
                text_temp=numbers.choice([0.4, 0.7, 1.0]),
                waveform_temp=numbers.choice([0.4, 0.7]),
                max_seconds=numbers.choice([None, 0.5, 1.0]),
                chain=numbers.random() < 0.3,
            )
        )
    return found


def heard(model: Model, request: Request, streamed: bool, watch: Watch | None = None) -> tuple[dict, np.ndarray]:  # noqa: FBT001
    """The tokens and the sound, by either way."""
    if not streamed:
        speech = speak(model, request, watch)
        return speech.tokens(), np.concatenate([piece.waveform for piece in speech.pieces])
    chunks = list(stream(model, request, watch))
    assert chunks[-1].tokens is not None
    return chunks[-1].tokens, np.concatenate([chunk.waveform for chunk in chunks])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Visit:
    """One request on its way."""

    task: Task
    kind: int
    streamed: bool


@pytest.mark.parametrize("precision", ["exact", "int8"])
def test_500_requests_leave_nothing_behind_and_each_is_as_it_were_alone(precision):
    torch.set_num_threads(2)
    numbers = random.Random(3)
    plain = quicken(checkpoint.load("pup"), eight_bits=precision == "int8", threads=2)
    wanted = kinds(plain, numbers)
    alone = functools.cache(lambda kind, streamed: heard(plain, wanted[kind], streamed))
    batch = Batch(seats=SEATS)
    shared = batch.share(plain)
    begun, visits, ended, memory = 0, [], collections.Counter(), {}
    while begun < REQUESTS or visits:
        if begun < REQUESTS and len(visits) < 2 * SEATS and numbers.random() < 0.3:
            kind, streamed = numbers.randrange(KINDS), numbers.random() < 0.5
            task = batch.start(functools.partial(heard, shared, wanted[kind], streamed))
            visits.append(Visit(task=task, kind=kind, streamed=streamed))
            begun += 1
        if visits and numbers.random() < 0.01:
            batch.cancel(numbers.choice(visits).task)
        batch.turn()
        for visit in [visit for visit in visits if visit.task.done]:
            visits.remove(visit)
            ended[_outcome(visit, alone)] += 1
            memory[sum(ended.values())] = psutil.Process().memory_info().rss
    assert sum(ended.values()) == REQUESTS
    assert ended["cancelled"] > REQUESTS / 50
    assert ended["spoken"] > REQUESTS / 2
    assert not batch.busy
    assert batch._free == SEATS
    assert all(len(unused) <= SEATS for unused in shared._caches.values())
    growth = memory[REQUESTS] - memory[SETTLED]
    print(f"\n{dict(ended)}; from request {SETTLED} to {REQUESTS} memory grew by {growth / 1e6:.1f} MB")
    assert growth < GROWTH


def _outcome(visit: Visit, alone: functools._lru_cache_wrapper) -> str:
    if isinstance(visit.task.error, Stopped):
        return "cancelled"
    tokens, waveform = visit.task.result()
    want_tokens, want = alone(visit.kind, visit.streamed)
    for name, codes in want_tokens.items():
        np.testing.assert_array_equal(tokens[name], codes)
    np.testing.assert_allclose(waveform, want, rtol=0, atol=1e-5)
    return "spoken"
