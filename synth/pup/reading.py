"""Numbers, signs and short forms as the words a reader would say: rules for English, for a model that only knows letters.

`read` leaves lower-case words and the marks `, . ? !`, each kept where it stands: a model trained on them pauses there.
"""

from __future__ import annotations

import re
import unicodedata

from synth.pup.lexicon import FUNCTION_WORDS, WORDS

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen"""
_TIES = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES, _TENS = _SMALL.split(), _TIES.split()
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_LARGEST = 10**12  # from here on digits are read one by one

_NAMES = "ay bee see dee ee eff gee aitch eye jay kay el em en oh pee cue ar ess tee you vee double-you ex why zee"
_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", _NAMES.split(), strict=True))
_VERY_SHORT = """a am an and are as at be but by can do for go he hi how if in is it me my no not of oh ok on or so the to up
    us we who why yes you"""
_WORDS = {
    *_VERY_SHORT.split(),
    *FUNCTION_WORDS,
    *(word for words in WORDS.values() for word in words),
}  # also in capitals
_SHORT = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "st": "saint", "vs": "versus",
    "etc": "et cetera", "approx": "approximately",
}  # fmt: skip
_SIGNS = {
    "&": "and",
    "%": "percent",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "#": "number",
    "\N{DEGREE SIGN}": "degrees",
}
_MONEY = {"$": ("dollar", "cent"), "\N{EURO SIGN}": ("euro", "cent"), "\N{POUND SIGN}": ("pound", "penny")}
_NO_VOWEL = re.compile(r"\b[b-df-hj-np-tv-xz]{2,5}\b")  # no word: its letters are said
_FOREIGN = re.compile(r"[^\x00-\x7f\u20ac\u00a3\u00b0\u2013\u2014]|_")  # all but ASCII, euro, pound, degree and dashes
_SAID_AS_THEY_ARE = {"hmm", "hm", "mm", "mmm", "shh", "sh", "psst", "pst", "brr", "tsk", "zzz", "grr", "pfft"}


def read(text: str) -> str:
    """Words and marks for any text; empty where nothing in it can be read."""
    text = _plain(text)
    text = re.sub(r"\b([A-Z]{2,5})\b", _spelt_capitals, text).lower()
    text = re.sub(r"\b(" + "|".join(_SHORT) + r")\.(?=\s|$)", lambda short: _SHORT[short[1]], text)
    text = re.sub(r"\be\.g\.", "for example", text)
    text = re.sub(r"\bi\.e\.", "that is", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"([$€£])\s?(\d+)(?:\.(\d\d))?\b", _money, text)
    text = re.sub(r"\b(\d{1,2}):(\d\d)\b", _clock, text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda found: f" {ordinal(int(found[1]))} ", text)
    text = re.sub(r"(?<![\w.])-(?=\d)", "minus ", text)
    text = re.sub(r"\d+(?:\.\d+)?", _number, text)
    text = "".join(f" {_SIGNS[sign]} " if sign in _SIGNS else sign for sign in text)
    text = _NO_VOWEL.sub(lambda word: word[0] if word[0] in _SAID_AS_THEY_ARE else spell(word[0]), text)
    return _marks(text)


def cardinal(number: int) -> str:
    """A whole number from 0 up, in words."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f" {_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" and {cardinal(rest)}" if rest else "")
    if number >= _LARGEST:
        return " ".join(_ONES[int(digit)] for digit in str(number))
    size, name = next((size, name) for size, name in _SCALES if number >= size)
    many, rest = divmod(number, size)
    return f"{cardinal(many)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """A place in a row: twenty first."""
    *before, last = cardinal(number).split()
    if last.endswith("y"):
        last = f"{last[:-1]}ieth"
    return " ".join([*before, _ORDINALS.get(last, last if last.endswith("ieth") else f"{last}th")])


def spell(letters: str) -> str:
    """The names of letters."""
    return " ".join(_LETTERS[letter].replace("-", " ") for letter in letters.lower())


def _plain(text: str) -> str:
    """Accents dropped, curly quotes straightened, letters and signs without a reading as spaces."""
    text = unicodedata.normalize("NFKD", text.replace("\N{LATIN SMALL LETTER SHARP S}", "ss"))
    text = "".join(character for character in text if not unicodedata.combining(character))
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{HORIZONTAL ELLIPSIS}", "...")
    return _FOREIGN.sub(" ", text)  # before the rules, which look for the edges of words


def _spelt_capitals(found: re.Match[str]) -> str:
    """USA is spelt, NASA is said, HELLO is shouted: what has a vowel and four letters or more is a word."""
    word = found[1]
    return word if len(word) > 3 and re.search("[AEIOUY]", word) else _known_short(word)


def _known_short(word: str) -> str:
    """Short capitals: common words stay words, others are spelt."""
    return word if word.lower() in _WORDS else spell(word)


def _money(found: re.Match[str]) -> str:
    whole, part = int(found[2]), int(found[3] or 0)
    name, small = _MONEY[found[1]]
    said = f"{cardinal(whole)} {name}{'' if whole == 1 else 's'}"
    return said + (f" and {cardinal(part)} {small if part == 1 else _plural(small)}" if part else "")


def _plural(name: str) -> str:
    return "pence" if name == "penny" else f"{name}s"


def _clock(found: re.Match[str]) -> str:
    hours, minutes = int(found[1]), int(found[2])
    if hours > 23 or minutes > 59:
        return f"{cardinal(hours)} {cardinal(minutes)}"
    rest = "o'clock" if not minutes else f"oh {cardinal(minutes)}" if minutes < 10 else cardinal(minutes)
    return f"{cardinal(hours)} {rest}"


def _number(found: re.Match[str]) -> str:
    """2.50 is two point five zero, 1984 a year, 007 its digits; spaces apart it from letters beside it."""
    whole, _, decimals = found[0].partition(".")
    digits = " ".join(_ONES[int(digit)] for digit in decimals)
    if len(whole) > 1 and whole.startswith("0"):
        said = " ".join(_ONES[int(digit)] for digit in whole)
    elif not decimals and len(whole) == 4 and ("11" <= whole[:2] <= "19") and whole[2] != "0":
        said = f"{cardinal(int(whole[:2]))} {cardinal(int(whole[2:]))}"
    else:
        said = cardinal(int(whole))
    return f" {said} point {digits} " if decimals else f" {said} "


def _marks(text: str) -> str:
    """Other punctuation as the nearest mark, one mark at a time, one space between words, none before a mark."""
    text = re.sub(r"[;:\u2013\u2014()\[\]{}]|\s-+\s", ",", text)
    text = re.sub(r"[^a-z',.?!]+", " ", text)
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", " ", text)
    text = re.sub(r"\s*([,.?!])[\s,.?!]*", _strongest, text)
    return re.sub(r"\s+", " ", text).strip(" ,")


def _strongest(found: re.Match[str]) -> str:
    """Of several marks in a row the one that says most."""
    return next(mark for mark in "?!.," if mark in found[0]) + " "
