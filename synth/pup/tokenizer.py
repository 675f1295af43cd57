"""The miniature's text tokens: letters, and a separator that counts the words.

The separators `<w0>` .. `<w15>` cycle from word to word. The semantic tokens carry the same sixteen marks on the first
frame of each word, so that the alignment between text and speech is a look-up, which so small a model learns fast.
"""

from __future__ import annotations

import re
from pathlib import Path

from synth.pup.reading import read

VOCABULARY = "vocab.txt"  # one token a line; the line's number is the id
PAD = "[PAD]"

_SEPARATOR = re.compile(r"<w\d+>")


class PupTokenizer:
    """Lower-case ASCII letters, apostrophe and four marks; other text is read onto them (reading.py)."""

    def __init__(self, tokens: list[str]) -> None:
        """`tokens` in the order of their ids; ValueError where there are no word separators among them."""
        self._separators = [index for index, token in enumerate(tokens) if _SEPARATOR.fullmatch(token)]
        if not self._separators:
            raise ValueError("the vocabulary has no word separators <w0>, <w1>, ...")
        self._ids = {token: index for index, token in enumerate(tokens)}
        marks = "".join(sign for sign in tokens if len(sign) == 1 and not sign.isalpha() and sign != "'")
        self._pieces = re.compile(f"[a-z']+|[{re.escape(marks)}]" if marks else "[a-z']+")

    @classmethod
    def from_folder(cls, folder: Path) -> PupTokenizer:
        """From vocab.txt in the model's folder."""
        return cls((folder / VOCABULARY).read_text("utf-8").splitlines())

    def encode(self, text: str) -> list[int]:
        """Ids of `text`: a separator and its letters for each word, one id for each mark."""
        ids: list[int] = []
        words = 0
        for piece in self._pieces.findall(read(text)):
            if piece in self._ids and not piece.isalpha() and piece != "'":
                ids.append(self._ids[piece])
                continue
            ids.append(self._separators[words % len(self._separators)])
            ids.extend(self._ids[letter] for letter in piece if letter in self._ids)
            words += 1
        return ids
