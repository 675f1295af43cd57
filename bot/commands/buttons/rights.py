"""Who may press what, as a pure decision over plain values."""

from __future__ import annotations

import dataclasses
from typing import Self

import discord

from bot import texts
from bot.commands.buttons.mark import Action, Mark
from bot.flow.job import Job, State
from bot.texts import say

ASKER = frozenset({Action.EDIT, Action.KEEP})
ASKER_OR_MODERATOR = frozenset({Action.DELETE, Action.CANCEL})
LIKE_COMMANDS = frozenset(  # for whoever may use commands; looking, tidying and reporting are for everybody
    {Action.AGAIN, Action.VARY, Action.EDIT, Action.PLAY, Action.KEEP, Action.BUBBLE, Action.SOUNDBOARD}
)
COPIES = frozenset({Action.PLAY, Action.KEEP, Action.BUBBLE, Action.SOUNDBOARD})  # what a withdrawal would not reach
UNFINISHED = frozenset({State.RECEIVED, State.QUEUED, State.RENDERING})
FINISHED = frozenset({State.RENDERED, State.ANSWERED})  # rendered: Discord has it, and we are about to write that down


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Presser:
    """A person where they press: `guild_id` None is a direct message."""

    user_id: int
    guild_id: int | None
    channel_id: int | None
    moderator: bool
    may_use_commands: bool

    @classmethod
    def of(cls, interaction: discord.Interaction) -> Self:
        """The person behind an interaction."""
        alone = interaction.guild_id is None
        return cls(
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id,
            moderator=not alone and interaction.permissions.manage_messages,
            may_use_commands=alone or interaction.permissions.use_application_commands,
        )


def refusal(mark: Mark, job: Job | None, presser: Presser) -> str | None:
    """Why this person cannot press this, in words for them; None: they can."""
    if job is None or not _here(job, presser):  # one sentence for both: nobody learns what happens elsewhere
        return say(texts.BUTTON_NOT_HERE)
    if not 1 <= (mark.take or 1) <= job.options.takes:
        return say(texts.BUTTON_UNKNOWN)
    return _person(mark.action, job, presser) or _moment(mark.action, job)


def _here(job: Job, presser: Presser) -> bool:
    """Whether the job is of this place. A late answer may have gone to its asker directly."""
    if presser.guild_id is not None:
        return job.guild_id == presser.guild_id
    return job.user_id == presser.user_id or (job.guild_id is None and job.channel_id == presser.channel_id)


def _person(action: Action, job: Job, presser: Presser) -> str | None:
    own = job.user_id == presser.user_id
    if action in ASKER and not own:
        return say(texts.BUTTON_ASKER_ONLY)
    if action in ASKER_OR_MODERATOR and not own and not presser.moderator:
        return say(texts.BUTTON_ASKER_OR_MODERATOR)
    if action in COPIES and job.options.cue:
        return say(texts.BUTTON_MEMBER_VOICE)
    return say(texts.BUTTON_NO_COMMANDS) if action in LIKE_COMMANDS and not presser.may_use_commands else None


def _moment(action: Action, job: Job) -> str | None:
    if action is Action.CANCEL:
        return None if job.state in UNFINISHED else say(texts.BUTTON_OVER)
    if job.state in UNFINISHED:
        return say(texts.BUTTON_TOO_EARLY)
    return None if job.state in FINISHED else say(texts.BUTTON_NOT_HERE)
