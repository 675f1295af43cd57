"""The head of the audit log, posted once a day to each server's channel for notices, where it moved since.

From then on Discord holds a copy with its own date: rows before that head cannot be changed unseen any more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import audit, texts
from bot.flow.post import ERRORS, Post
from bot.moderation import rules
from bot.moderation.seal import Seal
from bot.store import Store, recall, remember
from bot.texts import say
from synth.patience import Clock

log = logging.getLogger(__name__)

EVERY = 86_400.0  # seconds between two posts in one channel
LOOK = 3600.0  # seconds between two looks at whether one is due
POSTED = "audit posted"  # server -> [when, row]


class Herald:
    """`channels`: of the servers that have one for notices. `patience` is what it waits by, `clock` is of dates."""

    def __init__(
        self,
        *,
        store: Store,
        post: Post,
        clock: Callable[[], float],
        patience: Clock,
        folder: Path,
        channels: Callable[[], dict[int, int]],
    ) -> None:
        self._store, self._post, self._clock, self._patience = store, post, clock, patience
        self._folder, self._channels = folder, channels

    async def run(self, connected: asyncio.Event) -> None:
        """Until cancelled."""
        await connected.wait()
        while True:
            try:
                await self.round()
            except Exception:
                log.exception("the head of the audit log is not posted")
            await self._patience.sleep(LOOK)

    async def round(self) -> None:
        """Post where that is due."""
        head, posted = await self._store.insist(self._look)
        due = [guild for guild in self._channels() if self._due(head, posted.get(str(guild)))]
        if not due:
            return
        seal = await asyncio.to_thread(Seal.open, self._folder)
        words = say(texts.AUDIT_POSTED, seq=head.seq, hash=head.hash, signature=seal.sign(head), key=seal.public)
        for guild in due:
            if await self._told(guild, words):
                await self._store.insist(_note, guild, self._clock(), head.seq)

    def _look(self, db: sqlite3.Connection) -> tuple[audit.Head, dict[str, Any]]:
        rules.tidy(db, self._clock())
        return audit.head(db), recall(db, POSTED, {})

    def _due(self, head: audit.Head, posted: Any) -> bool:
        when, row = posted or (0.0, 0)
        return head.seq > row and not 0 <= self._clock() - when < EVERY

    async def _told(self, guild: int, words: str) -> bool:
        channel = self._channels().get(guild)
        if channel is None:
            return False
        try:
            await self._post.tell(channel, words)
        except ERRORS as error:
            log.info("the head of the audit log does not reach channel %d: %s", channel, error)
            return False
        return True


def _note(db: sqlite3.Connection, guild: int, now: float, seq: int) -> None:
    remember(db, POSTED, {**recall(db, POSTED, {}), str(guild): [now, seq]})
