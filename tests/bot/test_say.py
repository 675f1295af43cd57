"""What the voice field offers while somebody types."""

from bot.commands.say import matching

VOICES = ("announcer", *(f"v2/{language}_speaker_{number}" for language in ("en", "de", "fr") for number in range(10)))


def test_nothing_typed_offers_the_first_25() -> None:
    assert matching("", VOICES) == list(VOICES[:25])


def test_what_begins_alike_comes_before_what_holds_the_words() -> None:
    assert matching("v2/de", VOICES) == [f"v2/de_speaker_{number}" for number in range(10)]
    assert matching("de 3", VOICES) == ["v2/de_speaker_3"]
    assert matching("speaker_3", VOICES) == ["v2/en_speaker_3", "v2/de_speaker_3", "v2/fr_speaker_3"]


def test_case_and_nonsense() -> None:
    assert matching("ANN", VOICES) == ["announcer"]
    assert matching("xyz", VOICES) == []
