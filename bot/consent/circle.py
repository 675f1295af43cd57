"""Living voices and their grants in memory, for what is offered while somebody types. What counts is asked of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from bot import texts
from bot.consent import grants, member
from bot.consent.grants import Asker, Grant, standing
from bot.consent.member import MemberVoice
from bot.presets import fold, words
from bot.ranking import Offer, Rank
from bot.store import Store
from bot.texts import say


class Circle:
    """What is known since the last `refresh`."""

    def __init__(self, *, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._voices: list[tuple[MemberVoice, list[Grant]]] = []

    async def refresh(self) -> None:
        """Read it anew: after each change."""
        self._voices = await self._store.insist(_read)

    def called(self, name: str) -> bool:
        """Whether a member voice is called so: nothing else may be."""
        return any(voice.name.casefold() == name.casefold() for voice, _ in self._voices)

    def offers(self, asker: Asker) -> list[Offer]:
        """Those that this person may use, as far as is known."""
        now, found = self._clock(), []
        for voice, given in self._voices:
            if isinstance(standing(voice, given, asker, now), str):
                continue
            own = voice.user_id == asker.user_id
            label = f"{voice.name} · {say(texts.VOICE_OWN if own else texts.CONSENT_OFFER)}"
            begins = tuple({fold(voice.name), fold(label)})
            offer = Offer(
                key=f"@{voice.id}",
                name=voice.name,
                label=label,
                rank=Rank.OWN if own else Rank.SERVER,
                begins=begins,
                words=frozenset(words(voice.name)),
            )
            found.append(offer)
        return found


def _read(db: sqlite3.Connection) -> list[tuple[MemberVoice, list[Grant]]]:
    return [(voice, grants.of_voice(db, voice.id)) for voice in member.everything(db)]
