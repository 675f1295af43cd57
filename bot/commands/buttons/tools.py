"""What the handlers of presses work with, and the small things all of them need."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import discord

from bot.commands.buttons.mark import Mark
from bot.commands.buttons.rights import Presser
from bot.commands.refusing import Gate
from bot.flow import clips
from bot.flow.clips import Clip
from bot.flow.intake import Intake
from bot.flow.job import Job
from bot.flow.post import Post
from bot.flow.progress import Board
from bot.store import Store

Play = Callable[[discord.Interaction, Job, int], Awaitable[None]]


KeepVoice = Callable[[int, str, Path], Awaitable[str | None]]  # whose, its name, the tokens -> why not


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What the composition root hands in."""

    store: Store
    post: Post
    intake: Intake
    board: Board
    clock: Callable[[], float]
    cancelled: Callable[[int], None]  # told of each job that was taken back
    usual: tuple[float, float]  # temperatures of text and sound where nobody says otherwise
    keep_voice: KeepVoice
    log_channel: Callable[[int], int | None]  # of a server
    gate: Gate | None = None  # None: everybody may press
    play: Play | None = None  # None: there are no voice channels to be heard in
    random: random.Random = dataclasses.field(default_factory=random.SystemRandom)

    async def clip(self, job: int, take: int) -> Clip | None:
        """The audio, if it is still kept."""
        clip = await self.store.call(clips.find, job, take)
        if clip is None or clip.kept_until <= self.clock():
            return None
        return clip if await asyncio.to_thread(clip.path.is_file) else None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """A press that is allowed."""

    interaction: discord.Interaction
    mark: Mark
    job: Job
    presser: Presser

    @property
    def take(self) -> int:
        """The take that is meant: the only one, where none is named."""
        return self.mark.take or 1

    @property
    def private(self) -> bool:
        """Whether the button is on a message that only its presser sees."""
        return self.interaction.message is not None and self.interaction.message.flags.ephemeral

    async def revise(self, words: str, view: discord.ui.View | None = None) -> None:
        """Answer in the private message that the button is on; on one that all see, beside it."""
        if self.private:
            await self.interaction.response.edit_message(content=words, view=view)
        else:
            await self.tell(words, discord.utils.MISSING if view is None else view)

    async def tell(self, words: str, view: discord.ui.View = discord.utils.MISSING) -> None:
        """Answer in private."""
        await self.interaction.response.send_message(words, ephemeral=True, view=view)

    async def give_back(self, words: str, text: str) -> None:
        """The same with what was typed, so that it need not be typed again."""
        await self.interaction.response.send_message(words, ephemeral=True, file=text_file(text))


def text_file(text: str) -> discord.File:
    """A text as a file."""
    return discord.File(io.BytesIO(text.encode()), "text.txt")
