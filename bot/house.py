"""What holds for one ask: the settings of its person and place, and the voices they may use. Answered from memory."""

from __future__ import annotations

import dataclasses

import discord

from bot.consent.circle import Circle
from bot.consent.grants import Asker, Use
from bot.consent.standing import Consent
from bot.flow.ask import Ask
from bot.flow.check import Limits, Refused, Rules, turned_off
from bot.flow.job import Job
from bot.guard.verdict import Guard
from bot.ranking import Offer
from bot.settings import Book, Effective, Feature
from bot.voices import Library


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Manners:
    """What the decision about an ask needs of them."""

    limits: Limits
    rules: Rules
    voices: tuple[str, ...]  # empty: not known yet
    guard: Guard


class House:
    """Settings and voices, put together."""

    def __init__(
        self, *, book: Book, library: Library, consent: Consent = Consent(), circle: Circle | None = None
    ) -> None:
        self.book, self.library, self.consent, self.circle = book, library, consent, circle

    def manners(self, ask: Ask) -> Manners:
        """For the decision in `flow/check.py`."""
        effective = self.book.effective(ask.user_id, ask.guild_id)
        names = self.library.names(ask.user_id, ask.guild_id)
        guard = self.book.guard(ask.guild_id)
        return Manners(limits=effective.limits, rules=effective.rules, voices=names, guard=guard)

    def complete(self, ask: Ask) -> Ask:
        """The ask with what its person left to their settings, and with voices called as they are written down."""
        effective, options = self.book.effective(ask.user_id, ask.guild_id), ask.options
        temp = effective.text_temp if options.text_temp is None else options.text_temp
        bubble = effective.voice_message if options.voice_message is None else options.voice_message
        cast = {speaker: self._called(ask, voice) for speaker, voice in options.cast.items()}
        voice = self._called(ask, ask.voice) if ask.voice else self.default_voice(ask, effective)
        completed = dataclasses.replace(
            options,
            text_temp=temp,
            cast=cast,
            format=options.format or effective.format,
            voice_message=bubble,
            locale=effective.language or options.locale,
        )
        return dataclasses.replace(ask, voice=voice, options=completed)

    def language(self, interaction: discord.Interaction) -> str:
        """The language to speak to the person of an interaction: what is set, else what their Discord speaks."""
        return self.book.language(interaction.user.id, interaction.guild_id) or str(interaction.locale)

    def offers(self, interaction: discord.Interaction, typed: str) -> list[Offer]:
        """The voices for what a person has typed so far: those of members, too."""
        user, guild = interaction.user.id, interaction.guild_id
        asker = Asker(
            user_id=user,
            guild_id=guild,
            role_ids=frozenset(role.id for role in getattr(interaction.user, "roles", ())),
            private=guild is None and interaction.context.dm_channel,
            use=Use.FILES,
        )
        members = self.circle.offers(asker) if self.circle is not None and self.consent.on else []
        return self.library.offer(user, guild, typed, also=members)

    def default_voice(self, ask: Ask, effective: Effective) -> str | None:
        """The name of the first default voice that is there; None: as configured."""
        found = (self.library.by_key(ask.user_id, ask.guild_id, key) for key in effective.voices)
        return next((voice.name for voice in found if voice), None)

    def off(self, guild_id: int | None, feature: Feature) -> Refused | None:
        """The refusal where a server has turned something off that an ask does not tell by itself."""
        return turned_off(frozenset(self.book.server(guild_id).off), feature)

    def voice_files(self, job: Job) -> dict[str, str]:
        """Where the kept voices of a job lie, by name, until it gives them back."""
        names = (job.voice, *job.options.cast.values())
        return self.library.files(job.user_id, job.guild_id, *names, borrower=str(job.id))

    def mentions(self, job: Job) -> bool:
        """Whether the asker wants to be called when the answer comes late."""
        return self.book.mine(job.user_id).mention_late

    def _called(self, ask: Ask, name: str) -> str:
        voice = self.library.find(ask.user_id, ask.guild_id, name)
        return voice.name if voice else name
