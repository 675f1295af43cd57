"""All commands, panels and buttons, put together from what they work with."""

from __future__ import annotations

import dataclasses
import functools
import logging
import random
from collections.abc import Callable
from pathlib import Path

import discord

from bot.client import BarkClient
from bot.commands import (
    about,
    accepting,
    admin,
    again,
    auditing,
    buttons,
    consent,
    dialogue,
    help,  # noqa: A004 - a command's name
    line,
    long,
    menus,
    privacy,
    reporting,
    say,
    server,
    settings,
    verify,
    voice,
    voices,
)
from bot.commands.desk import Desk
from bot.commands.refusing import Gate, question_view
from bot.commands.switch import Switch
from bot.consent.enrolment import Enrolment
from bot.consent.keeper import Keeper
from bot.flow.booth import Booth
from bot.flow.check import Limits, Refused
from bot.flow.intake import Intake
from bot.flow.job import Job
from bot.flow.pace import Pace
from bot.flow.post import ERRORS, Post
from bot.flow.progress import Board
from bot.flow.reading import Reading
from bot.flow.verify import Verifier
from bot.flow.visitor import Visitor
from bot.house import House
from bot.moderation.marshal import Marshal
from bot.moderation.powers import Operators
from bot.moderation.warden import Warden
from bot.previews import Previews
from bot.privacy.office import Office
from bot.store import Store
from synth.protocol import Ready

log = logging.getLogger(__name__)


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
    warden: Warden
    marshal: Marshal
    contact: str  # of those who run the bot, in their words
    verifier: Verifier
    enrolment: Enrolment | None  # None: there are no member voices
    keeper: Keeper
    office: Office
    papers: privacy.Papers


def compose(parts: Parts) -> None:
    """Give the client everything that people can type, choose and press."""
    client = parts.client
    gate = Gate(store=parts.store, warden=parts.warden, clock=parts.clock)
    switch, presses = Switch(), buttons.Presses(_tools(parts, gate))
    client.presses = presses
    client.hearers += [switch.hear, presses.hear]
    random_seed = functools.partial(random.SystemRandom().randint, 0, say.MAX_SEED)
    desk = Desk(intake=parts.intake, house=parts.house, new_seed=random_seed)
    bark = say.group()
    for speaking in (say, dialogue, long, again):
        speaking.add(bark, desk)
    accepting.add(switch, intake=parts.intake, store=parts.store, clock=parts.clock)
    voices.add(bark, switch, parts.house, parts.previews, gate)
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
    voice.add(bark, desk, parts.booth, gate)
    report = reporting.add(
        bark, switch, store=parts.store, clock=parts.clock, notice=_notice(parts), contact=parts.contact
    )
    moderators = _admin(parts)
    members = None if parts.enrolment is None else _members(parts, parts.enrolment, switch)
    help.add(bark, moderators, desk, client, members)
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
    verify_this = verify.add(bark, parts.verifier)
    client.tree.add_command(bark)
    client.tree.add_command(moderators)
    if members is not None:
        client.tree.add_command(members)
    for menu in (*menus.build(desk, parts.booth), report, verify_this):
        client.tree.add_command(menu)

    async def invite(user_id: int, rules: Refused) -> None:
        await parts.post.write(user_id, rules.words, question_view(rules.question or 0))

    parts.reading.invite = invite


def _members(parts: Parts, enrolment: Enrolment, switch: Switch) -> discord.app_commands.Group:
    """`/bark-voice`."""
    tools = consent.Tools(
        store=parts.store, post=parts.post, enrolment=enrolment, keeper=parts.keeper, clock=parts.clock
    )
    return consent.build(tools, switch)


def _admin(parts: Parts) -> discord.app_commands.Group:
    """`/bark-admin`."""
    group = admin.group()
    operators = Operators(parts.client.application_info, parts.clock)
    desk = admin.AdminDesk(parts.marshal, operators, _notice(parts))
    admin.add(group, desk)
    auditing.add(group, desk, parts.store)
    voice.add_reading(group, parts.reading)
    return group


def _notice(parts: Parts) -> admin.Notice:
    """Words for a server's channel for notices. Whether they arrived; where not, the log has what happened."""

    async def tell(guild_id: int, words: str) -> bool:
        channel = parts.house.book.server(guild_id).log_channel
        if channel is None:
            return False
        try:
            await parts.post.tell(channel, words)
        except ERRORS as error:
            log.info("a notice does not reach channel %d: %s", channel, error)
            return False
        return True

    return tell


def _tools(parts: Parts, gate: Gate) -> buttons.Tools:
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
        gate=gate,
        play=play,
        log_channel=lambda guild: parts.house.book.server(guild).log_channel,
    )
