"""The library of voices: the model's own and those that people kept, with favourites and recent ones.

Everything is answered from memory; what changes is written to the database first. Rows and files: kept.py; what names
of presets tell: presets.py; the order of what is offered: ranking.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from bot import i18n, kept, texts
from bot.flow.check import Refused
from bot.kept import Kept, clean_name
from bot.presets import CHARACTERS, Preset, fold, words
from bot.ranking import Index, Offer, Rank, best
from bot.shelf import Shelf
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

Voice = Preset | Kept
LABEL = 100  # characters of a choice's name
INDEXES = 1000  # people whose own offers are kept ready


class Library:
    """All voices, for anybody. `presets` are the names that the model has; `shares` says whether a server lets voices be shared.

    `forbidden` names the rule by which no voice in a server (None: anywhere) may be called so.
    """

    def __init__(
        self,
        *,
        store: Store,
        folder: Path,
        clock: Callable[[], float],
        presets: Callable[[], tuple[str, ...]],
        shares: Callable[[int], bool],
        most: int,
        forbidden: Callable[[int | None, str], str | None] = lambda _guild, _name: None,
    ) -> None:
        self._store, self._clock, self._most = store, clock, most
        self._shelf = Shelf(folder, store.vault)
        self._names, self._shares, self._forbidden = presets, shares, forbidden
        self._known: tuple[str, ...] = ()
        self._presets: dict[str, Preset] = {}
        self._offers: dict[str, Offer] = {}  # of presets
        self._index = Index(())  # the same
        self._indexes: dict[tuple[int, int | None], tuple[object, Index]] = {}  # person and place -> made from what
        self._kept: dict[int, Kept] = {}
        self._own: dict[int, tuple[Kept, ...]] = {}
        self._of_guild: dict[int, tuple[Kept, ...]] = {}
        self._favourites: dict[int, tuple[str, ...]] = {}
        self._recents: dict[int, tuple[str, ...]] = {}

    async def load(self) -> None:
        """Bring into memory what is written down, and remove files that belong to no voice."""
        voices, self._favourites, self._recents = await self._store.insist(_read)
        for voice in voices:
            self._put(voice)
        await asyncio.to_thread(self._shelf.prepare, {voice.file for voice in self._kept.values()})

    # -- what there is -------------------------------------------------------------------------------------------------

    def presets(self) -> dict[str, Preset]:
        """The model's own, by name; empty as long as they are not known."""
        names = self._names()
        if names != self._known:
            presets = {name: Preset.of(name) for name in names}
            self._offers = {name: _offer(preset, Rank.PRESET) for name, preset in presets.items()}
            self._index = Index(self._offers.values())
            self._known, self._presets = names, presets
        return self._presets

    def own(self, user_id: int) -> tuple[Kept, ...]:
        """Those that a person kept."""
        return self._own.get(user_id, ())

    def shared(self, guild_id: int | None) -> tuple[Kept, ...]:
        """Those that people share with a server, if it wants that."""
        return self._of_guild.get(guild_id, ()) if guild_id is not None and self._shares(guild_id) else ()

    def names(self, user_id: int, guild_id: int | None) -> tuple[str, ...]:
        """All names that a person may use somewhere; empty as long as the model's are not known."""
        presets = tuple(self.presets())
        others = (*self.own(user_id), *self.shared(guild_id))
        return (*presets, *(voice.name for voice in others)) if presets else ()

    def find(self, user_id: int, guild_id: int | None, name: str) -> Voice | None:
        """The voice that a person calls so: the model's, then their own, then the server's."""
        if preset := self.presets().get(name):
            return preset
        called = name.casefold()
        for voice in (*self.own(user_id), *self.shared(guild_id)):
            if voice.name.casefold() == called:
                return voice
        return None

    def by_key(self, user_id: int, guild_id: int | None, key: str) -> Voice | None:
        """The voice with this key, if the person may use it there."""
        if not key.startswith("#"):
            return self.presets().get(key)
        others = (*self.own(user_id), *self.shared(guild_id))
        return next((voice for voice in others if voice.key == key), None)

    def path(self, voice: Kept) -> Path:
        """The .npz of a kept voice."""
        return self._shelf.path(voice.file)

    def resolve(self, user_id: int, guild_id: int | None, name: str) -> str | Path | None:
        """What the synth process gets: the name of a preset, the file of a kept voice, None where there is no such voice."""
        match self.find(user_id, guild_id, name):
            case Kept() as voice:
                return self.path(voice)
            case Preset(name=preset):
                return preset
            case _:
                return None

    def files(self, user_id: int, guild_id: int | None, *names: str | None, borrower: str = "nobody") -> dict[str, str]:
        """The absolute paths of those names that are kept voices, to be read until `give_back`."""
        found = {name: self.find(user_id, guild_id, name) for name in names if name}
        return {name: self.lend(voice, borrower) for name, voice in found.items() if isinstance(voice, Kept)}

    def lend(self, voice: Kept, borrower: str) -> str:
        """The absolute path of one voice's file, to be read until `give_back`."""
        return str(self._shelf.lend(voice.file, borrower).resolve())

    def give_back(self, borrower: str) -> None:
        """Whoever borrowed files has read them."""
        self._shelf.give_back(borrower)

    def read(self, voice: Kept) -> bytes:
        """What is in a kept voice's .npz. OSError, Sealed."""
        return self._shelf.read(voice.file)

    # -- what is offered -----------------------------------------------------------------------------------------------

    def offer(self, user_id: int, guild_id: int | None, typed: str, also: Sequence[Offer] = ()) -> list[Offer]:
        """The voices for what a person has typed so far, best first, at most as many as Discord shows. `also`: of others."""
        self.presets()  # the index of the model's is made when they are known
        indexes = [self._index_of(user_id, guild_id), self._index]
        return best(typed, [Index(also), *indexes] if also else indexes)

    def _index_of(self, user_id: int, guild_id: int | None) -> Index:
        """What a person sees before the model's voices. It is made anew when something it is made from has changed."""
        made_from = (
            self.own(user_id),
            self.shared(guild_id),
            self.favourites(user_id),
            self._recents.get(user_id, ()),
            self._known,
            i18n.language(),
        )
        known = self._indexes.pop((user_id, guild_id), None)
        if known is None or known[0] != made_from:
            known = (made_from, Index(self._before_presets(user_id, guild_id)))
        self._indexes[user_id, guild_id] = known  # the newest is the last
        if len(self._indexes) > INDEXES:
            del self._indexes[next(iter(self._indexes))]
        return known[1]

    def _before_presets(self, user_id: int, guild_id: int | None) -> list[Offer]:
        """Favourites, recent ones, a person's own and the server's, each voice once."""
        presets, own, shared = self._presets, self.own(user_id), self.shared(guild_id)
        offers = {voice.key: _offer(voice, Rank.OWN, say(texts.VOICE_OWN)) for voice in own}
        offers |= {
            voice.key: _offer(voice, Rank.SERVER, say(texts.VOICE_SHARED)) for voice in shared if voice not in own
        }
        by_name = {offer.name.casefold(): key for key, offer in reversed(offers.items())}
        known = offers | self._offers
        first: dict[str, Offer] = {}
        for key in self.favourites(user_id):
            if key in known:
                starred = f"{known[key].label[: LABEL - 2]} ★"
                first[key] = dataclasses.replace(known[key], rank=Rank.FAVOURITE, label=starred)
        for name in self._recents.get(user_id, ()):
            key = name if name in presets else by_name.get(name.casefold(), "")
            if key in known and key not in first:
                first[key] = dataclasses.replace(known[key], rank=Rank.RECENT)
        return [*first.values(), *(offer for key, offer in offers.items() if key not in first)]

    def favourites(self, user_id: int) -> tuple[str, ...]:
        """The keys of a person's favourites."""
        return self._favourites.get(user_id, ())

    def used(self, user_id: int, name: str) -> None:
        """Somebody asked for this voice: it is among their recent ones now."""
        before = (other for other in self._recents.get(user_id, ()) if other != name)
        self._recents[user_id] = (name, *before)[: kept.RECENT]

    # -- what changes --------------------------------------------------------------------------------------------------

    async def keep(self, user_id: int, name: str, source: Path) -> Kept | Refused:
        """Keep what the synth process wrote to `source` (.npz) as a voice, or say why not. OSError if it cannot be copied."""
        if len(self.own(user_id)) >= self._most:
            return Refused(rule="voices-full", words=say(texts.VOICES_FULL, limit=self._most))
        name = clean_name(name)
        if refused := self._wrong_name(user_id, name):
            return refused
        try:
            voice = await self._store.call(
                kept.keep, user_id=user_id, name=name, read=source.read_bytes, shelf=self._shelf, now=self._clock()
            )
        except sqlite3.IntegrityError:  # pressed twice
            return Refused(rule="name-taken", words=say(texts.VOICE_NAME_TAKEN, name=name))
        self._put(voice)
        return voice

    async def rename(self, user_id: int, voice: Kept, name: str) -> Kept | Refused:
        """Another name for a voice of one's own."""
        name = clean_name(name)
        if refused := self._wrong_name(user_id, name, but=voice):
            return refused
        try:
            renamed = await self._store.call(kept.rename, voice.id, user_id, name)
        except sqlite3.IntegrityError:
            return Refused(rule="name-taken", words=say(texts.VOICE_NAME_TAKEN, name=name))
        return self._changed(renamed)

    async def share(self, voice: Kept, guild_id: int | None) -> Kept | Refused:
        """Let a server use a voice, or (None) nobody but its owner. Whose wish that may be is the caller's to know."""
        if guild_id is not None and not self._shares(guild_id):
            return Refused(rule="no-sharing", words=say(texts.VOICE_NO_SHARING))
        if guild_id is not None and (rule := self._forbidden(guild_id, voice.name)):
            return Refused(rule=rule, words=say(texts.VOICE_NAMES[rule]))
        return self._changed(await self._store.call(kept.share, voice.id, voice.user_id, guild_id))

    async def adopt(self, voice: Kept) -> Kept | Refused:
        """Make a voice that is shared with a server the server's own. Whose wish that may be is the caller's to know."""
        guild_id = voice.guild_id
        if guild_id is None:
            return Refused(rule="voice-gone", words=say(texts.VOICE_GONE))
        if len(self.own(guild_id)) >= self._most:
            return Refused(rule="voices-full", words=say(texts.VOICES_FULL, limit=self._most))
        if refused := self._wrong_name(guild_id, voice.name, but=voice):
            return refused
        try:
            adopted = await self._store.call(kept.adopt, voice, guild_id, self._shelf, self._clock())
        except sqlite3.IntegrityError:  # pressed twice
            return Refused(rule="name-taken", words=say(texts.VOICE_NAME_TAKEN, name=voice.name))
        self._changed(dataclasses.replace(voice, guild_id=None))
        self._put(adopted)
        return adopted

    async def delete(self, user_id: int, voice: Kept) -> bool:
        """Forget a voice of one's own, and remove its file."""
        if not await self._store.call(kept.delete, voice.id, user_id):
            return False
        self._drop(self._kept.get(voice.id, voice))
        for person, keys in list(self._favourites.items()):
            self._favourites[person] = tuple(key for key in keys if key != voice.key)
        await asyncio.to_thread(self.path(voice).unlink, missing_ok=True)
        return True

    async def forget(self, user_id: int) -> tuple[Kept, ...]:
        """A person's rows are gone: so is what is in memory, and the files; the voices that these were of."""
        voices = self._own.get(user_id, ())
        for voice in voices:
            self._drop(voice)
        gone = {voice.key for voice in voices}
        for memory in (self._own, self._favourites, self._recents):
            memory.pop(user_id, None)
        for person, keys in list(self._favourites.items()):
            self._favourites[person] = tuple(key for key in keys if key not in gone)
        for voice in voices:
            await asyncio.to_thread(self.path(voice).unlink, missing_ok=True)
        return voices

    def leave(self, guild_id: int) -> None:
        """A server is forgotten: what was shared with it is its owners' alone."""
        for voice in self._of_guild.get(guild_id, ()):
            self._drop(voice)
            self._put(dataclasses.replace(voice, guild_id=None))

    async def favour(self, user_id: int, key: str, *, on: bool) -> None:
        """Make a voice a favourite of somebody, or no longer."""
        await self._store.call(kept.favour, user_id, key, self._clock(), on=on)
        others = tuple(other for other in self.favourites(user_id) if other != key)
        self._favourites[user_id] = (*others, key) if on else others

    def _wrong_name(self, user_id: int, name: str, but: Kept | None = None) -> Refused | None:
        if not kept.SHORTEST <= len(name) <= kept.LONGEST:
            words = say(texts.VOICE_NAME_LENGTH, least=kept.SHORTEST, most=kept.LONGEST)
            return Refused(rule="name-length", words=words)
        if rule := self._forbidden(but.guild_id if but else None, name):
            return Refused(rule=rule, words=say(texts.VOICE_NAMES[rule]))
        called = name.casefold()
        presets = {preset.casefold() for preset in (*self.presets(), *CHARACTERS)}
        taken = {voice.name.casefold() for voice in self.own(user_id) if not but or voice.id != but.id}
        if called in presets | taken or called.replace(" ", "_") in presets:
            return Refused(rule="name-taken", words=say(texts.VOICE_NAME_TAKEN, name=name))
        return None

    def _changed(self, voice: Kept | None) -> Kept | Refused:
        if voice is None:
            return Refused(rule="voice-gone", words=say(texts.VOICE_GONE))
        self._drop(self._kept.get(voice.id, voice))
        self._put(voice)
        return voice

    def _put(self, voice: Kept) -> None:
        self._kept[voice.id] = voice
        self._own[voice.user_id] = _sorted(*self.own(voice.user_id), voice)
        if voice.guild_id is not None:
            self._of_guild[voice.guild_id] = _sorted(*self._of_guild.get(voice.guild_id, ()), voice)

    def _drop(self, voice: Kept) -> None:
        self._kept.pop(voice.id, None)
        for groups, group in ((self._own, voice.user_id), (self._of_guild, voice.guild_id)):
            if group is not None and group in groups:
                groups[group] = tuple(other for other in groups[group] if other.id != voice.id)


def _read(db: sqlite3.Connection) -> tuple[list[Kept], dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]:
    return kept.everything(db), kept.favourites(db), kept.recents(db)


def _sorted(*voices: Kept) -> tuple[Kept, ...]:
    return tuple(sorted(voices, key=lambda voice: fold(voice.name)))


def _offer(voice: Voice, rank: Rank, whose: str = "") -> Offer:
    """How a voice is shown and found."""
    if isinstance(voice, Preset):
        parts = [voice.title, voice.character] + ([voice.name] if voice.title != voice.name else [])
        known = voice.words
    else:
        parts, known = [voice.name, whose], frozenset(words(voice.name))
    label = " · ".join(part for part in parts if part)
    begins = tuple({fold(voice.name), fold(label)})
    return Offer(key=voice.key, name=voice.name, label=label[:LABEL], rank=rank, begins=begins, words=known)
