"""Numbers, signs and short forms are read as a reader would, and every text comes out as words and four marks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.pup.reading import cardinal, ordinal, read, spell


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7", "seven"),
        ("21 dogs", "twenty one dogs"),
        ("305", "three hundred and five"),
        ("12,600 people", "twelve thousand six hundred people"),
        ("3.14", "three point one four"),
        ("007", "zero zero seven"),
        ("in 1984", "in nineteen eighty four"),
        ("in 2026", "in two thousand twenty six"),
        ("-5", "minus five"),
        ("the 22nd", "the twenty second"),
        ("50%", "fifty percent"),
        ("$1", "one dollar"),
        ("$2.50", "two dollars and fifty cents"),
        ("\N{POUND SIGN}3.01", "three pounds and one penny"),
        ("at 9:05", "at nine oh five"),
        ("at 12:00", "at twelve o'clock"),
        ("R2", "r two"),
        ("1234567890123", "one two three four five six seven eight nine zero one two three"),
    ],
)
def test_numbers_are_words(text: str, words: str) -> None:
    assert read(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mr. Fox & Mrs. Hen", "mister fox and missus hen"),
        ("cats, e.g. lions", "cats, for example lions"),
        ("the USA", "the you ess ay"),
        ("HELLO there", "hello there"),
        ("GO NOW", "go now"),
        ("my PC", "my pee see"),
        ("hmm", "hmm"),
        ("a cd", "a see dee"),
    ],
)
def test_short_forms_are_said_or_spelt(text: str, words: str) -> None:
    assert read(text) == words


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("\N{LATIN CAPITAL LETTER U WITH DIAERESIS}nited don\N{RIGHT SINGLE QUOTATION MARK}t", "united don't"),
        ("a; b: c", "a, b, c"),
        ("so... what?!", "so. what?"),
        ("wait \N{EM DASH} no", "wait, no"),
        ("[laughs] well", "laughs, well"),
        ("'quoted' words", "quoted words"),
        ("\u4f60\u597d \u266a", ""),
        ("", ""),
    ],
)
def test_marks_become_the_four_it_knows(text: str, marked: str) -> None:
    assert read(text) == marked


@given(st.text(max_size=80))
def test_any_text_becomes_words_and_marks_with_single_spaces(text: str) -> None:
    assert re.fullmatch(r"([a-z']+[,.?!]?( |$)|[.?!] ?)*", read(text)), read(text)


@given(st.text(max_size=60))
def test_what_was_read_is_read_the_same_again(text: str) -> None:
    once = read(text)
    assert read(once) == once


@given(st.integers(0, 10**12 - 1))
def test_every_number_has_words(number: int) -> None:
    assert re.fullmatch(r"[a-z]+( [a-z]+)*", cardinal(number))
    assert ordinal(number).rsplit(" ", 1)[-1].endswith(("st", "nd", "rd", "th", "first", "second", "third"))


def test_letters_have_names() -> None:
    assert spell("ABW") == "ay bee double you"
