"""Who speaks in a dialogue with which voice."""

import pytest

from bot.flow.cast import cast_of, presets
from bot.flow.check import Refused
from bot.flow.script import lines

EN = tuple(f"v2/en_speaker_{number}" for number in range(3))
DE = tuple(f"v2/de_speaker_{number}" for number in range(3))
VOICES = ("announcer", *EN, *DE)
TEXT = "Ann: Hello!\nBob: Hi.\nAnn: Bye."


def test_whoever_is_left_out_gets_a_voice_of_the_language_in_use() -> None:
    assert cast_of(TEXT, "", VOICES, "de") == {"Ann": DE[0], "Bob": DE[1]}
    assert cast_of(TEXT, "", VOICES, "xx") == {"Ann": EN[0], "Bob": EN[1]}


def test_a_chosen_preset_says_which_language_is_in_use_and_is_not_given_twice() -> None:
    assert cast_of(TEXT, f"Bob={DE[0]}", VOICES, "en") == {"Ann": DE[1], "Bob": DE[0]}


def test_names_are_found_in_any_case_and_spacing() -> None:
    assert cast_of(TEXT, " bob = announcer ;ANN=v2/en_speaker_2", VOICES, "en") == {"Ann": EN[2], "Bob": "announcer"}


@pytest.mark.parametrize(
    ("text", "written", "said"),
    [
        ("just words", "", "Begin each turn with a name"),
        (TEXT, "Ann", "Ann=v2/en_speaker_6"),
        (TEXT, "=v2/en_speaker_1", "Write it like this"),
        (TEXT, "Cem=announcer", "There is: Ann, Bob"),
        (TEXT, "@everyone=announcer", "called “everyone”"),
    ],
)
def test_what_cannot_be_understood_is_said(text: str, written: str, said: str) -> None:
    refused = cast_of(text, written, VOICES, "en")
    assert isinstance(refused, Refused)
    assert said in refused.words


def test_where_no_preset_has_a_name_of_barks_all_voices_are_taken() -> None:
    assert presets(("anna", "ben"), ["de", "en"]) == ["anna", "ben"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Ann: Hello! / Bob: Hi.", "Ann: Hello!\nBob: Hi."),
        ("Ann: a|Bob: b | Ann: c", "Ann: a\nBob: b\nAnn: c"),
        ("and/or 24/7", "and/or 24/7"),
        ("one\ntwo", "one\ntwo"),
    ],
)
def test_lines_where_there_is_no_enter_key(typed: str, meant: str) -> None:
    assert lines(typed) == meant
