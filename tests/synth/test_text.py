# ruff: noqa: RUF001 - full-width punctuation is what is tested
"""Splitting: nothing is lost, everything fits, cuts are where a reader would pause."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import EmptyText
from synth.text import language_of, normalise, pieces, speech_seconds, split


class Letters:
    """One token for each character that is no space."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text if letter != " "]


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


def shorter_than(limit: int):
    return lambda text: len(text) <= limit


def test_white_space_becomes_single_spaces() -> None:
    assert normalise(" a\n\n b\t\u00a0c\u3000") == "a b c"


def test_half_a_surrogate_pair_becomes_a_replacement_character():
    assert normalise("a \ud83d b") == "a \ufffd b"


@pytest.mark.parametrize("text", ["", " ", "\n\t\u2003"])
def test_a_text_of_white_space_is_empty(text: str) -> None:
    with pytest.raises(EmptyText):
        normalise(text)


def test_a_text_that_fits_is_one_piece_as_it_is() -> None:
    text = "One. Two, three! [laughs] Four?"
    assert pieces(text, tokenizer=Letters(), max_tokens=256, max_seconds=15) == [text]


def test_cuts_are_between_sentences_first() -> None:
    text = "Dr. Smith went home. He slept, and dreamt. Then he woke."
    assert split(text, fits=shorter_than(25)) == ["Dr. Smith went home.", "He slept, and dreamt.", "Then he woke."]


def test_short_sentences_share_a_piece() -> None:
    assert split("One. Two. Three. Four.", fits=shorter_than(10)) == ["One. Two.", "Three.", "Four."]


def test_a_long_sentence_is_cut_at_clause_marks_then_at_spaces_then_anywhere() -> None:
    assert split("first this, then that; and on", fits=shorter_than(12)) == ["first this,", "then that;", "and on"]
    assert split("no marks in here at all", fits=shorter_than(12)) == ["no marks in", "here at all"]
    assert split("Donaudampfschiff", fits=shorter_than(6)) == ["Donaud", "ampfsc", "hiff"]


def test_japanese_and_chinese_are_cut_after_their_own_marks() -> None:
    assert split("こんにちは。元気ですか？はい！", fits=shorter_than(7), language="ja") == [
        "こんにちは。",
        "元気ですか？",
        "はい！",
    ]
    assert split("你好，世界，再见", fits=shorter_than(4), language="zh") == ["你好，", "世界，", "再见"]


def test_a_tag_stays_whole_even_where_it_holds_the_only_spaces() -> None:
    assert split("wordwordword[clears throat]word", fits=shorter_than(16)) == [
        "wordwordword",
        "[clears throat]w",
        "ord",
    ]


def test_a_song_stays_whole_where_it_fits() -> None:
    text = "He sang. ♪ La la. Lo lo. ♪ And went."
    assert split(text, fits=shorter_than(18)) == ["He sang.", "♪ La la. Lo lo. ♪", "And went."]


def test_a_song_that_does_not_fit_is_cut_inside() -> None:
    parts = split("♪ La la la la. Lo lo lo lo. ♪", fits=shorter_than(16))
    assert all(len(part) <= 16 for part in parts)
    assert bare("".join(parts)) == bare("♪ La la la la. Lo lo lo lo. ♪")


def test_marks_stay_with_the_letter_they_belong_to() -> None:
    assert split("e\u0301e\u0301e\u0301", fits=shorter_than(3)) == ["e\u0301", "e\u0301", "e\u0301"]


def test_both_limits_hold() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 20
    by_tokens = pieces(text, tokenizer=Letters(), max_tokens=40, max_seconds=1000)
    by_time = pieces(text, tokenizer=Letters(), max_tokens=10_000, max_seconds=10)
    assert all(len(bare(piece)) <= 40 for piece in by_tokens)
    assert all(speech_seconds(piece) <= 8.5 for piece in by_time)
    assert len(by_time) == 10  # two sentences of three seconds each


def test_a_chinese_character_takes_longer_than_a_letter() -> None:
    assert speech_seconds("你好你好你好你好你") == pytest.approx(2.0)
    assert speech_seconds("a" * 30) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("voice", "language"),
    [("v2/de_speaker_3", "de"), ("ja_speaker_0", "ja"), ("pup_a", "en"), ("announcer", "en"), (None, "en")],
)
def test_the_language_comes_from_the_voice(voice: str | None, language: str) -> None:
    assert language_of(voice) == language


alphabet = st.one_of(st.sampled_from(" .,!?;:[]♪\n\"'…。、？abc Dr"), st.characters(exclude_categories=["Cs"]))


@given(
    text=st.text(alphabet, max_size=200), limit=st.integers(1, 40), language=st.sampled_from(["en", "de", "zh", "xx"])
)
def test_nothing_is_ever_lost(text: str, limit: int, language: str) -> None:
    """The pieces are the text, except for spaces at the cuts; each fits, since a single character does."""
    if not text.strip():
        return
    parts = split(normalise(text), fits=shorter_than(limit), language=language)
    assert bare("".join(parts)) == bare(normalise(text))
    assert all(0 < len(part) <= limit and part == part.strip() for part in parts)
