"""Text -> semantic tokens, after a history of any length, from any speech.

Short texts come first. The window for text and history is cut to what a batch needs, with the positions it has at
generation, and is whole for half of the batches later on. A prompt of the engine's has nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.pup.corpus import Corpus, Utterance
from synth.pup.recipe import TEXT_TOKENS, Layout
from synth.pup.tokenizer import PupTokenizer
from synth.pup.tokens import Alphabet, Tokens
from synth.pup.train.loop import random_of
from synth.pup.train.trunk import IGNORED, causal, cross_entropy, half_pays, hidden_states

SHORT_UNTIL, SHORT = 0.12, 90  # of the training; semantic tokens
WHOLE_FROM = 0.4  # of the training: every second batch has the whole window
WITH_HISTORY = 0.6  # of the utterances
NEIGHBOURS = 64  # a batch is drawn from so many texts of about the same length for each row
VALIDATION_BATCHES = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Example:
    """A text's ids (without offset), its semantic tokens, and which of them are choices."""

    ids: tuple[int, ...]
    semantic: Tokens
    choice: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Batch:
    """`window` is how much of the text's 256 positions is there."""

    text: Tensor  # (B, window) with offset and pads
    history: Tensor  # (B, window)
    speech: Tensor  # (B, T) the infer token, then all semantic tokens but the last
    targets: Tensor  # (B, T)
    choice: Tensor  # (B, T) bool


class SemanticTask:
    """The semantic stage."""

    name = "semantic"

    def __init__(self, layout: Layout, alphabet: Alphabet, corpus: Corpus, *, batch: int, device: str = "cpu") -> None:
        """`batch` is a number of tokens."""
        self.module = causal(layout.semantic_size_of(), layout.recipe.seed).to(device)
        self._spec, self._tokens, self._device, self._half = layout.semantic, batch, device, half_pays(device)
        tokenizer = PupTokenizer(list(TEXT_TOKENS))
        self._train = _examples(corpus.train, tokenizer, alphabet, self._spec.max_input_semantic_length)
        self._validation = _examples(corpus.validation, tokenizer, alphabet, self._spec.max_input_semantic_length)

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:
        """Cross entropy of every token and of the end."""
        pool = self._train
        if progress < SHORT_UNTIL:
            pool = [example for example in pool if len(example.semantic) <= SHORT] or pool
        whole = progress >= WHOLE_FROM and random.random() < 0.5
        batch = self._batch(random, pool, whole=whole)
        return cross_entropy(self._logits(batch), batch.targets)

    def validate(self) -> dict[str, float]:
        """Loss, and the share of choices made right: all at the whole window, half of them with a long history."""
        losses, right, choices = 0.0, 0, 0
        for number in range(VALIDATION_BATCHES):
            batch = self._batch(random_of(0, "validation", number), self._validation, whole=True)
            logits = self._logits(batch)
            losses += cross_entropy(logits, batch.targets).item()
            hit = (logits.argmax(-1) == batch.targets) & batch.choice
            right, choices = right + int(hit.sum()), choices + int(batch.choice.sum())
        return {"loss": losses / VALIDATION_BATCHES, "choices": right / max(1, choices)}

    def _logits(self, batch: Batch) -> Tensor:
        model, window = self.module, batch.text.shape[1]
        prompt = model.embed(batch.text) + model.embed(batch.history)
        embeds = torch.cat([prompt, model.embed(batch.speech)], dim=1)
        start = self._spec.max_input_semantic_length
        places = [torch.arange(window), torch.arange(start, start + batch.speech.shape[1])]
        hidden = hidden_states(model, embeds, torch.cat(places).to(self._device), half=self._half)
        return model.logits(hidden[:, window:], 0, self._spec.semantic_vocab_size + 1)

    def _batch(self, random: np.random.Generator, pool: Sequence[Example], *, whole: bool) -> Batch:
        """Texts of about one length, as many as the token budget holds behind a window that holds their histories."""
        room = self._spec.max_input_semantic_length
        start = int(random.integers(len(pool)))
        near = pool[max(0, start - NEIGHBOURS) : start + NEIGHBOURS]
        longest_history = room if whole else _any_length(random, room)
        window = room if whole else max([longest_history, *(len(example.ids) for example in near)])
        rows = max(1, self._tokens // (window + 1 + max(len(example.semantic) for example in near)))
        chosen = [near[int(index)] for index in random.integers(len(near), size=rows)]
        histories = [self._history(random, pool, longest_history) for _ in chosen]
        return self._assembled(chosen, histories, whole=whole)

    def _history(self, random: np.random.Generator, pool: Sequence[Example], longest: int) -> Tokens:
        """A stretch of some other speech, from one token to `longest`; none for some."""
        if random.random() >= WITH_HISTORY:
            return np.zeros(0, np.int64)
        length = _any_length(random, longest)
        speech = np.concatenate([pool[int(index)].semantic for index in random.integers(len(pool), size=3)])
        end = int(random.integers(min(length, len(speech)), len(speech) + 1))
        return speech[max(0, end - length) : end]

    def _assembled(self, chosen: Sequence[Example], histories: Sequence[Tokens], *, whole: bool) -> Batch:
        spec, rows = self._spec, len(chosen)
        most = max(max(len(one.ids), len(past)) for one, past in zip(chosen, histories, strict=True))
        window = spec.max_input_semantic_length if whole else most
        steps = max(len(one.semantic) for one in chosen) + 1
        text = np.full((rows, window), spec.text_pad_token)
        history = np.full((rows, window), spec.semantic_pad_token)
        speech = np.full((rows, steps), spec.semantic_infer_token)
        targets = np.full((rows, steps), IGNORED)
        choice = np.zeros((rows, steps), bool)
        for row, (one, past) in enumerate(zip(chosen, histories, strict=True)):
            count = len(one.semantic)
            text[row, : len(one.ids)] = np.array(one.ids) + spec.text_encoding_offset
            history[row, : len(past)] = past
            speech[row, 1 : count + 1] = one.semantic
            targets[row, :count], targets[row, count] = one.semantic, spec.eos_token
            choice[row, :count] = one.choice
        arrays = (torch.from_numpy(array).to(self._device) for array in (text, history, speech, targets, choice))
        return Batch(**dict(zip(("text", "history", "speech", "targets", "choice"), arrays, strict=True)))


def _any_length(random: np.random.Generator, longest: int) -> int:
    """From 1 to `longest`, short ones as likely as long ones."""
    return round(float(np.exp(random.uniform(0, np.log(longest)))))


def _examples(utterances: Sequence[Utterance], tokenizer: PupTokenizer, alphabet: Alphabet, room: int) -> list[Example]:
    """Sorted by length; without those whose text does not fit."""
    made = [
        Example(ids=tuple(tokenizer.encode(one.text)), semantic=one.semantic, choice=alphabet.is_choice(one.semantic))
        for one in utterances
    ]
    fitting = [example for example in made if len(example.ids) <= room]
    return sorted(fitting, key=lambda example: len(example.ids) + len(example.semantic))
