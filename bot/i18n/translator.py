"""What Discord is told of the commands in other languages."""

from __future__ import annotations

import discord
from discord import app_commands

from bot import texts
from bot.i18n import ENGLISH, language_of
from bot.i18n.tables import table

Place = app_commands.TranslationContextLocation
NAMES = (Place.command_name, Place.group_name, Place.parameter_name)


class Translator(app_commands.Translator):
    """Names are looked up under [names], everything else among the sentences. None: Discord shows the English."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """The words for one locale."""
        language = language_of(locale)
        if language == ENGLISH:
            return None
        if context.location in NAMES and (name := table(language).get(f"names.{string.message}")):
            return name
        return texts.translations(language).get(string.message)
