"""What is said in a recording: Whisper through transformers, from a folder on this machine.

Where no recogniser is, nothing that was said can be checked, and what depends on it is off: `enrolment.py` sees to that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from synth.enrol.level import Waveform
from synth.enrol.networks import load_whole, with_turns
from synth.errors import ModelError

LONGEST = 200  # tokens: people say five a second at most, and 20 s are listened to


class Whisper:
    """Any size of it, of one language or of all: then it finds out which one is spoken."""

    def __init__(self, model: Any, processor: Any, breathe: Callable[[], None]) -> None:
        layers = [*model.model.encoder.layers, *model.model.decoder.layers]
        self._model, self._processor = with_turns(model, layers, breathe), processor

    @classmethod
    def load(cls, folder: Path, breathe: Callable[[], None]) -> Whisper:
        """From a folder in the Hugging Face layout. ModelError."""
        try:
            processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            # as in load_whole
            raise ModelError(f"{folder} holds no Whisper: {(str(error).splitlines() or [''])[0]}") from error
        model = load_whole(WhisperForConditionalGeneration, folder, spare=("proj_out.weight",))  # tied to the embedding
        if len(processor.tokenizer) <= model.config.eos_token_id:  # what transformers makes of no file at all
            raise ModelError(f"{folder} holds no words for its Whisper: its tokenizer is missing.")
        return cls(model, processor, breathe)

    @torch.inference_mode()
    def read(self, waveform: Waveform, rate: int) -> str:
        """The words of (n,) at 16 kHz, at most 30 s."""
        heard = self._processor(waveform, sampling_rate=rate, return_tensors="pt", return_attention_mask=True)
        tokens = self._model.generate(
            heard.input_features, attention_mask=heard.attention_mask, max_new_tokens=LONGEST, do_sample=False
        )
        words: str = self._processor.batch_decode(tokens, skip_special_tokens=True)[0]
        return words.strip()
