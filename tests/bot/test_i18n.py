"""The languages: every sentence has its translation, with the same holes, and Discord takes every name."""

import ast
import importlib.resources
import re
import string
from pathlib import Path

import discord
import pytest

import bot
from bot import i18n, texts
from bot.commands.help import TAGS
from bot.i18n.tables import table
from bot.loopback.localisation import LOCALES
from bot.loopback.server import Loopback
from tests.bot.harness import bot_on

LANGUAGES = sorted(set(i18n.LANGUAGES.values()))
BOT = Path(bot.__file__).parent
CARRIERS = {"say", "describe", "command", "Group", "ContextMenu", "answer", "_speech"}  # these take templates
CARRIERS |= {"NoPreview", "_why", "_field", "_form"}


def holes(template: str) -> set[str]:
    return {hole for _, hole, _, _ in string.Formatter().parse(template) if hole is not None}


def test_there_is_a_table_for_each_language_and_a_language_for_each_table() -> None:
    files = {Path(file.name).stem for file in importlib.resources.files("bot.i18n").iterdir() if ".toml" in file.name}
    assert files == set(LANGUAGES) == {"de", "es", "fr", "ja"}
    assert set(i18n.LANGUAGES) <= {locale.value for locale in discord.Locale} <= LOCALES


def test_no_sentence_takes_the_name_of_another() -> None:
    """The later one would be said in place of the earlier one."""
    tree = ast.parse((BOT / "texts.py").read_text(encoding="utf-8"))
    names = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    given = [name.id for target in names for name in ast.walk(target) if isinstance(name, ast.Name)]
    assert sorted(given) == sorted(set(given))
    assert set(given) >= {"COMMAND", "VOICES_BACK", "VOICES_ON", "DECIMAL"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    """What is missing is said in English until somebody writes it here: this test is the list."""
    missing = [name for name in texts.sentences() if name not in table(language)]
    assert missing == [], f"bot/i18n/{language}.toml lacks {', '.join(missing)}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_translated_that_is_not_said(language: str) -> None:
    assert [name for name in table(language) if name not in texts.sentences() and not name.startswith("names.")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_holes(language: str) -> None:
    english = texts.sentences()
    different = {
        name for name in english if name in table(language) and holes(table(language)[name]) != holes(english[name])
    }
    assert different == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_that_are_alike_in_english_are_alike_here(language: str) -> None:
    """They are looked up by their English words."""
    first: dict[str, str] = {}
    for name, english in texts.sentences().items():
        assert first.setdefault(english, table(language)[name]) == table(language)[name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_are_called_by_the_names_that_people_see(language: str) -> None:
    names = {value for name, value in table(language).items() if name.startswith("names.")}
    for name, sentence in table(language).items():
        assert set(re.findall(r"/bark ([^\s.:;,。、)]+)", sentence)) <= names, name


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_what_stands_in_windows_and_menus_fits(language: str) -> None:
    words = texts.sentences() | dict(table(language))
    assert all(len(text) <= 45 for name, text in words.items() if re.fullmatch(r"WINDOW_(?!.*HINT).*", name))
    assert all(len(text) <= 100 for name, text in words.items() if name.startswith("MARKS."))
    assert all(
        len(text) <= 45 for name, text in words.items() if re.match(r"SETTING_NAMES\.|(EDIT|KEEP)_(?!.*HINT)", name)
    )
    assert all(
        len(text) <= 100 for name, text in words.items() if re.match(r"(EDIT|KEEP|SETTINGS|SERVER)_.*HINT", name)
    )
    assert all(len(text) <= 40 for name, text in words.items() if name.startswith("BUTTONS."))
    assert len(words["HELP_TRY"]) + max(map(len, TAGS.values())) <= 80


def test_what_is_missing_is_said_in_english() -> None:
    with i18n.speaking("de"):
        assert texts.say("A sentence of {when}.", when="tomorrow") == "A sentence of tomorrow."
        assert texts.say(texts.CANCELLED) == "Abgebrochen."
        with i18n.speaking("pt-BR"):
            assert texts.say(texts.CANCELLED) == "Cancelled."
        assert texts.say(texts.CANCELLED) == "Abgebrochen."
    assert texts.say(texts.CANCELLED) == "Cancelled."


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", ["8 s", "1.5 h", "50 s to 2 min", "3.2 s", "1:05 min"]),
        ("de", ["8 s", "1,5 h", "50 s bis 2 min", "3,2 s", "1:05 min"]),
        ("ja", ["8秒", "1.5時間", "50秒から2分", "3.2秒", "1:05分"]),
    ],
)
def test_lengths_follow_the_language(locale: str, said: list[str]) -> None:
    with i18n.speaking(locale):
        shown = [texts.duration(8), texts.duration(5400), texts.span(50, 130), texts.clip_length(3.21)]
        assert [*shown, texts.clip_length(65)] == said


@pytest.mark.parametrize("file", sorted(BOT.rglob("*.py")), ids=lambda file: str(file.relative_to(BOT)))
def test_no_sentence_goes_past_say(file: Path) -> None:
    """`texts.SOMETHING` that is sent as it is stays English: it goes through `say`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    carried: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in CARRIERS:
            carried |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Assign | ast.AnnAssign):  # of a template to a name
            carried |= {id(inner) for inner in ast.walk(node)}
    looked_up = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}  # `texts.GROUP[...]`
    bare = [
        f"line {node.lineno}: texts.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "texts"
        and (isinstance(getattr(texts, node.attr, None), str) or id(node) in looked_up)
        and id(node) not in carried
    ]
    assert bare == []


async def test_discord_is_told_the_names_in_every_language(tmp_path: Path) -> None:
    """The loopback refuses what is too long, no name, or there twice; together they fit into the 8,000 characters of a command."""
    async with Loopback() as discord_, bot_on(discord_, tmp_path):
        bark, admin, here, voice, report, *_ = discord_.commands.all(None)
        say_command = next(option for option in bark["options"] if option["name"] == "say")
        assert say_command["name_localizations"]["de"] == "sagen"
        assert say_command["name_localizations"]["es-419"] == say_command["name_localizations"]["es-ES"] == "decir"
        assert say_command["options"][0]["description_localizations"]["fr"].startswith("Quoi dire")
        assert here["name_localizations"]["ja"] == "Barkで読み上げ"
        assert set(voice["name_localizations"]) == set(report["name_localizations"]) == set(i18n.LANGUAGES)
        unnamed = [
            f"{option['name']}"
            for command in (*bark["options"], *admin["options"])
            for option in (command, *command["options"])
            if set(option["name_localizations"]) != set(i18n.LANGUAGES)
            or set(option["description_localizations"]) != set(i18n.LANGUAGES)
        ]
        assert unnamed == []
        assert discord_.complaints == []
