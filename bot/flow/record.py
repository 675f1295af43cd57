"""How turns end, written down; and what is said about those that could not be heard."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bot import texts
from bot.flow import clips, queue, stage
from bot.flow.job import Job
from bot.flow.playing import Playing
from bot.flow.sounds import Sounds
from bot.flow.speaker import Speech
from bot.flow.turn import COMING, Entry, State, Turn
from bot.store import Store
from bot.texts import say

STUMBLES = 3  # interruptions in a row without a packet heard after which a turn is given up


class Teller(Protocol):
    """Says something in a text channel."""

    async def __call__(self, channel_id: int, words: str) -> None:
        """Once, if Discord takes it."""


class Record:
    """The ends of one server's turns."""

    def __init__(self, *, store: Store, sounds: Sounds, tell: Teller) -> None:
        self._store, self._sounds, self._tell = store, sounds, tell
        self._stumbles: dict[int, int] = {}  # by turn

    async def end(self, turn: Turn, state: State) -> None:
        """A turn is over; a file that was there for it alone goes."""
        self._sounds.forget(turn.id)
        self._stumbles.pop(turn.id, None)
        await self._store.insist(stage.end, turn.id, state)
        job = await self._store.insist(clips.unwanted, turn.job)
        if job is not None:
            await asyncio.to_thread(clips.remove, clips.paths(job))

    async def clear(self, guild_id: int, state: State, channel_id: int | None = None) -> list[Turn]:
        """All turns of a server, or of one voice channel, are over; those that were open."""
        turns = await self._store.insist(stage.clear, guild_id, state, channel_id=channel_id)
        for turn in turns:
            await self.end(turn, state)
        return turns

    async def settle(self, playing: Playing) -> None:
        """What was heard has ended: for good, or until it can go on."""
        turn, speech = playing.turn, playing.speech
        if playing.verdict is not None or speech.over:
            await self.end(turn, playing.verdict or State.PLAYED)
        elif speech.broken and not await self._goes_again(playing.job):
            await self.end(turn, State.DROPPED)  # the job's own words say why
        else:
            await self._interrupted(playing)

    async def unheard(self, entry: Entry, speech: Speech | None) -> None:
        """Its file is gone; or it was made again and is another now: its beginning was heard, the message has the whole."""
        await self.end(entry.turn, State.DROPPED)
        if speech is None:
            await self._tell(entry.turn.text_id, say(texts.VOICE_CLIP_GONE, asker=f"<@{entry.turn.user_id}>"))

    async def _goes_again(self, job: Job) -> bool:
        latest = await self._store.insist(queue.get, job.id)
        return latest is not None and latest.state in COMING

    async def _interrupted(self, playing: Playing) -> None:
        turn = playing.turn
        moved_on = playing.speech.heard > playing.began_at or playing.speech.broken
        self._stumbles[turn.id] = 0 if moved_on else self._stumbles.get(turn.id, 0) + 1
        if self._stumbles[turn.id] < STUMBLES:
            await self._store.insist(stage.back, turn.id)
            return
        await self.end(turn, State.DROPPED)
        await self._tell(turn.text_id, say(texts.VOICE_STUMBLES, asker=f"<@{turn.user_id}>"))
