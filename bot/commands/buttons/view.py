"""Which buttons a message gets. The everyday ones are under the answer, the rest comes in private behind More.

Every view is stopped before it is sent: discord.py keeps no view that has ended, so however many answers there are,
nothing of them stays in memory. Presses are found by their custom ids alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import discord

from bot import texts
from bot.commands.buttons.handle import Handle
from bot.commands.buttons.mark import Action, Mark
from bot.commands.buttons.rights import Presser
from bot.flow.job import Job
from bot.texts import say

DANGER = frozenset({Action.DELETE, Action.CANCEL, Action.SURE})
WIDTH = 5  # buttons in a row, Discord's most


def view_for(job: Job, *, playable: bool = False, member: bool = True) -> discord.ui.View:
    """The buttons under an answer. `playable`: there is a way to be heard in voice channels; `member`: of the job's server."""
    at_home = member and job.guild_id is not None
    audible = playable and at_home and not job.options.cue and job.options.takes == 1
    everyday = [Action.AGAIN, Action.VARY, Action.EDIT, *([Action.PLAY] if audible else []), Action.MORE]
    if not at_home:  # where the bot is no member it can delete only what carries the button
        everyday.append(Action.DELETE)
    if job.options.takes == 1:
        return _view([[_handle(action, job.id) for action in everyday]])
    takes = [
        _handle(Action.MORE, job.id, take, say(texts.BUTTON_TAKE, take=take))
        for take in range(1, job.options.takes + 1)
    ]
    return _view([[_handle(action, job.id) for action in everyday], takes])


def waiting_view(job: Job) -> discord.ui.View:
    """The one button while it waits or is made."""
    return _view([[_handle(Action.CANCEL, job.id)]])


def sure_view(job: Job) -> discord.ui.View:
    """The second question before a report."""
    return _view([[_handle(Action.SURE, job.id)]])


def more_view(
    job: Job, take: int | None, presser: Presser, *, clip: bool, short: bool, playable: bool
) -> discord.ui.View:
    """What else this person can do with the answer, or with one take of it. `short`: it fits a soundboard."""
    in_guild, own = presser.guild_id is not None, job.user_id == presser.user_id
    deletes = job.guild_id is not None and (own or presser.moderator)
    with_clip = {
        Action.PLAY: take is not None and playable and in_guild,
        Action.KEEP: own,
        Action.BUBBLE: True,
        Action.SOUNDBOARD: short and in_guild,
    }
    of_clip = [action for action, offered in with_clip.items() if offered and clip and not job.options.cue]
    of_answer = [Action.DETAILS, Action.REPORT, *([Action.DELETE] if deletes else [])]
    first = [_handle(action, job.id, take or 1) for action in of_clip] if take or job.options.takes == 1 else []
    second = [] if take else [_handle(action, job.id) for action in of_answer]
    return _view([first, second])


def _handle(action: Action, job: int, take: int | None = None, label: str | None = None) -> Handle:
    style = discord.ButtonStyle.danger if action in DANGER else discord.ButtonStyle.secondary
    return Handle(str(Mark(action=action, job=job, take=take)), label or say(texts.BUTTONS[action]), style)


def _view(rows: Iterable[list[Handle]]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for number, row in enumerate(row for row in rows if row):
        for handle in row[:WIDTH]:
            handle.row = number
            view.add_item(handle)
    view.stop()
    return view
