"""What rounding costs: agreement with float32, token by token, and the words a recogniser hears.

Teacher-forced: all forms see the tokens that the exact model made (random ones for random weights), and are asked at
each place for the next. Agreement is how often the likeliest token is the same; the error is that of the logits, in
standard deviations of the exact ones. The words are those of sentences that no training of the miniature saw; they take
minutes (`quality-words`).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from benchmarks import random_bark
from benchmarks.forms import compiled, eager_int8
from benchmarks.report import heading
from synth import checkpoint
from synth.coarse import flatten, prompt_ids, window_at
from synth.engine import tokenized
from synth.model import CausalTransformer
from synth.pipeline import Model, Piece, Request, speak
from synth.pup.listening import Plan, judge, say
from synth.pup.recogniser import Recogniser
from synth.semantic import embed_prompt
from synth.semantic import prompt_ids as semantic_prompt
from synth.voices import Voice

SENTENCES = (
    "the quick brown fox jumps over the lazy dog",
    "she sells sea shells by the shore",
    "one two three four five",
)
PLAN = Plan()
SPOKEN = ("int8",)  # of the forms, besides the exact one: without a compiler it is the same arithmetic


def main() -> None:
    """Print how far the forms agree with the exact model."""
    print(heading("torch", "numpy"))
    with torch.inference_mode():
        exact = compiled(checkpoint.load("pup"), "exact")
        jobs = [shipped_job(exact, sentence) for sentence in SENTENCES]
        agreement("the shipped model", exact, forms(checkpoint.load("pup")), jobs)
        plain = random_bark.ours(random_bark.theirs("small"), "small")
        agreement("Bark small, random weights", plain, forms(plain), [random_job()])


def words() -> None:
    """Print the word error rate of the forms that are spoken, over all sentences in each voice of the shipped model."""
    print(heading("torch", "numpy"))
    plain, recogniser = checkpoint.load("pup"), Recogniser()
    spoken = {"exact": compiled(plain, "exact")}
    spoken |= {name: model for name, model in forms(plain).items() if name in SPOKEN}
    print(f"{len(PLAN.sentences)} sentences: word errors (95 % interval), sentences identified among 20")
    for voice in plain.voices.names():
        for name, model in spoken.items():
            print(f"  {voice:12} {name:20} {heard(model, voice, recogniser)}", flush=True)


def forms(plain: Model) -> dict[str, Model]:
    """All that can be computed here, each with networks of its own where it changes them."""
    made = {"int8": compiled(plain, "int8"), "eager int8": eager_int8(plain)}
    return made | ({"float16": half(plain)} if torch.cuda.is_available() else {})


def half(plain: Model) -> Model:
    """float16 on a GPU."""
    parts = {name: copy.deepcopy(getattr(plain, name)).to("cuda", torch.float16) for name in random_bark.NETWORKS}
    return dataclasses.replace(plain, device=torch.device("cuda"), **parts)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """What all forms are shown."""

    ids: list[int]
    voice: Voice
    piece: Piece


def shipped_job(model: Model, sentence: str) -> Job:
    """A sentence as the exact model says it, in its first voice."""
    voice, ids = model.voices.get(model.voices.names()[0]), tokenized(model, sentence, None)[0]
    piece = speak(model, Request(pieces=[ids], voice=voice, seed=0)).pieces[0]
    return Job(ids=ids, voice=voice, piece=piece)


def random_job() -> Job:
    """Two seconds of random tokens behind ten."""
    voice, semantic, frames = random_bark.voice(), 100, 150
    part = Piece(
        waveform=np.zeros(0, np.float32),
        semantic=voice.semantic_prompt[:semantic],
        coarse=voice.coarse_prompt[:, :frames],
        fine=voice.fine_prompt[:, :frames],
    )
    return Job(ids=list(range(1000, 1012)), voice=voice, piece=part)


def agreement(title: str, exact: Model, rounded: dict[str, Model], jobs: list[Job]) -> None:
    """Print a line for each form and stage."""
    print(f"{title}: {'stage':>10} {'places':>8} {'same token':>11} {'logit error':>12}")
    for stage, ask in (("semantic", semantic_logits), ("coarse", coarse_logits), ("fine", fine_logits)):
        want = torch.cat([rows for job in jobs for rows in ask(exact, job)])
        for name, model in rounded.items():
            got = torch.cat([rows for job in jobs for rows in ask(model, job)]).to(want.device)
            same = (got.argmax(-1) == want.argmax(-1)).float().mean().item()
            error = ((got - want).std() / want.std()).item()
            print(f"  {name:20} {stage:>10} {len(want):8} {same:11.1%} {error:12.4f}", flush=True)
    print()


def semantic_logits(model: Model, job: Job) -> Iterable[Tensor]:
    """Rows (n, V + 1) at the places of the tokens."""
    prompt = embed_prompt(
        model.semantic, model.semantic_spec, semantic_prompt(model.semantic_spec, job.ids, job.voice.semantic_prompt)
    )
    tokens = torch.from_numpy(job.piece.semantic[:-1])[None].to(model.device)
    yield _next(model.semantic, torch.cat([prompt, model.semantic.embed(tokens)], 1), len(job.piece.semantic))[
        :, : model.semantic_spec.semantic_vocab_size
    ]


def coarse_logits(model: Model, job: Job) -> Iterable[Tensor]:
    """Rows (n, codebook size), window after window."""
    spec, network = model.coarse_spec, model.coarse
    history = job.voice.semantic_prompt[-spec.max_semantic_history :]
    semantic = np.concatenate([history, job.piece.semantic])
    past = flatten(spec, job.voice.coarse_prompt)[-spec.max_coarse_history :]
    made = flatten(spec, job.piece.coarse)
    for begin in range(0, len(made), spec.sliding_window_len):
        window = window_at(spec, len(history), begin, len(made))
        before = np.concatenate([past, made[: window.first_step]])
        prompt = prompt_ids(spec, window, semantic, before, network.config.block_size)
        shown = np.concatenate([prompt, made[window.first_step : window.first_step + window.steps - 1]])
        rows = _next(network, network.embed(torch.from_numpy(shown)[None].to(model.device)), window.steps)
        for step, row in enumerate(rows):
            first = spec.first_token((window.first_step + step) % spec.n_coarse_codebooks)
            yield row[None, first : first + spec.codebook_size]


def fine_logits(model: Model, job: Job) -> Iterable[Tensor]:
    """Rows (frames, codebook size) of each codebook that is not given, from its finished neighbours."""
    spec = model.fine_spec
    codes = torch.from_numpy(
        np.concatenate([job.voice.fine_prompt[:, -spec.max_fine_history_length :], job.piece.fine], 1)
    )
    codes = codes[None, :, -spec.max_fine_input_length :].to(model.device)
    for book in range(spec.n_coarse_codebooks, spec.n_fine_codebooks):
        shown = codes.clone()
        shown[:, book:] = spec.codebook_size
        yield model.fine.logits(model.fine(shown, book), book, spec.codebook_size)[0]


def heard(model: Model, voice: str, recogniser: Recogniser) -> str:
    """What the recogniser makes of all sentences in one voice."""
    spoken = [say(model, sentence, voice, PLAN.seed + number) for number, sentence in enumerate(PLAN.sentences)]
    figures = judge(voice, spoken, model.codec.sampling_rate, recogniser, PLAN.seed)
    low, high = figures.interval
    identified = f"{figures.identified} of {figures.sentences}"
    return f"{figures.word_errors:.1%} ({low:.1%} to {high:.1%}), {identified}"


def _next(network: CausalTransformer, embeds: Tensor, places: int) -> Tensor:
    """Logits (places, V) of the last places of a prompt (1, T, C)."""
    hidden = network(embeds, network.new_cache())
    return network.logits(hidden[0, -places:], 0, network.config.output_vocab_size)
