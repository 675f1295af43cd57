"""What is to be said, and what counts as said."""

import hashlib
import math
import random
from itertools import pairwise

import pytest

from bot import texts
from bot.consent import spoken, terms, words

SIX = ("acorn", "bridge", "canyon", "dolphin", "engine", "fountain")
SAID = "i agree that this bot may make a synthetic copy of my voice my code words are"


def test_the_words_are_many_and_distinct() -> None:
    known = words.every()
    assert known == tuple(sorted(set(known)))
    assert len(known) >= 1024
    assert sum(math.log2(len(known) - place) for place in range(words.COUNT)) > 59.9
    assert all(word.isascii() and word.islower() and word.isalpha() and len(word) >= 4 for word in known)
    assert not set(known) & set(spoken.tokens(spoken.SENTENCE))


def test_no_two_words_are_a_letter_apart() -> None:
    """So that a word may be heard with one letter wrong and is still no other word."""
    known = words.every()
    by_length: dict[int, list[str]] = {}
    for word in known:
        by_length.setdefault(len(word), []).append(word)
    shortened = [short for word in known for short in {word[:place] + word[place + 1 :] for place in range(len(word))}]
    assert not set(shortened) & set(known)
    for group in by_length.values():
        masked = sorted(word[:place] + "*" + word[place + 1 :] for word in group for place in range(len(word)))
        assert all(one != other for one, other in pairwise(masked))


def test_six_are_drawn_none_twice() -> None:
    drawn = [words.draw(random.Random(seed)) for seed in range(50)]
    assert all(len(set(one)) == words.COUNT for one in drawn)
    assert len(set(drawn)) == 50


@pytest.mark.parametrize(
    "heard",
    [
        f"{SAID} acorn bridge canyon dolphin engine fountain",
        "I agree that this bot may make a synthetic copy of my voice. My code words are: Acorn, bridge, canyon, dolphin, engine, fountain.",
        f"{SAID} acorn uh bridge canyon dolphin engine fountain",
        f"{SAID} acorns bridge canyon dolphin engine fountains",
        f"{SAID} a corn bridge canyon doll fin dolphin engine foun tain",
        "i agree that this boat may make synthetic copy of my voice my code word are acorn bridge canyon dolphin engine fountain",
    ],
)
def test_what_was_to_be_said_passes(heard: str) -> None:
    assert spoken.wrong(heard, SIX) is None


@pytest.mark.parametrize(
    ("heard", "reason"),
    [
        (f"{SAID} acorn bridge canyon dolphin engine", "words"),
        (f"{SAID} acorn bridge canyon engine dolphin fountain", "words"),
        (f"{SAID} acorn bridge canyon dolphin engine kitten", "words"),
        (f"{SAID} corn bridge canyon dolphin engine fountain", "words"),
        ("", "words"),
        ("acorn bridge canyon dolphin engine fountain", "sentence"),
        ("i never agree to anything acorn bridge canyon dolphin engine fountain", "sentence"),
        (f"{SAID} {SAID} acorn bridge canyon dolphin engine fountain", "sentence"),
    ],
)
def test_anything_else_does_not(heard: str, reason: str) -> None:
    assert spoken.wrong(heard, SIX) == reason


def test_what_is_to_be_said_would_pass() -> None:
    for seed in range(20):
        drawn = words.draw(random.Random(seed))
        assert spoken.wrong(spoken.to_say(drawn), drawn) is None


def test_no_draw_passes_for_another() -> None:
    for seed in range(200):
        one, other = words.draw(random.Random(seed)), words.draw(random.Random(seed + 1000))
        assert spoken.wrong(spoken.to_say(one), other) == "words"


def test_the_terms_are_of_their_version() -> None:
    """Whoever changes the English text raises the version, and writes the new hash here."""
    known = {1: "720c188a225f3fc70a3ea8df3cc8a8cfaa2a075ac7e8fe87f3fbabf28d99f676"}
    assert hashlib.sha256(texts.CONSENT_TERMS.encode()).hexdigest() == known[terms.VERSION]
    assert terms.current(terms.mark("anything"))
    assert not terms.current("0:abc")
