"""What people read: lengths of time, ranges, and that every template can be filled."""

import string

import pytest

from bot import texts


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.1, "1 s"), (8.2, "8 s"), (59.4, "59 s"), (59.6, "1 min"), (95, "2 min"), (3569, "59 min"), (5400, "1.5 h")],
)
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert texts.duration(seconds) == said


@pytest.mark.parametrize(
    ("low", "high", "said"), [(10, 25, "10-25 s"), (50, 130, "50 s to 2 min"), (61, 62, "1 min"), (60, 240, "1-4 min")]
)
def test_ranges(low: float, high: float, said: str) -> None:
    assert texts.span(low, high) == said


@pytest.mark.parametrize(("seconds", "said"), [(3.21, "3.2 s"), (59.96, "1:00 min"), (65, "1:05 min")])
def test_clip_lengths(seconds: float, said: str) -> None:
    assert texts.clip_length(seconds) == said


@pytest.mark.parametrize(("fraction", "full"), [(-1, 0), (0, 0), (0.5, 6), (1, 12), (7, 12)])
def test_the_bar_stays_in_its_frame(fraction: float, full: int) -> None:
    assert texts.bar(fraction) == "█" * full + "░" * (12 - full)


def test_command_descriptions_fit_discord() -> None:
    for name in ("COMMAND", "SAY", "SAY_TEXT", "SAY_VOICE", "SAY_SEED", "VOICES", "SETTINGS", "SERVER"):
        assert 1 <= len(getattr(texts, name)) <= 100


def test_every_sentence_is_plain() -> None:
    """No traceback words, no mass mention, and a full stop or nothing at the end of the sentences people act on."""
    sentences = [value for name, value in vars(texts).items() if name.isupper() and isinstance(value, str)] + list(
        texts.FAILED.values()
    )
    assert len(sentences) > 25
    for sentence in sentences:
        assert "@everyone" not in sentence
        assert "@here" not in sentence
        assert "Error" not in sentence
        assert all(hole is None or hole.isidentifier() for _, hole, _, _ in string.Formatter().parse(sentence))
