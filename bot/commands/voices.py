"""`/bark voices`: a gallery that only its reader sees. Pages by language and list; a voice is chosen, heard, starred, managed.

All that a press needs stands in its custom id, `bark-voices:<action>:<page>:<offset>:<voice>`, and is checked anew.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable

import discord
from discord import app_commands

from bot import texts
from bot.commands.pages import LONGEST_PAGE, Spot, pages, plain, voice_of
from bot.commands.pages import content as content_of
from bot.commands.pages import view as view_of_page
from bot.commands.refusing import Gate
from bot.commands.switch import Press, Switch, button, modal, open_window, show, text_field, view_of
from bot.flow.check import Refused
from bot.flow.post import ERRORS
from bot.house import House
from bot.kept import LONGEST, Kept
from bot.previews import NoPreview, Previews
from bot.texts import say
from bot.voices import Voice

log = logging.getLogger(__name__)

PREFIX = "bark-voices"
CLIP = "ai-speech-sample.ogg"  # as it is uploaded
Action = Callable[[discord.Interaction, Spot, Voice], Awaitable[None]]


def add(group: app_commands.Group, switch: Switch, house: House, previews: Previews, gate: Gate) -> None:
    """The command, and what is pressed in its answer."""
    gallery = Gallery(house, previews, gate)
    switch.add(PREFIX, gallery.press)

    @group.command(name="voices", description=texts.VOICES)
    async def voices(interaction: discord.Interaction) -> None:
        spot = gallery.first(interaction)
        content, view = gallery.shown(interaction, spot, None)
        await interaction.response.send_message(content, view=view, ephemeral=True)


class Gallery:
    """What is shown, and what a press does."""

    def __init__(self, house: House, previews: Previews, gate: Gate) -> None:
        self._gate = gate
        self._house, self._library, self._previews = house, house.library, previews
        self._actions: dict[str, Action] = {
            "hear": self._hear,
            "star": self._star,
            "default": self._default,
            "rename": self._rename,
            "share": self._share,
            "away": self._take_away,
            "adopt": self._adopt,
            "delete": self._delete,
            "sure": self._sure,
        }

    def first(self, interaction: discord.Interaction) -> Spot:
        """Where the gallery opens: at the favourites if there are some, else at the first language."""
        known = pages(self._library, interaction.user.id, interaction.guild_id)
        return Spot(page=next((page.id for page in known if page.voices), known[0].id))

    def shown(self, interaction: discord.Interaction, spot: Spot, chosen: Voice | None) -> tuple[str, discord.ui.View]:
        """The message."""
        user, guild = interaction.user.id, interaction.guild_id
        known = pages(self._library, user, guild)
        page = next((page for page in known if page.id == spot.page), known[0])
        default = self._house.book.mine(user).voice
        stars = frozenset(self._library.favourites(user))
        buttons = self._buttons(interaction, spot, chosen) if chosen else []
        return (
            content_of(page, spot, chosen, stars, default, starting=not self._library.presets()),
            view_of_page(PREFIX, known, page, spot, chosen, *buttons),
        )

    def _buttons(
        self, interaction: discord.Interaction, spot: Spot, voice: Voice
    ) -> list[list[discord.ui.Item[discord.ui.View]]]:
        user, guild = interaction.user.id, interaction.guild_id
        starred = voice.key in self._library.favourites(user)
        default = self._house.book.mine(user).voice == voice.key

        def make(action: str, label: str, **looks: bool) -> discord.ui.Item[discord.ui.View]:
            made: discord.ui.Item[discord.ui.View] = button(label, spot.id(PREFIX, action, voice), **looks)
            return made

        rows = [
            [
                make("hear", say(texts.VOICE_HEAR)),
                make("star", say(texts.VOICE_UNSTAR if starred else texts.VOICE_STAR), on=starred),
                make("default", say(texts.VOICE_USE_NOT if default else texts.VOICE_USE), on=default),
            ]
        ]
        if isinstance(voice, Kept) and voice.user_id == user:
            share = [make("share", say(texts.VOICE_UNSHARE if voice.guild_id else texts.VOICE_SHARE))]
            able = voice.guild_id is not None or guild is not None
            rows.append(
                [
                    make("rename", say(texts.VOICE_RENAME)),
                    *share[:able],
                    make("delete", say(texts.VOICE_DELETE), danger=True),
                ]
            )
        elif isinstance(voice, Kept) and voice.guild_id == guild and interaction.permissions.manage_guild:
            rows.append([make("away", say(texts.VOICE_TAKE_AWAY), danger=True)])
            if not voice.of_server:
                rows[-1].insert(0, make("adopt", say(texts.VOICE_ADOPT)))
        return rows

    async def press(self, interaction: discord.Interaction, press: Press) -> None:
        """Something was pressed, chosen or filled in."""
        spot, mark = Spot.of(press.rest)
        if press.action == "page":
            await self._show(interaction, Spot(page=next(iter(press.values), spot.page)[:LONGEST_PAGE]), None)
            return
        if press.action == "turn":
            await self._show(interaction, spot, None)
            return
        mark = next(iter(press.values), "") if press.action == "pick" else mark
        voice = voice_of(self._library, interaction.user.id, interaction.guild_id, mark)
        if voice is None:
            await self._tell(interaction, say(texts.VOICE_GONE))
        elif press.action in ("pick", "show"):
            await self._show(interaction, spot, voice)
        elif press.action == "renamed":
            await self._renamed(interaction, spot, voice, press.fields.get("name", ""))
        elif action := self._actions.get(press.action):
            await action(interaction, spot, voice)

    async def _show(self, interaction: discord.Interaction, spot: Spot, chosen: Voice | None) -> None:
        content, view = self.shown(interaction, spot, chosen)
        await show(interaction, content, view)

    async def _tell(self, interaction: discord.Interaction, words: str) -> None:
        await interaction.response.send_message(words, ephemeral=True)

    async def _mine(self, interaction: discord.Interaction, voice: Voice) -> Kept | None:
        """The voice if it is the presser's own; else words."""
        if isinstance(voice, Kept) and voice.user_id == interaction.user.id:
            return voice
        await self._tell(interaction, say(texts.VOICE_NOT_YOURS))
        return None

    async def _outcome(self, interaction: discord.Interaction, spot: Spot, outcome: Kept | Refused) -> None:
        if isinstance(outcome, Refused):
            await self._tell(interaction, outcome.words)
        else:
            seen = voice_of(self._library, interaction.user.id, interaction.guild_id, outcome.key)
            await self._show(interaction, spot, seen)

    # -- for every voice -----------------------------------------------------------------------------------------------

    async def _hear(self, interaction: discord.Interaction, _: Spot, voice: Voice) -> None:
        if not await self._gate.lets(interaction):
            return
        name = discord.utils.escape_markdown(plain(voice))
        words = say(texts.PREVIEW, voice=name)
        if path := await self._previews.ready(voice):
            with contextlib.closing(discord.File(path, CLIP)) as file:
                await interaction.response.send_message(words, file=file, ephemeral=True)
            return
        await self._tell(interaction, say(texts.PREVIEW_PREPARING, voice=name))
        try:
            await self._show_sample(interaction, voice, words)
        except ERRORS as error:  # dismissed meanwhile
            log.info("a sample could not be shown: %s", error)

    async def _show_sample(self, interaction: discord.Interaction, voice: Voice, words: str) -> None:
        try:
            path = await self._previews.make(voice)
        except NoPreview as problem:
            await interaction.edit_original_response(content=say(str(problem)))
            return
        with contextlib.closing(discord.File(path, CLIP)) as file:
            await interaction.edit_original_response(content=words, attachments=[file])

    async def _star(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        user = interaction.user.id
        await self._library.favour(user, voice.key, on=voice.key not in self._library.favourites(user))
        await self._show(interaction, spot, voice)

    async def _default(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        user, book = interaction.user.id, self._house.book
        await book.change_mine(user, voice=None if book.mine(user).voice == voice.key else voice.key)
        await self._show(interaction, spot, voice)

    # -- for one's own -------------------------------------------------------------------------------------------------

    async def _rename(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        if own := await self._mine(interaction, voice):
            field = text_field("name", say(texts.VOICE_NAME), own.name, required=True, most=LONGEST)
            window = modal(spot.id(PREFIX, "renamed", own), say(texts.VOICE_RENAME_TITLE), field)
            await open_window(interaction, window)

    async def _renamed(self, interaction: discord.Interaction, spot: Spot, voice: Voice, name: str) -> None:
        if own := await self._mine(interaction, voice):
            await self._outcome(interaction, spot, await self._library.rename(interaction.user.id, own, name))

    async def _share(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        if own := await self._mine(interaction, voice):
            if own.guild_id is None and interaction.guild_id is None:
                await self._tell(interaction, say(texts.VOICE_NO_SERVER))
                return
            place = None if own.guild_id is not None else interaction.guild_id
            await self._outcome(interaction, spot, await self._library.share(own, place))

    async def _take_away(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        """A moderator ends the sharing of somebody's voice with this server, or deletes the server's own."""
        shared = await self._moderated(interaction, voice)
        if shared is None:
            return
        if shared.of_server:
            await self._library.delete(shared.user_id, shared)
            self._previews.forget(shared)
            await self._show(interaction, spot, None)
        else:
            await self._outcome(interaction, spot, await self._library.share(shared, None))

    async def _adopt(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        """A moderator makes a shared voice the server's own: it stays when its maker deletes theirs."""
        shared = await self._moderated(interaction, voice)
        if shared is not None and not shared.of_server:
            await self._outcome(interaction, spot, await self._library.adopt(shared))

    async def _moderated(self, interaction: discord.Interaction, voice: Voice) -> Kept | None:
        """The voice, if it is this server's and the presser a moderator here; else words."""
        if not (isinstance(voice, Kept) and voice.guild_id is not None and voice.guild_id == interaction.guild_id):
            await self._tell(interaction, say(texts.VOICE_GONE))
        elif not interaction.permissions.manage_guild:
            await self._tell(interaction, say(texts.MODERATORS_ONLY))
        else:
            return voice
        return None

    async def _delete(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        if own := await self._mine(interaction, voice):
            sure = button(say(texts.VOICE_DELETE), spot.id(PREFIX, "sure", own), danger=True)
            back = button(say(texts.VOICE_KEEP_IT), spot.id(PREFIX, "show", own))
            words = say(texts.VOICE_DELETE_SURE, name=own.name)
            await show(interaction, words, view_of([sure, back]))

    async def _sure(self, interaction: discord.Interaction, spot: Spot, voice: Voice) -> None:
        if own := await self._mine(interaction, voice):
            await self._library.delete(interaction.user.id, own)
            self._previews.forget(own)
            await self._show(interaction, spot, None)
