"""What commands are called in other languages, and what Discord takes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.loopback.payloads import Json
from bot.loopback.problems import INVALID_FORM, ApiError

LOCALES = frozenset(  # as Discord's API description has them
    {"ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr", "he", "hi", "hr", "hu", "id"}
    | {"it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"}
)
NAME = re.compile(r"[-_'\w]{1,32}")  # of chat commands and options, lower case; others may have spaces
LENGTHS = {"name": 32, "description": 100}  # characters


def check_localisations(siblings: Sequence[Json], *, chat: bool = True) -> None:
    """ApiError 50035 for a locale, a length or a name that Discord refuses, here or further down."""
    seen: set[tuple[str, str]] = set()
    for one in siblings:
        for field, most in LENGTHS.items():
            for locale, text in (one.get(f"{field}_localizations") or {}).items():
                _check(field, locale, text, most, chat=chat)
                if field == "name" and (locale, text) in seen:
                    raise _refused(field, f"two are called {text!r} in {locale}")
                seen.add((locale, text if field == "name" else ""))
        check_localisations(one.get("options") or [])


def _check(field: str, locale: str, text: str, most: int, *, chat: bool) -> None:
    if locale not in LOCALES:
        raise _refused(field, f"unknown locale {locale!r}")
    if not 1 <= len(text) <= most:
        raise _refused(field, f"{text!r} is not between 1 and {most} in length")
    if field == "name" and chat and (not NAME.fullmatch(text) or text != text.lower()):
        raise _refused(field, f"{text!r} is no name for a command")


def _refused(field: str, why: str) -> ApiError:
    return ApiError(INVALID_FORM, field=f"{field}_localizations", why=why)
