"""Word lists: words and phrases are found however they are written, and never inside other words."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guard.listed import listed, usable
from bot.guard.readings import readings

WORDS = (
    "spam",
    "ass",
    "cum",
    "god",
    "buy now",
    "kill",
    "ano",
    "schwul",
    "ばか",
    "バカやろう",
    "傻瓜",
    "don't",
    "спам",
    "Tシャツ",
)


def found(text: str, *words: str) -> bool:
    return listed(words or WORDS).found(readings(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "spam",
            "no SPAM, please",
            "spam!",
            "«spam»",
            "_spam_",
            "**spam**",
            "spaaaam",
            "SPAMMMM",
            "ѕраm",
            "ｓｐａｍ",
            "s\u200bpam",
        ),
        *(
            "s p a m",
            "s.p.a.m",
            "s-p-a-m",
            "S  P  A  M",
            "s_p_a_m",
            "I s p a m you",
            "I s.p.a.m",
            "s p a m a",
            "sp.am",
            "s-pam",
            "sp*am",
        ),
        *("5pam", "sp4m", "sp@m", "$pam", "k1ll", "k!ll", "ki11", "k|ll", "a55", "a$$", "a$s"),
        *("buy now", "BUY   NOW!", "b u y  n o w", "buy... now", "bu.y n0w", "buuuuy now", "don’t", "don't"),
        *(
            "お前はばかだ",
            "バ カ",
            "ば・か",
            "ﾊﾞｶだ",
            "ばかやろう",
            "你是傻瓜吗",
            "傻 瓜",
            "このTシャツ",
            "this is TシャツX",
        ),
        *("спам", "СПАМ", "c\u0301пам"),
    ],
)
def test_it_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "   ",
            "hello there",
            "Scunthorpe",
            "class",
            "assess the assassin",
            "pass, grass, bass",
            "cucumber",
            "document",
            "circumstance",
        ),
        *(
            "good",
            "goods",
            "gods",
            "spammer",
            "skill",
            "killer",
            "as",
            "a s",
            "U.S.",
            "e.g. this",
            "buy it now",
            "now buy",
            "buyer now",
        ),
        *(
            "feliz año",
            "es ist schwül",
            "hano",
            "8am",
            "the 4th",
            "10kg",
            "1 + 1 = 2",
            "2024",
            "as5et",
            "kilo",
            "don",
            "t",
        ),
        *("か", "はか", "傻", "シャツ", "cam", "спамер"),
    ],
)
def test_it_is_not_found(text: str) -> None:
    assert not found(text)


@given(st.sampled_from(["spam", "kill", "cum"]), st.text(string.ascii_lowercase, min_size=1, max_size=5), st.booleans())
def test_never_within_another_word(word: str, more: str, before: bool) -> None:  # noqa: FBT001 - drawn
    """Letters before or after make it another word, unless they only draw out its own."""
    whole = more + word if before else word + more
    drawn_out = set(more) <= {word[0] if before else word[-1]}
    assert found(whole, word) <= drawn_out


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_list_finds_its_own_words(entry: str, other: str) -> None:
    if usable(entry):
        assert listed((other, entry)).found(readings(entry))


@given(st.text(max_size=40), st.lists(st.text(max_size=12), max_size=5))
def test_no_list_can_break_it(text: str, words: list[str]) -> None:
    """Patterns are no patterns here: brackets and stars are signs between words."""
    listed(tuple(words)).found(readings(text))
    assert not listed(("(a+)+$", ".*")).found(readings("b" * 50))


@pytest.mark.parametrize(
    ("entry", "good"), [("ab", True), ("犬", True), ("a", False), ("!!", False), ("\u200b\u200b", False), ("", False)]
)
def test_what_can_be_compared_is_usable(entry: str, good: bool) -> None:  # noqa: FBT001
    assert usable(entry) is good
