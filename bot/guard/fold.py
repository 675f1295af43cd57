"""A text as it is compared: letters that look alike are alike, capitals and marks are gone, so is what nobody sees.

What is another word stays another: ñ, ä, ö and ü are letters of their own (Spanish año and ano, German schwül and schwul).
Combining marks of scripts that cannot do without (Hindi vowels, Japanese voicing) stay; those that any letter may carry go.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping

# Unicode's stream-safe format (UAX #15) allows 30; no word has more than this. Long runs make normalisation quadratic.
MOST_MARKS = 4
LONGEST = 8  # characters that one may stand for; U+FDFA is a prayer of eighteen
ROUNDS = 5  # until nothing changes; two are the usual

# Marks that go on any letter: combining diacritical marks and their supplements, for symbols, half marks; Hebrew points
# and Arabic vowel signs, which their readers do without.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
)
_LETTER_OF_ITS_OWN = re.compile(f"([aou]\u0308|n\u0303)(?![{_MARKS}])", re.IGNORECASE)
_MARK = re.compile(f"[{_MARKS}]")
_KEPT = {"\u0308": "\ue000", "\u0303": "\ue001"}  # private characters in their place while the others go
_INVISIBLE = {
    *map(chr, range(0x180B, 0x1810)),  # Mongolian variation selectors and vowel separator
    *map(chr, range(0xFE00, 0xFE10)),  # variation selectors
    *map(chr, range(0xE0100, 0xE01F0)),  # and their supplement
    *"\u115f\u1160\u3164\uffa0",  # Hangul fillers: letters by their category, seen by nobody
    "\u17b4",
    "\u17b5",  # Khmer's inherent vowels
}
_KATAKANA = range(0x30A1, 0x30F7)
_TO_HIRAGANA = 0x60


def fold(text: str) -> str:
    """The form in which texts are compared. Folding it again changes nothing."""
    for _ in range(ROUNDS):
        before, text = text, _once(text)
        if text == before:
            break
    return text


def _once(text: str) -> str:
    text = unicodedata.normalize("NFKD", _few_marks(_mapped(text, _seen)))
    text = _MARK.sub("", _LETTER_OF_ITS_OWN.sub(lambda found: found[1][0] + _KEPT[found[1][1]], text))
    for mark, stand_in in _KEPT.items():
        text = text.replace(stand_in, mark)
    return unicodedata.normalize("NFKC", _few_marks(_mapped(text, _plain)))


def _mapped(text: str, one: Callable[[str], str]) -> str:
    """Each character as `one` has it, which is asked once for each that occurs."""
    return text.translate({ord(character): one(character) for character in set(text)})


def _seen(character: str) -> str:
    """What is seen of a character: white space is a space, control and format characters are nothing."""
    if character.isspace():
        return " "
    if character in _INVISIBLE or unicodedata.category(character)[0] == "C":
        return ""
    return character if len(unicodedata.normalize("NFKD", character)) <= LONGEST else " "


def _plain(character: str) -> str:
    """A small letter of the commonest script in which it looks so, an ASCII figure, or the character itself."""
    decimal = unicodedata.decimal(character, None)
    if decimal is not None:
        return str(decimal)
    return "".join(
        chr(ord(small) - _TO_HIRAGANA) if ord(small) in _KATAKANA else _lookalikes().get(small, small)
        for small in character.casefold()
    )


@functools.cache
def _lookalikes() -> Mapping[str, str]:
    """Each letter of lookalikes.toml -> the Latin one."""
    file = importlib.resources.files(__package__) / "lookalikes.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return {character: letter for letter, characters in table.items() for character in characters}


def _few_marks(text: str) -> str:
    """At most so many combining marks after one another."""
    if text.isascii() or not any(map(unicodedata.combining, set(text))):
        return text
    return "".join(_few(text))


def _few(text: str) -> Iterator[str]:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= MOST_MARKS:
            yield character
