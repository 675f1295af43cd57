"""Our own rules: every example in scams.toml is refused by its rule, every counter-example is spoken."""

import pytest

from bot import texts
from bot.guard import scams
from bot.guard.readings import readings
from bot.presets import SENTENCES

EXAMPLES = [
    (rule, pattern["language"], text)
    for rule, patterns in scams.described().items()
    for pattern in patterns
    for text in pattern["refused"]
]
FINE = [text for patterns in scams.described().values() for pattern in patterns for text in pattern["fine"]]


@pytest.mark.parametrize(("rule", "language", "text"), EXAMPLES)
def test_examples(rule: str, language: str, text: str) -> None:
    assert scams.broken(readings(text)) == rule
    assert scams.broken(readings(text.upper())) == rule
    assert language in {pattern.language for pattern in scams.rules()[rule] if pattern.there(*_prepared(text))}


@pytest.mark.parametrize("text", FINE)
def test_counter_examples(text: str) -> None:
    assert scams.broken(readings(text)) is None


def test_every_rule_has_five_languages_examples_and_a_name() -> None:
    for patterns in scams.described().values():
        assert {pattern["language"] for pattern in patterns} == {"en", "de", "es", "fr", "ja"}
        assert all(pattern["refused"] and pattern["fine"] for pattern in patterns)
        assert all(set(pattern) == {"language", "all", "refused", "fine"} for pattern in patterns)
    assert set(texts.GUARD_SCAMS) == set(scams.rules())


@pytest.mark.parametrize(
    "text",
    [
        "Buy a g1ft card, scratch it and read me the c0de on the back!",
        "B u y a gift card, s c r a t c h it and read me the c o d e",
        "Buy a ɡіft сard, sсratсh it and read me thе соdе",
        "Buy a giiiift caaaard, scratch it and read me the cooooode",
    ],
)
def test_disguises(text: str) -> None:
    assert scams.broken(readings(text)) == "gift-cards"


def test_far_apart_is_something_else() -> None:
    far = " and then we went on and on" * 40
    assert scams.broken(readings(f"I got a gift card{far} for the code{far} read me the paper")) is None


def test_what_every_voice_says_in_its_sample_is_no_scam() -> None:
    assert [sentence for sentence in SENTENCES.values() if scams.broken(readings(sentence))] == []


def _prepared(text: str) -> tuple[str, set[str]]:
    words = readings(text)[0]
    return f" {' '.join(words)} ", {*words, *"".join(words)}
