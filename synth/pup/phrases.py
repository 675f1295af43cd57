"""The texts of the training: sentences from patterns, random words, made-up words; one to three sentences in a text.

The word list is this project's own (lexicon.py). Endings put to its words give inflections, and syllables put together give
words that no list has, so that the letters of any name are learnt. The recogniser's dictionary (CMUdict) adds the breadth:
134,000 words and names, of which only the spelling is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from synth.pup.lexicon import FUNCTION_WORDS, PATTERNS, WORDS

LONGEST_WORD = 12  # letters
LONGEST_TEXT = 150  # characters: about ten seconds, which is what the semantic stage can say at once

_ONSETS = (
    "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sm sn sp st str t th tr v w wh y z"
)
_NUCLEI = "a e i o u ai ea ee ie oa oo ou ay ey ar er or"
_CODAS = "b ck d ff g ght k l ll ld lt m mp n nd ng nk nt p r rd rk rm rn rt s ss sh st t tch th ve x y"
_PLAIN = re.compile(rf"[a-z]{{2,{LONGEST_WORD}}}|a|i")


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Makes texts of lower-case words and `, . ? !`, as the tokenizer leaves them."""

    common: tuple[str, ...] = field(default_factory=lambda: tuple(_all_words()))
    listed: tuple[str, ...] = ()  # of a dictionary

    def text(self, random: np.random.Generator) -> str:
        """One text: mostly one sentence, sometimes a few words, sometimes two or three sentences."""
        kind = random.random()
        if kind < 0.15:
            return self._words(random, int(random.integers(1, 4)))
        count = 1 if kind < 0.65 else 2 if kind < 0.88 else 3
        sentences = [self._sentence(random) for _ in range(count)]
        text = " ".join(sentences)
        while len(text) > LONGEST_TEXT:
            sentences.pop()
            text = " ".join(sentences)
        if random.random() < 0.25:
            text = text.rstrip(".")
        return text

    def _sentence(self, random: np.random.Generator) -> str:
        made = random.random() < 0.5
        sentence = _pattern(random) if made else self._words(random, int(random.integers(2, 12)))
        if sentence.endswith("?"):
            return sentence
        return sentence + ("!" if random.random() < 0.12 else ".")

    def _words(self, random: np.random.Generator, count: int) -> str:
        words = [self._word(random) + ("," if random.random() < 0.07 else "") for _ in range(count)]
        return " ".join(words).rstrip(",")

    def _word(self, random: np.random.Generator) -> str:
        kind = random.random()
        if kind < 0.2:
            return _pick(random, FUNCTION_WORDS)
        if kind < 0.5:
            return _pick(random, self.common)
        if kind < 0.78:
            return _pick(random, self.listed) if self.listed else _inflected(random, self.common)
        if kind < 0.9:
            return _inflected(random, self.common)
        return _made_up(random)


def read_list(path: Path) -> tuple[str, ...]:
    """The plain lower-case words that begin the lines of a list or a dictionary; ValueError where it has none."""
    firsts = {
        line.split(maxsplit=1)[0] for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()
    }
    words = tuple(sorted(word for word in firsts if _PLAIN.fullmatch(word)))
    if not words:
        raise ValueError(f"{path} holds no words")
    return words


def _all_words() -> Sequence[str]:
    return sorted({word for words in WORDS.values() for word in words})


def _pattern(random: np.random.Generator) -> str:
    slots = _pick(random, PATTERNS).split()
    said = " ".join(_pick(random, WORDS[slot]) if slot in WORDS else slot.lower() for slot in slots)
    return re.sub(r" ([,?])", r"\1", said)


def _inflected(random: np.random.Generator, words: Sequence[str]) -> str:
    """A word with an ending or a beginning put to it by the commonest rules of spelling."""
    word = _pick(random, words)
    if "'" in word:
        return word
    if random.random() < 0.15:
        return _fitting(_pick(random, ("un", "re", "over", "out", "under")) + word, word)
    ending = _pick(random, ("s", "ed", "ing", "er", "ly", "ness", "y", "ful", "less", "est", "ment", "able"))
    stem = word[:-1] if word.endswith("e") and ending[0] in "eiay" else word
    if word.endswith("y") and ending in ("ed", "er", "est", "ness", "ful", "ly"):
        stem = word[:-1] + "i"
    return _fitting(stem + ending, word)


def _fitting(made: str, word: str) -> str:
    return made if len(made) <= LONGEST_WORD else word


def _made_up(random: np.random.Generator) -> str:
    syllables = (
        _pick(random, _ONSETS.split()) + _pick(random, _NUCLEI.split()) for _ in range(int(random.integers(1, 4)))
    )
    end = _pick(random, _CODAS.split()) if random.random() < 0.7 else ""
    return ("".join(syllables) + end)[:LONGEST_WORD]


def _pick(random: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(random.integers(len(choices)))]
