"""All commands, panels and buttons, put together from what they work with."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Callable
from pathlib import Path

import discord

from bot.client import BarkClient
from bot.commands import (
    about,
    again,
    buttons,
    dialogue,
    help,  # noqa: A004 - a command's name
    line,
    long,
    menus,
    privacy,
    say,
    server,
    settings,
    voice,
    voices,
)
from bot.commands.desk import Desk
from bot.commands.switch import Switch
from bot.flow.booth import Booth
from bot.flow.check import Limits, Refused
from bot.flow.intake import Intake
from bot.flow.job import Job
from bot.flow.pace import Pace
from bot.flow.post import Post
from bot.flow.progress import Board
from bot.flow.reading import Reading
from bot.flow.visitor import Visitor
from bot.house import House
from bot.previews import Previews
from bot.privacy.office import Office
from bot.store import Store
from synth.protocol import Ready


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What the composition root hands in."""

    client: BarkClient
    store: Store
    post: Post
    intake: Intake
    board: Board
    house: House
    previews: Previews
    clock: Callable[[], float]
    pace: Callable[[], Pace]
    ready: Callable[[], Ready | None]  # what the synth process says of itself
    limits: Limits  # the configuration's
    usual: tuple[float, float]  # temperatures of text and sound where nobody says otherwise
    cancelled: Callable[[int], None]  # told of each job that was taken back
    booth: Booth
    reading: Reading
    office: Office
    papers: privacy.Papers


def compose(parts: Parts) -> None:
    """Give the client everything that people can type, choose and press."""
    client = parts.client
    switch, presses = Switch(), buttons.Presses(_tools(parts))
    client.presses = presses
    client.hearers += [switch.hear, presses.hear]
    random_seed = functools.partial(random.SystemRandom().randint, 0, say.MAX_SEED)
    desk = Desk(intake=parts.intake, house=parts.house, new_seed=random_seed)
    bark = say.group()
    for speaking in (say, dialogue, long, again):
        speaking.add(bark, desk)
    voices.add(bark, switch, parts.house, parts.previews)
    settings.add(bark, switch, parts.house)
    server.add(bark, switch, parts.house, parts.limits)
    line.add(
        bark,
        store=parts.store,
        board=parts.board,
        limits=parts.house.book.limits,
        clock=parts.clock,
        pace=parts.pace,
        cancelled=parts.cancelled,
    )
    voice.add(bark, desk, parts.booth, parts.reading)
    help.add(bark, desk, client)
    privacy.add(bark, switch, parts.office, parts.papers)
    about.add(
        bark,
        store=parts.store,
        clock=parts.clock,
        ready=parts.ready,
        invite=client.invite,
        papers=parts.papers,
        counted=parts.office.keep.jobs,
    )
    client.tree.add_command(bark)
    for menu in menus.build(desk, parts.booth):
        client.tree.add_command(menu)


def _tools(parts: Parts) -> buttons.Tools:
    async def keep_voice(user_id: int, name: str, source: Path) -> str | None:
        kept = await parts.house.library.keep(user_id, name, source)
        return kept.words if isinstance(kept, Refused) else None

    async def play(interaction: discord.Interaction, job: Job, take: int) -> None:
        words = await parts.booth.play(Visitor.of(interaction), job, take, parts.clock())
        await interaction.response.send_message(words, ephemeral=True)

    return buttons.Tools(
        store=parts.store,
        post=parts.post,
        intake=parts.intake,
        board=parts.board,
        clock=parts.clock,
        cancelled=parts.cancelled,
        usual=parts.usual,
        keep_voice=keep_voice,
        play=play,
        log_channel=lambda guild: parts.house.book.server(guild).log_channel,
    )
