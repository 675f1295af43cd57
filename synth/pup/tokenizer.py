"""The miniature's text tokens: letters, and a separator that counts the words.

The separators `<w0>` .. `<w15>` cycle from word to word. The semantic tokens carry the same sixteen marks on the first
frame of each word, so that the alignment between text and speech is a look-up, which so small a model learns fast.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from synth.pup.reading import read

VOCABULARY = "vocab.txt"  # one token a line; the line's number is the id
PAD = "[PAD]"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_SEPARATOR = re.compile(r"<w\d+>")


class PupTokenizer:
    """Lower-case ASCII letters, apostrophe and four marks; other text is folded onto them or read as a pause."""

    def __init__(self, tokens: list[str], *, sentences: bool = False) -> None:
        """`tokens` in the order of their ids; ValueError where there are no word separators among them.

        `sentences`: for a model that was trained on several sentences at once, and on numbers in words (reading.py).
        """
        self._prepare = read if sentences else lambda text: one_sentence(fold(text))
        self._separators = [index for index, token in enumerate(tokens) if _SEPARATOR.fullmatch(token)]
        if not self._separators:
            raise ValueError("the vocabulary has no word separators <w0>, <w1>, ...")
        self._ids = {token: index for index, token in enumerate(tokens)}
        marks = "".join(sign for sign in tokens if len(sign) == 1 and not sign.isalpha() and sign != "'")
        self._pieces = re.compile(f"[a-z']+|[{re.escape(marks)}]" if marks else "[a-z']+")

    @classmethod
    def from_folder(cls, folder: Path) -> PupTokenizer:
        """From vocab.txt in the model's folder, and from its tokenizer_config.json whether it reads `sentences`."""
        config = folder / "tokenizer_config.json"
        settings = json.loads(config.read_text("utf-8")) if config.is_file() else {}
        tokens = (folder / VOCABULARY).read_text("utf-8").splitlines()
        return cls(tokens, sentences=settings.get("sentences") is True)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`: a separator and its letters for each word, one id for each mark."""
        ids: list[int] = []
        words = 0
        for piece in self._pieces.findall(self._prepare(text)):
            if piece in self._ids and not piece.isalpha() and piece != "'":
                ids.append(self._ids[piece])
                continue
            ids.append(self._separators[words % len(self._separators)])
            ids.extend(self._ids[letter] for letter in piece if letter in self._ids)
            words += 1
        return ids


def fold(text: str) -> str:
    """Lower case, accents dropped, digits spelt one by one, other punctuation as the nearest mark it can read."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = re.sub(r"[;:\u2013\u2014]", ",", plain)
    return re.sub(r"[0-9]", lambda digit: f" {DIGITS[int(digit[0])]} ", plain)


def one_sentence(text: str) -> str:
    """Marks between words as one comma each, and one mark at the end.

    The miniature was trained on single sentences: after a full stop it falls silent, whatever follows.
    """
    end = max((place for place, sign in enumerate(text) if "a" <= sign <= "z"), default=-1) + 1
    closing = re.search(r"[.,!?]", text[end:])
    return re.sub(r"[.,!?][\s.,!?]*", ", ", text[:end]) + (closing[0] if closing else "")
