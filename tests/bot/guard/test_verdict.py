"""All rules together, on texts that somebody would send to break them: no crash, no hang, time in step with length."""

import time
from collections.abc import Callable

import pytest

from bot.guard.fold import fold
from bot.guard.listed import listed
from bot.guard.verdict import NO_GUARD, NO_HOUSE_RULES, Guard, HouseRules
from tests.bot.guard.hostile import DISCORDS, texts

HANG = 1.0  # seconds
GUARD = HouseRules(words=listed(("dalek", "buy now")), names=("Ann Smith",)).with_servers(
    words=("spam", "ばか", "a b c", "god"), names=("Rex",), scams=True
)
SHAPES: dict[str, Callable[[int], str]] = {
    "English": lambda n: ("Then it calls the bank about its account, and reads the code on the gift card. " * n)[:n],
    "Japanese": lambda n: ("昨日、銀行で新しい口座を作りました。そして犬を散歩させた。" * n)[:n],
    "spelled out": lambda n: "s p " * (n // 4),
    "one letter": lambda n: "s" * n,
    "signs": lambda n: "a1!" * (n // 3),
    "marks": lambda n: ("a" + "\u0301\u0323" * 30) * (n // 61),
    "marks alone": lambda n: "\u0323\u0301" * (n // 2),
    "dots": lambda n: "a.b,, " * (n // 6),
    "begins of phrases": lambda n: "a b buy gift card " * (n // 18),
    "claims": lambda n: "this is ann " * (n // 12),
    "one word": lambda n: "spa" * (n // 3),
    "expanding": lambda n: "\u3316" * n,
    "all different": lambda n: "".join(chr(0x4E00 + number) for number in range(n)),
}


def longest_of(many: int, seed: int) -> float:
    """The longest time for one of so many hostile texts, in seconds of this process."""
    longest = 0.0
    for text in texts(many, seed):
        began = time.process_time()
        GUARD.broken(text, [text[:32]])
        longest = max(longest, time.process_time() - began)
    return longest


def test_hostile_texts_neither_crash_nor_hang() -> None:
    assert longest_of(2_000, seed=1) < HANG


@pytest.mark.slow
def test_a_hundred_thousand_hostile_texts() -> None:
    longest = longest_of(100_000, seed=2)
    print(f"the longest of 100,000 took {longest * 1e3:.1f} ms")
    assert longest < HANG
    assert [text for text in texts(100_000, seed=2) if fold(fold(text)) != fold(text)] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_length_takes_about_twice_the_time(shape: str) -> None:
    """Four times would be quadratic. The best of several, as others may want the processor too."""
    once, twice, long = (best_time(SHAPES[shape](length)) for length in (DISCORDS, 2 * DISCORDS, 4 * DISCORDS))
    print(f"{shape}: {DISCORDS} characters in {once * 1e3:.1f} ms, twice as many in {twice * 1e3:.1f} ms")
    assert long < 10 * once or long < 0.005  # 16 times would be quadratic


def best_time(text: str) -> float:
    times = []
    for _ in range(3):
        began = time.process_time()
        GUARD.broken(text)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize(
    ("text", "called", "rule"),
    [
        ("hello", (), None),
        ("exterminate, said the dalek", (), "operators-words"),
        ("SPAM", (), "servers-words"),
        ("hello", ("spam",), "servers-words"),
        ("this is Ann Smith", (), "protected-name"),
        ("I am Rex", (), "protected-name"),
        ("hello", ("Uncle Rex",), "protected-name"),
        ("I work for Discord. Scan this code to verify your account.", (), "scam:discord-staff"),
        ("Rex likes Ann Smith", (), None),
    ],
)
def test_the_rule_is_named(text: str, called: tuple[str, ...], rule: str | None) -> None:
    assert GUARD.broken(text, called) == rule


def test_scams_can_be_turned_off_and_lists_cannot() -> None:
    scam = "I work for Discord. Scan this code to verify your account."
    rules = HouseRules(words=listed(("dalek",)))
    assert rules.with_servers(words=(), names=(), scams=True).broken(scam) == "scam:discord-staff"
    off: Guard = rules.with_servers(words=("spam",), names=(), scams=False)
    assert off.broken(scam) is None
    assert off.broken("dalek") == "operators-words"
    assert off.broken("spam") == "servers-words"
    assert NO_GUARD.broken(scam) is None
    assert NO_HOUSE_RULES.with_servers(words=(), names=(), scams=False) == NO_GUARD
