"""Text -> token ids, by the tokenizer that lies in the model's folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from transformers import AutoTokenizer
from transformers.utils import logging

from synth.errors import ModelError
from synth.pup.tokenizer import PupTokenizer

FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")  # one of them is enough to look further


class Tokenizer(Protocol):
    """What the semantic stage needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Ids of `text` from 0 up, without special tokens and without any limit on their number."""
        ...


class FolderTokenizer:
    """The tokenizer that transformers finds in a folder (for Bark: multilingual, cased WordPiece)."""

    def __init__(self, folder: Path) -> None:
        with quiet_transformers():
            self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        # Bark's stages have their own limit (text.py keeps to it); the tokenizer's would only log a warning.
        self._tokenizer.model_max_length = 1 << 30

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, no [CLS] and [SEP]: as in the reference."""
        return list(self._tokenizer.encode(text, add_special_tokens=False))


class BoundedTokenizer:
    """A tokenizer whose ids all have an embedding in the model it is used with."""

    def __init__(self, inner: Tokenizer, size: int) -> None:
        """`size` is how many text ids the model knows."""
        self._inner, self._size = inner, size

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; ModelError for one that the model does not know: on a GPU it would break the process."""
        ids = self._inner.encode(text)
        if ids and max(ids) >= self._size:
            raise ModelError(
                f"The tokenizer makes the id {max(ids)}, but the model knows only {self._size} text tokens."
            )
        return ids


def load_tokenizer(folder: Path, size: int) -> Tokenizer:
    """The tokenizer of a model that knows `size` text ids; ModelError where there is none that can be read."""
    if not any((folder / name).is_file() for name in FILES):
        raise ModelError(f"{folder} has no tokenizer: tokenizer.json or vocab.txt is missing.")
    try:
        if _class_name(folder) == PupTokenizer.__name__:
            return BoundedTokenizer(PupTokenizer.from_folder(folder), size)
        return BoundedTokenizer(FolderTokenizer(folder), size)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelError(f"The tokenizer in {folder} cannot be read: {_first_line(error)}") from error


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Only errors from transformers' loggers while a folder is read: its advice is for its own API."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call] # transformers' own
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _class_name(folder: Path) -> Any:
    config = folder / "tokenizer_config.json"
    return json.loads(config.read_text("utf-8")).get("tokenizer_class") if config.is_file() else None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
