"""What names of voices tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.presets import LANGUAGES, SENTENCES, SYNONYMS, WOMEN, Preset, fold, words
from synth.checkpoint import find

ALL = ("announcer", *(f"v2/{language}_speaker_{number}" for language in LANGUAGES for number in range(10)))


@pytest.mark.parametrize(
    ("name", "title", "character"),
    [
        ("v2/de_speaker_8", "German 8", "woman"),
        ("v2/en_speaker_6", "English 6", "man, popular"),
        ("v2/ja_speaker_1", "Japanese 1", "woman, noisy"),
        ("v2/pt_speaker_0", "Portuguese 0", "man"),
        ("de_speaker_8", "German 8", ""),  # of the first version nothing is known
        ("v2/de_speaker_12", "German 12", ""),
        ("speaker_3", "speaker_3", ""),
        ("announcer", "announcer", "announcer, a man"),
        ("pup_low", "pup_low", "pup, low"),
        ("v2/xx_speaker_1", "v2/xx_speaker_1", ""),
        ("", "", ""),
    ],
)
def test_a_name_tells_language_number_and_character(name: str, title: str, character: str) -> None:
    preset = Preset.of(name)
    assert (preset.title, preset.character, preset.key) == (title, character, name)


def test_the_voices_of_the_shipped_model_have_a_character() -> None:
    names = find("pup", weights=False).voices().names()
    assert len(names) == 4
    assert all(Preset.of(name).character for name in names)


def test_every_language_has_words_to_be_found_by_and_a_sentence() -> None:
    assert set(SYNONYMS) == set(SENTENCES) == set(LANGUAGES)
    assert set(WOMEN) < set(LANGUAGES)
    assert {Preset.of(name).language for name in ALL} == {*LANGUAGES, None}


@given(st.text())
def test_folding_and_dividing_are_stable(text: str) -> None:
    assert words(" ".join(words(text))) == words(text)
    assert Preset.of(text).name == text


def test_folding_takes_accents_and_case_away() -> None:
    assert fold("FRANÇAIS") == "francais"
    assert words("v2/de_speaker_1 · German★") == ["v2", "de", "speaker", "1", "german"]
