"""Protected names: who may not be spoken as, in five languages; speaking about them is free."""

import pytest

from bot.guard.claims import names
from bot.guard.readings import readings

PROTECTED = names(("Ann Smith", "Rex", "山田"))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "This is Ann Smith speaking.",
            "Hi, I'm Ann Smith!",
            "i am ANN  SMITH",
            "My name is Аnn Smіth",
            "Rex speaking.",
            "It's R e x.",
        ),
        *("Hello, Rex here.", "Call me Rex.", "A message from Ann Smith", "This is Ann Sm1th", "Yes, this is Rex"),
        *("Hier ist Ann Smith.", "Hier spricht Rex", "ich heiße Ann Smith", "Ich bin's, Rex"),
        *("Soy Rex", "Me llamo Ann Smith", "Aquí Rex", "Les habla Ann Smith"),
        *("C'est Rex", "Je m'appelle Ann Smith", "Ici Rex", "je suis Rex"),
        *("私は山田です", "こちら山田", "Rexです", "僕は Rex だよ"),
    ],
)
def test_claims(text: str) -> None:
    assert PROTECTED.claimed(readings(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Ann Smith won the race.",
            "This is Ann Smith's dog.",
            "I am a friend of Rex",
            "Is Rex here?",
            "I heard Rex speaking yesterday",
        ),
        *(
            "This is Ann.",
            "I am Smith",
            "This is Rexford",
            "Rex is here",
            "my name is Anna Smith",
            "",
            "これは山の上です",
        ),
    ],
)
def test_no_claims(text: str) -> None:
    assert not PROTECTED.claimed(readings(text))


@pytest.mark.parametrize(
    "name", ["Ann Smith", "ANN SMITH 2", "The real Rex", "R.e.x", "Ｒｅｘ", "Rеx", "山田さん", "Ann-Smith"]
)
def test_nothing_is_called_so(name: str) -> None:
    assert PROTECTED.protect(name)


@pytest.mark.parametrize("name", ["Ann", "Smith", "Rexona", "Tyrannosaurus", "山", ""])
def test_others_are_free(name: str) -> None:
    assert not PROTECTED.protect(name)
