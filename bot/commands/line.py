"""`/bark queue` and `/bark cancel`: what is in line, and taking back one's own."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence

import discord
from discord import app_commands

from bot import texts
from bot.commands.say import CHOICE_LENGTH, CHOICES
from bot.flow import meters, queue
from bot.flow.check import Limits
from bot.flow.job import Job, State
from bot.flow.meters import Meter
from bot.flow.pace import Pace
from bot.flow.progress import Board
from bot.store import Store
from bot.texts import say

SHOWN = 15  # jobs in a list
EXCERPT = 40  # characters of one's own text


def add(
    bark: app_commands.Group,
    *,
    store: Store,
    board: Board,
    limits: Callable[[int | None], Limits],
    clock: Callable[[], float],
    pace: Callable[[], Pace],
    cancelled: Callable[[int], None],
) -> None:
    """The commands. `cancelled` is told of each job that was taken back."""

    @bark.command(name="queue", description=texts.QUEUE)
    async def show(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        asker, most, now = (interaction.user.id, interaction.guild_id), limits(interaction.guild_id), clock()
        jobs, known = await store.call(look, asker, most, now)
        words = view(jobs, asker, limits=most, pace=pace(), fraction=board.fraction)
        words = "\n".join([words, *speech_left(known, now)])
        await interaction.edit_original_response(content=words)

    @bark.command(name="cancel", description=texts.CANCEL)
    @app_commands.describe(job=texts.CANCEL_JOB)
    async def cancel(interaction: discord.Interaction, job: app_commands.Range[str, 1, 20] | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        if job is not None and not job.isdecimal():  # typed instead of chosen
            await interaction.edit_original_response(content=say(texts.CANCEL_GONE))
            return
        found = await store.call(take_back, interaction.user.id, None if job is None else int(job), clock())
        if found is None:
            words = say(texts.CANCEL_NOTHING if job is None else texts.CANCEL_GONE)
        else:
            cancelled(found.id)
            words = say(texts.CANCEL_DONE, text=safe(found.text))
        await interaction.edit_original_response(content=words)

    @cancel.autocomplete("job")
    async def own(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        mine = [job for job in reversed(board.line) if job.user_id == interaction.user.id]
        named = [(_choice(job), str(job.id)) for job in mine]
        return [
            app_commands.Choice(name=name, value=job)
            for name, job in named
            if typed.casefold() in name.casefold() or typed == job
        ][:CHOICES]


def look(
    db: sqlite3.Connection, asker: tuple[int, int | None], limits: Limits, now: float
) -> tuple[list[Job], tuple[Meter, ...]]:
    """The line, and the meters of whoever looks at it."""
    return queue.line(db), meters.read(db, *asker, limits.quotas(), now)


def speech_left(known: Sequence[Meter], now: float) -> list[str]:
    """How much speech a person may have, before a refusal says it; nothing where there is no limit."""
    rest = meters.left(known, now)
    if rest is None:
        return []
    seconds, full_in = rest
    left = texts.duration(seconds) if seconds >= 1 else say(texts.SECONDS, n=0)
    if full_in < 1:
        return [say(texts.QUEUE_SPEECH, left=left)]
    return [say(texts.QUEUE_SPEECH_LESS, left=left, when=math.ceil(now + full_in))]


def take_back(db: sqlite3.Connection, user: int, job: int | None, now: float) -> Job | None:
    """Cancel a person's job, by its id or the newest; the job as it was, None where there is nothing to cancel."""
    mine = [found for found in queue.line(db) if found.user_id == user and job in (None, found.id)]
    newest = max(mine, key=lambda found: found.id, default=None)
    return newest if newest is not None and queue.cancel(db, newest.id, now) else None


def view(
    jobs: Sequence[Job],
    asker: tuple[int, int | None],
    *,
    limits: Limits,
    pace: Pace,
    fraction: Callable[[int], float],
) -> str:
    """The line as a person (user, guild) sees it: what is their own is marked, and only that is quoted."""
    user, guild = asker
    ahead, rows = 0.0, []
    for place, job in enumerate(jobs, start=1):
        done = fraction(job.id) if job.state is State.RENDERING else 0.0
        ahead += job.options.takes * pace.estimate(job.text) * (1 - done)
        if job.state is State.RENDERING:
            row = say(texts.QUEUE_WORKING, place=place, percent=int(done * 100))
        else:
            row = say(texts.QUEUE_WAITING, place=place, wait=texts.span(*pace.span(ahead)))
        own = job.user_id == user
        rows.append((own, say(texts.QUEUE_YOURS, line=row, text=safe(job.text)) if own else row))
    head = (
        say(texts.QUEUE_HEAD, count=len(jobs), wait=texts.span(*pace.span(ahead))) if jobs else say(texts.QUEUE_EMPTY)
    )
    mine = sum(own for own, _ in rows)
    before = next((place for place, job in enumerate(jobs) if job.user_id == user), 0)
    limit_words = [say(texts.QUEUE_AHEAD, count=before)] if before else []
    limit_words += [say(texts.QUEUE_LIMITS, mine=mine, most=limits.waiting_per_user)]
    if guild is not None:
        ours = sum(job.guild_id == guild for job in jobs)
        limit_words.append(say(texts.QUEUE_LIMITS_SERVER, ours=ours, most=limits.waiting_per_guild))
    return "\n".join([head, *_shown(rows), " ".join(limit_words)])


def _shown(rows: Sequence[tuple[bool, str]]) -> list[str]:
    """The first rows, and those of the person's own that are further down."""
    first, rest = rows[:SHOWN], rows[SHOWN:]
    own = [row for mine, row in rest if mine][:SHOWN]
    hidden = len(rest) - len(own)
    more = [say(texts.QUEUE_MORE, count=hidden)] if hidden else []
    return [*(row for _, row in first), *own, *more]


def excerpt(text: str) -> str:
    """The beginning of a person's own text, on one line."""
    words = " ".join(text.split())
    return f"“{words[:EXCERPT].strip()}{'…' if len(words) > EXCERPT else ''}”"


def safe(text: str) -> str:
    """The same for a message, where marks and mentions would come to life."""
    return discord.utils.escape_markdown(discord.utils.escape_mentions(excerpt(text)))


def _choice(job: Job) -> str:
    template = texts.CANCEL_WORKING if job.state is State.RENDERING else texts.CANCEL_WAITING
    return say(template, text=excerpt(job.text))[:CHOICE_LENGTH]
