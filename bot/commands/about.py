"""`/bark about` and `/bark stats`: what this is, and how much it has spoken."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import sqlite3
from collections.abc import Callable

import discord
from discord import app_commands

from bot import texts
from bot.commands.help import COLOUR
from bot.commands.privacy import Papers, span
from bot.commands.switch import view_of
from bot.flow.tally import Tally, tally, waiting
from bot.store import Store
from bot.texts import say
from synth.protocol import Ready

BARK = "https://github.com/suno-ai/bark"


def add(
    bark: app_commands.Group,
    *,
    store: Store,
    clock: Callable[[], float],
    ready: Callable[[], Ready | None],
    invite: Callable[[], str],
    papers: Papers,
    counted: float,
) -> None:
    """The commands. `ready`: what the synth process said of itself, None while it starts; `counted`: seconds that jobs are kept."""
    began = clock()

    @bark.command(name="about", description=texts.ABOUT)
    async def about(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(
            embed=card(ready(), invite()), view=view_of(papers.links()), ephemeral=True
        )

    @bark.command(name="stats", description=texts.STATS)
    async def stats(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        guild = interaction.guild_id if interaction.permissions.manage_guild else None  # for its moderators
        found = await store.call(counts, interaction.user.id, guild)
        await interaction.edit_original_response(content=report(found, uptime=clock() - began, counted=counted))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What `/bark stats` shows; `server` is for those who run it."""

    mine: Tally
    server: Tally | None
    all: Tally
    waiting: int


def counts(db: sqlite3.Connection, user: int, guild: int | None) -> Counts:
    """Everything in one transaction."""
    return Counts(
        mine=tally(db, user=user),
        server=None if guild is None else tally(db, guild=guild),
        all=tally(db),
        waiting=waiting(db),
    )


def report(counts: Counts, *, uptime: float, counted: float) -> str:
    """The counts as people read them."""
    rows = [say(texts.STATS_YOURS, line=_line(counts.mine))]
    if counts.server is not None:
        rows.append(say(texts.STATS_SERVER, line=_line(counts.server)))
    rows.append(say(texts.STATS_ALL, line=_line(counts.all)))
    rows.append(say(texts.STATS_NOW, waiting=counts.waiting, uptime=texts.duration(uptime)))
    if counts.all.seconds:
        pace = texts.clip_length(counts.all.took / counts.all.seconds)
        rows.append(say(texts.STATS_PACE, seconds=pace))
    rows.append(say(texts.STATS_SINCE, span=span(counted)))
    return "\n".join(rows)


def _line(jobs: Tally) -> str:
    length = texts.clip_length(jobs.seconds) if jobs.seconds < 3600 else texts.duration(jobs.seconds)
    return say(texts.STATS_LINE, answered=jobs.answered, failed=jobs.failed, length=length)


def card(ready: Ready | None, invite: str) -> discord.Embed:
    """What I am."""
    model = say(texts.ABOUT_MODEL, model=ready.model, device=ready.device) if ready else say(texts.ABOUT_STARTING)
    rows = (
        say(texts.ABOUT_WHAT, bark=BARK),
        model,
        say(texts.ABOUT_NOTICE),
        say(texts.ABOUT_LICENCE),
        say(texts.ABOUT_INVITE, link=invite),
    )
    title = say(texts.ABOUT_TITLE, version=importlib.metadata.version("barkbot"))
    return discord.Embed(colour=COLOUR, title=title, description="\n\n".join(rows))
