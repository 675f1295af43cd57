"""Folding: what looks alike is alike, what is another word stays one, and folding twice is folding once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guard.fold import MOST_MARKS, fold
from tests.bot.guard.hostile import PIECES, texts


@pytest.mark.parametrize(
    "written",
    [
        *("SPAM", "ＳＰＡＭ", "𝓼𝓹𝓪𝓶", "ⓢⓟⓐⓜ", "🅢🅟🅐🅜", "🇸🇵🇦🇲", "ѕрам", "ꜱᴘᴀᴍ", "ſpam", "spám", "s̷̢p̴̛a̵m̶", "sp\u0338am"),
        *(
            "s\u200bp\u00ada\u2060m",
            "s\u034fp\ufe0fam",
            "sp\U000e0061am",
            "\u202espam\u202c",
            "s\u3164pam",
            "sp\x00am",
            "spa\ue000m",
        ),
    ],
)
def test_one_form_for_what_looks_like_it(written: str) -> None:
    assert fold(written) == "spam"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("año", "ano"),
        ("schwül", "schwul"),
        ("Bär", "Bar"),
        ("が", "か"),
        ("ば", "ぱ"),
        ("की", "कु"),
        ("god", "good"),
        ("a1", "ai"),
    ],
)
def test_another_word_stays_another(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("バカ", "ばか"),
        ("ﾊﾞｶ", "ばか"),
        ("Straße", "STRASSE"),
        ("Été", "ete"),
        ("İstanbul", "istanbul"),
        ("٣", "3"),
        ("ÑU", "ñu"),
        ("SCHWÜL", "schwu\u0308l"),
    ],
)
def test_the_same_word_in_other_letters(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == once.casefold()
    assert not set(once) & set("\u200b\u200d\u202e\x00\n\ufe0f\ue000")


def test_hostile_texts_fold_once_and_for_all() -> None:
    assert [text for text in texts(1000, seed=6) if fold(fold(text)) != fold(text)] == []


def test_marks_are_bounded_and_letters_are_not_lost() -> None:
    """Marks that stay, like those of kana, stay in numbers that a word has."""
    assert 1 < len(fold("か" + "\u3099" * 500)) <= 1 + MOST_MARKS
    assert fold("a" + "\u0301\u0323" * 5000 + "b") == "ab"
    assert len(fold("\ufdfa" * 100)) <= 100
