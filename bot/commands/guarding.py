"""The window of `/bark server` in which moderators write down what the bot does not say in their server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord
import pydantic

from bot import texts
from bot.commands.settings import shown
from bot.commands.switch import menu, modal
from bot.flow.check import clean
from bot.settings import MOST_NAMES, MOST_WORDS, Server, Word
from bot.texts import say

LONGEST_FIELD = 4000  # characters of a field in a window (Discord: text inputs)
ON, OFF = "on", "off"


def window(custom_id: str, server: Server) -> discord.ui.Modal:
    """The window, with what is set."""
    return modal(
        custom_id,
        say(texts.SERVER_GUARD_TITLE),
        _lines_field("words", server.words),
        _lines_field("names", server.names),
        _choice("scams", on=server.scams),
    )


def _lines_field(name: str, entries: Iterable[str]) -> Any:
    field = discord.ui.TextInput[Any](
        custom_id=name,
        style=discord.TextStyle.paragraph,
        default="\n".join(entries)[:LONGEST_FIELD] or None,
        placeholder=say(texts.SERVER_GUARD_HINT)[:100],
        required=False,
        max_length=LONGEST_FIELD,
    )
    return discord.ui.Label[Any](text=say(texts.SETTING_NAMES[name])[:45], component=field)


def _choice(name: str, *, on: bool) -> Any:
    options = [
        discord.SelectOption(label=shown(value), value=ON if value else OFF, default=value is on)
        for value in (True, False)
    ]
    choose = menu(name, "", options)
    return discord.ui.Label[Any](text=say(texts.SETTING_NAMES[name])[:45], component=choose)


def typed(fields: dict[str, str]) -> dict[str, Any]:
    """The settings in a window that was filled in. ValueError says, for whoever filled it in, what is wrong."""
    words, names = _entries(fields.get("words", "")), _entries(fields.get("names", ""))
    if len(words) > MOST_WORDS or len(names) > MOST_NAMES:
        raise ValueError(say(texts.SERVER_GUARD_MANY, words=MOST_WORDS, names=MOST_NAMES))
    one = pydantic.TypeAdapter(Word)
    for entry in (*words, *names):
        try:
            one.validate_python(entry)
        except pydantic.ValidationError:
            raise ValueError(say(texts.SERVER_GUARD_WRONG, value=clean(entry))) from None
    return {"words": words, "names": names, "scams": fields.get("scams") != OFF}


def _entries(text: str) -> tuple[str, ...]:
    """The lines, each once."""
    return tuple(dict.fromkeys(filter(None, (" ".join(line.split()) for line in text.splitlines()))))
