"""The pages of the voice gallery: which there are, what each shows, and the marks in custom ids that lead back to them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Self

import discord

from bot import texts
from bot.commands.switch import button, menu, view_of
from bot.kept import Kept
from bot.presets import LANGUAGES
from bot.texts import say
from bot.voices import Library, Voice

CHOICES = 25  # voices of one page: as many as a select menu holds
LONGEST_MARK = 60  # characters of a voice's key in a custom id, which holds 100
LONGEST_PAGE = 20  # characters of a page's id there


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One list of voices."""

    id: str
    title: str
    voices: tuple[Voice, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where somebody is: a page, and the first voice of it that is shown."""

    page: str
    offset: int = 0

    @classmethod
    def of(cls, rest: str) -> tuple[Self, str]:
        """From what a custom id says, and the mark of a voice that follows."""
        page, _, rest = rest.partition(":")
        offset, _, mark = rest.partition(":")
        return cls(page=page[:LONGEST_PAGE], offset=int(offset) if offset.isdecimal() and len(offset) < 6 else 0), mark

    def id(self, prefix: str, action: str, voice: Voice | None = None) -> str:
        """The custom id that leads here."""
        start = f"{prefix}:{action}:{self.page}:{self.offset}"
        return f"{start}:{mark_of(voice)}" if voice else start


def mark_of(voice: Voice) -> str:
    """The key as it fits into a custom id."""
    if len(voice.key) <= LONGEST_MARK and not voice.key.startswith("~"):
        return voice.key
    return f"~{hashlib.sha256(voice.key.encode()).hexdigest()[:20]}"


def voice_of(library: Library, user_id: int, guild_id: int | None, mark: str) -> Voice | None:
    """The voice that a mark means, if this person may use it here."""
    if mark.startswith("~"):
        return next((preset for preset in library.presets().values() if mark_of(preset) == mark), None)
    return library.by_key(user_id, guild_id, mark)


def pages(library: Library, user_id: int, guild_id: int | None) -> list[Page]:
    """Those that this person sees here: their lists, then a page for each language that the model speaks."""
    presets = list(library.presets().values())
    stars = (library.by_key(user_id, guild_id, key) for key in library.favourites(user_id))
    found = [
        Page(id="favourites", title=say(texts.VOICES_FAVOURITES), voices=tuple(voice for voice in stars if voice)),
        Page(id="own", title=say(texts.VOICES_OWN), voices=library.own(user_id)),
    ]
    if guild_id is not None:
        found.append(Page(id="shared", title=say(texts.VOICES_SHARED), voices=library.shared(guild_id)))
    for code, title in LANGUAGES.items():
        if spoken := tuple(preset for preset in presets if preset.language == code):
            found.append(Page(id=code, title=title, voices=spoken))
    if others := tuple(preset for preset in presets if preset.language is None):
        found.append(Page(id="other", title=say(texts.VOICES_OTHER), voices=others))
    return found


def content(
    page: Page, spot: Spot, chosen: Voice | None, stars: frozenset[str], default: str | None, *, starting: bool
) -> str:
    """What the message says."""
    lines = [say(texts.VOICES_TITLE, page=page.title)]
    for voice in page.voices[spot.offset : spot.offset + CHOICES]:
        more = f" · {discord.utils.escape_markdown(described(voice))}" if described(voice) else ""
        lines.append(say(texts.VOICES_LINE, name=called(voice), more=more, star=" ★" if voice.key in stars else ""))
    if not page.voices:
        lines.append(say(texts.VOICES_NONE.get(page.id, texts.VOICES_NONE["other"])))
    if starting:
        lines.append(say(texts.VOICES_STARTING))
    if chosen:
        mark = say(texts.VOICES_DEFAULT_MARK) if chosen.key == default else ""
        lines.append("\n" + say(texts.VOICES_CHOSEN, name=called(chosen), mark=mark))
    return "\n".join(lines)[:2000]


def view(
    prefix: str, known: Sequence[Page], page: Page, spot: Spot, chosen: Voice | None, *rows: Iterable[Any]
) -> discord.ui.View:
    """The menus and buttons."""
    lists = [
        discord.SelectOption(label=f"{other.title} ({len(other.voices)})", value=other.id, default=other is page)
        for other in known
    ]
    here = page.voices[spot.offset : spot.offset + CHOICES]
    voices = [
        discord.SelectOption(
            label=plain(voice)[:100],
            value=mark_of(voice),
            description=described(voice)[:100] or None,
            default=bool(chosen) and voice.key == (chosen and chosen.key),
        )
        for voice in here
    ]
    choose = [menu(spot.id(prefix, "pick"), say(texts.VOICES_CHOOSE), voices)] if voices else []
    return view_of(
        [menu(f"{prefix}:page", say(texts.VOICES_CHOOSE_PAGE), lists)], choose, *rows, _turns(prefix, page, spot)
    )


def _turns(prefix: str, page: Page, spot: Spot) -> list[Any]:
    if len(page.voices) <= CHOICES:
        return []
    back, on = spot.offset - CHOICES, spot.offset + CHOICES
    return [
        button(say(texts.VOICES_BACK), Spot(page=page.id, offset=max(0, back)).id(prefix, "turn"), disabled=back < 0),
        button(say(texts.VOICES_ON), Spot(page=page.id, offset=on).id(prefix, "turn"), disabled=on >= len(page.voices)),
    ]


def plain(voice: Voice) -> str:
    """A voice's name for people."""
    return voice.name if isinstance(voice, Kept) else voice.title


def called(voice: Voice) -> str:
    """The same within a message."""
    return discord.utils.escape_markdown(plain(voice))


def described(voice: Voice) -> str:
    """What is known of a voice besides."""
    if isinstance(voice, Kept):
        return say(texts.VOICE_SHARED) if voice.guild_id is not None else ""
    return ", ".join(filter(None, (voice.character, voice.name if voice.name != voice.title else "")))
