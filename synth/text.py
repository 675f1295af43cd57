"""Text before the first stage: white space as the reference has it, and pieces that fit the model. Nothing is cut off.

The reference drops what is over 256 tokens with a line in the log, and its speech ends after 768 semantic tokens
(15.4 s) whatever is left to say. Here a long text becomes several pieces, cut at the best place that keeps each piece
within both limits: between sentences, else after a clause mark, else at a space, else anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import sentencex

from synth.errors import EmptyText
from synth.tokenizer import Tokenizer

# People speak 5 to 8 syllables a second in all languages measured (Coupé et al., Science Advances 2019). In an alphabet a
# syllable takes two to three characters with the spaces; a Chinese or hangul sign is a syllable, a kana a mora.
LETTERS_PER_SECOND = 15.0
SIGNS_PER_SECOND = 4.5  # Chinese characters, kana, hangul
FILL = 0.85  # of the longest speech the model can make: the rest is for slow voices and pauses
SHORTEST_LIMIT = 5.0  # seconds; a model that must be briefer is a miniature for tests: letters say nothing of its pace

_SIGN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TAG = re.compile(r"\[[^\[\]]{1,60}\]")  # [laughs], [clears throat]
_SONG = re.compile(r"♪[^♪]*♪")
_CLAUSE_END = re.compile(r"""[,;:)\u2013\u2014\u2026][\'"\u2019\u201d]*\s+|[\u3001\uff0c\uff1b\uff1a\u2026]""")
_LANGUAGE = re.compile(r"(?:^|/)([a-z]{2})_speaker_")

Fits = Callable[[str], bool]
Places = Callable[[str], Iterable[int]]  # where a text may be cut: indices into it


def normalise(text: str) -> str:
    """Each run of white space as one space, none at the ends (as the reference); EmptyText if nothing is left.

    Halves of surrogate pairs, which no encoding has and tokenizers choke on, become replacement characters.
    """
    plain = re.sub(r"\s+", " ", _SURROGATE.sub("\ufffd", text)).strip()
    if not plain:
        raise EmptyText("There is nothing to say: the text is empty.")
    return plain


def language_of(voice: str | None) -> str:
    """The language a voice's name tells ("v2/de_speaker_1": "de"), English where it tells none."""
    found = _LANGUAGE.search(voice or "")
    return found[1] if found else "en"


def speech_seconds(text: str) -> float:
    """About how long it takes to say `text`."""
    signs = len(_SIGN.findall(text))
    return signs / SIGNS_PER_SECOND + (len(text) - signs) / LETTERS_PER_SECOND


def pieces(text: str, *, tokenizer: Tokenizer, max_tokens: int, max_seconds: float, language: str = "en") -> list[str]:
    """Normalised text in pieces of at most `max_tokens` tokens and about `FILL` of `max_seconds` of speech.

    A text that fits is one piece, unchanged. The pieces together hold every character of the text except spaces at the
    cuts. EmptyText where there is nothing but white space.
    """

    def fits(piece: str) -> bool:
        return speech_seconds(piece) <= FILL * max_seconds and len(tokenizer.encode(piece)) <= max_tokens

    return split(normalise(text), fits=fits, language=language)


def split(text: str, *, fits: Fits, language: str = "en") -> list[str]:
    """`text` in as few pieces as a greedy walk finds, each of which fits where anything of it can."""

    def sentences(part: str) -> list[int]:
        return _sentence_ends(part, language)

    levels: list[Places] = [
        lambda part: _outside(sorted({*sentences(part), *_edges(_SONG, part)}), part, _TAG, _SONG),
        lambda part: _outside(sentences(part), part, _TAG),
        lambda part: _outside(_ends(_CLAUSE_END, part), part, _TAG),
        lambda part: _outside(_ends(re.compile(r"\s+"), part), part, _TAG),
        lambda part: _outside(_characters(part), part, _TAG),
        lambda part: range(1, len(part)),  # a tag longer than the model takes
    ]
    return [piece.strip() for piece in _break(text, fits, levels) if piece.strip()]


def _break(text: str, fits: Fits, levels: Sequence[Places]) -> list[str]:
    """Slices of `text` (joined they are `text`), cut at the first level's places, deeper only where that is too long."""
    if fits(text.strip()) or not levels:
        return [text]
    here, *deeper = levels
    bounds = [0, *here(text), len(text)]
    parts = [text[start:end] for start, end in pairwise(bounds) if end > start]
    return _pack([small for part in parts for small in _break(part, fits, deeper)], fits)


def _pack(parts: list[str], fits: Fits) -> list[str]:
    packed = parts[:1]
    for part in parts[1:]:
        together = packed[-1] + part
        if fits(together.strip()):
            packed[-1] = together
        else:
            packed.append(part)
    return packed


def _sentence_ends(text: str, language: str) -> list[int]:
    sentences = sentencex.segment(language, text)
    if "".join(sentences) != text:  # never lose a character to a segmenter: the next level cuts instead
        return []
    ends, end = [], 0
    for sentence in sentences[:-1]:
        end += len(sentence)
        ends.append(end)
    return ends


def _ends(pattern: re.Pattern[str], text: str) -> list[int]:
    return [found.end() for found in pattern.finditer(text)]


def _edges(pattern: re.Pattern[str], text: str) -> list[int]:
    return [edge for found in pattern.finditer(text) for edge in found.span()]


def _characters(text: str) -> list[int]:
    """Every index that does not part a letter from the marks combined with it."""
    return [index for index in range(1, len(text)) if not _joins(text[index - 1], text[index])]


def _joins(left: str, right: str) -> bool:
    joiner = "\u200d"
    return unicodedata.category(right).startswith("M") or joiner in (left, right)


def _outside(places: Iterable[int], text: str, *protected: re.Pattern[str]) -> list[int]:
    """The places that are not within a match of a protected pattern."""
    spans = [found.span() for pattern in protected for found in pattern.finditer(text)]
    inside = {place for start, end in spans for place in range(start + 1, end)}
    return [place for place in places if place not in inside]
