"""A text as words, in every way it may be meant: as written, with figures and signs for letters, with letters spelled out.

A reading is a tuple of words, so that a listed word inside another one is never found. What stands between words does
not matter. A text of n characters has at most four readings, of n words together in each.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from bot.guard.fold import fold

Reading = tuple[str, ...]

# Scripts that put no spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
SPELLED = 3  # single letters from which they count as spelled out; U.S. and e.g. are not
_FIGURES = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s"}
_ONE = "1!|"  # i or l
_SIGN = re.compile(r"[\d@$!|]")
_STANDS_FOR = re.compile(r"(?<=[^\W\d_])[!|](?=[^\W_])|(?<=[^\W\d_])[@$]+|[@$]+(?=[^\W_])|\d")
_APOSTROPHES = ("'", "\u2019")  # the s of it's is no letter by itself
_ONE_LETTER_WORDS = frozenset("aeiouy")  # in one of the five languages
_QUANTITY = re.compile(r"^\d+[^\W\d_]{0,2}$|^\d\d+")  # 8am, 4th, 100kg: figures that are figures


def readings(text: str) -> tuple[Reading, ...]:
    """All readings, the plain one first."""
    folded = fold(text)
    found = [words(folded), *(_chunks(folded, one) for one in "il"), _spelled(folded)]
    return tuple(dict.fromkeys(reading for reading in found if reading))


def words(folded: str) -> Reading:
    """The words of a folded text: runs of letters, figures and the marks on them, in any script."""
    return tuple(_without_signs(folded, " ").split())


def _without_signs(folded: str, instead: str) -> str:
    """Something else for each character that belongs to no word; spaces stay."""
    signs = (character for character in set(folded) if unicodedata.category(character)[0] not in "LMN")
    return folded.translate({ord(sign): instead for sign in signs if sign != " "})


def _chunks(folded: str, one: str) -> Reading:
    """What stands between spaces as one word each, signs for letters read: sp@m, s-pam, 5pam. `one`: what a 1 stands for."""
    if _SIGN.search(folded):
        folded = " ".join(_read(chunk, one) if _SIGN.search(chunk) else chunk for chunk in folded.split(" "))
    return tuple(_without_signs(folded, "").split())


def _read(chunk: str, one: str) -> str:
    """A chunk with its signs for letters read, unless they are figures that are meant as such."""
    bare = _without_signs(chunk, "")
    is_word = any(character.isalpha() for character in bare) and not _QUANTITY.match(bare)
    return _STANDS_FOR.sub(_letter(one), chunk) if is_word else chunk


def _letter(one: str) -> Callable[[re.Match[str]], str]:
    return lambda found: "".join(one if sign in _ONE else _FIGURES.get(sign, sign) for sign in found[0])


def _spelled(folded: str) -> Reading:
    """Letters one by one as words: s p a m, s.p.a.m. What else a run of them may be comes at the end."""
    found: list[str] = []
    others: list[str] = []
    for group in _groups(folded):
        joined = "".join(group)
        if len(group) < (2 if UNSPACED.match(joined) else SPELLED):
            found += group
            continue
        found.append(joined)
        begin, end = joined[0] in _ONE_LETTER_WORDS, joined[-1] in _ONE_LETTER_WORDS
        others += [joined[1:]] * begin + [joined[:-1]] * end + [joined[1:-1]] * (begin and end)
    return (*found, *others)


def _groups(folded: str) -> Iterator[list[str]]:
    """Each word by itself; single letters together as long as the same stands between them."""
    run: list[str] = []
    between, end = "", 0
    for word in re.finditer(r"\S+", _without_signs(folded, " ")):
        gap, end = folded[end : word.start()], word.end()
        single = len(word[0]) == 1 and gap not in _APOSTROPHES
        if single and len(run) == 2 and gap != between:  # the first of them stands apart: I s.p.a.m
            yield [run.pop(0)]
        elif run and not (single and (len(run) == 1 or gap == between)):
            yield run
            run = []
        if single:
            between = gap
            run.append(word[0])
        else:
            yield [word[0]]
    if run:
        yield run
