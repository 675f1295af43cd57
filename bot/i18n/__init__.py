"""Languages: which one is spoken just now, and the tables with the sentences of bot/texts.py in them.

    __init__.py    the language of the task at hand
    tables.py      <language>.toml: the names and holes of texts.py, and under [names] what commands and options are called
    translator.py  the same for Discord, which shows commands in each person's language

English is bot/texts.py itself. What a table lacks is said in English; tests/bot/test_i18n.py lists it.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

ENGLISH = "en"
LANGUAGES = {"de": "de", "es-419": "es", "es-ES": "es", "fr": "fr", "ja": "ja"}  # Discord's locale -> the table
_TABLES = LANGUAGES | {name: name for name in LANGUAGES.values()}  # what may be called by either name

# Each click is a task of its own, and so is each delivery: whatever is said in it has one reader, with one language.
# Handing it down to every sentence would be a parameter of nearly every function.
_language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default=ENGLISH)


def language() -> str:
    """The table that is spoken from in this task."""
    return _language.get()


def language_of(locale: object) -> str:
    """The table for one of Discord's locales, or for the name of a table; English where there is none."""
    return _TABLES.get(str(locale), ENGLISH)


def speak(locale: object) -> None:
    """From now on this task speaks the language of `locale`."""
    _language.set(language_of(locale))


@contextlib.contextmanager
def speaking(locale: object) -> Iterator[None]:
    """The same for a while."""
    before = _language.set(language_of(locale))
    try:
        yield
    finally:
        _language.reset(before)
