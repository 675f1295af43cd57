"""What is heard now: a turn, its speech and the player's thread; and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable

import discord

from bot.flow.job import Job
from bot.flow.speaker import Speech
from bot.flow.turn import State, Turn
from bot.voice_client import VoiceClient

log = logging.getLogger(__name__)

WATCH = 5.0  # seconds in which a player that can speak reads at least once


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Playing:
    """`verdict`: how it ends by somebody's wish. `ended`: the player's thread is over. `watch_at`: when that is looked at."""

    turn: Turn
    job: Job
    speech: Speech
    began_at: int  # packets that were heard before
    watch_at: float
    ended: bool = False
    paused: bool = False
    verdict: State | None = None
    votes: set[int] = dataclasses.field(default_factory=set)
    reads: int = -1  # at the watchdog's last look

    def start(self, voice: VoiceClient, changed: Callable[[], None]) -> None:
        """From now on it is heard; `changed` is called at its end."""
        loop = asyncio.get_running_loop()

        def over() -> None:
            self.ended = True
            changed()

        def ended(error: Exception | None) -> None:  # in the player's thread
            if error is not None:
                log.warning("%r is interrupted: %s", self.job, error)
            with contextlib.suppress(RuntimeError):  # the loop has ended, too
                loop.call_soon_threadsafe(over)

        try:
            voice.play(self.speech, after=ended)
        except discord.ClientException:  # the connection went a moment before
            over()

    def judge(self, verdict: State, voice: VoiceClient | None) -> None:
        """End it: after the packet at hand, with the frames of silence that belong there."""
        self.verdict = verdict
        if voice is not None:
            voice.stop()

    def turn_pause(self, voice: VoiceClient) -> bool:
        """Stop for a while, or go on: whether it is paused now."""
        if self.paused:
            voice.resume()
        else:
            voice.pause()
        self.paused = not self.paused
        return self.paused

    def is_dead(self, voice: VoiceClient, now: float) -> bool:
        """Whether the player could speak and does not read any more: its thread is gone, or stuck."""
        if self.ended or now < self.watch_at:
            return False
        self.watch_at = now + WATCH
        reads, before = self.speech.reads, self.reads
        self.reads = reads
        return reads == before and voice.is_safe and not self.paused
