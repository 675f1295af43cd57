"""The ceremony: a page with the terms, a challenge in direct messages, a spoken answer, and a voice made of that answer.

What it needs is looked at each time: the operator's switch, the server's, its log channel, and a synth process that can
hear and make voices. The recording is on this machine from its download until it was heard, in a file that only the bot's user
can read, in memory where that can be.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import discord

from bot import i18n, texts
from bot.consent import ceremony as rules
from bot.consent import member, rites
from bot.consent.ceremony import Answer, Ceremony, Pressed
from bot.consent.fetch import NotFetched, fetch
from bot.consent.keeper import Keeper
from bot.consent.member import MemberVoice
from bot.consent.spoken import to_say
from bot.consent.standing import Consent
from bot.consent.vault import Vault
from bot.consent.words import draw
from bot.flow import post
from bot.flow.post import Post
from bot.guard.verdict import Guard
from bot.store import Store
from bot.texts import say
from synth.process import JobCancelled, JobFailed, SynthDied, SynthStopped
from synth.protocol import Heard, Ready, Reason, VoiceMade

log = logging.getLogger(__name__)

_REASONS = {
    Reason.NOT_AUDIO: "not-one-file",
    Reason.TOO_MUCH_AUDIO: "length",
    Reason.NO_SPEECH: "too-quiet",
}


class Ears(Protocol):
    """The synth process, as far as this file knows it."""

    @property
    def ready(self) -> Ready | None:
        """What it says of itself."""

    async def hear(self, path: str) -> Heard:
        """What is said in a recording."""

    async def make_voice(self, path: str, out: str) -> VoiceMade:
        """A voice of it."""


class Enrolment:
    """Where ceremonies are held."""

    def __init__(
        self,
        *,
        store: Store,
        post: Post,
        ears: Ears,
        consent: Consent,
        vault: Vault,
        keeper: Keeper,
        guard: Callable[[int], Guard],
        clock: Callable[[], float],
        source: random.Random | None = None,
    ) -> None:
        """`guard`: what may be said in a server. `source` draws the code words; the default cannot be foretold."""
        self._store, self._post, self._ears, self._consent = store, post, ears, consent
        self._vault, self._keeper, self._guard, self._clock = vault, keeper, guard, clock
        self._source = source or random.SystemRandom()

    async def begin(self) -> None:
        """Tell those whose answer an earlier life was hearing; their recordings are gone."""
        for ceremony in await self._store.insist(rites.recover, self._clock()):
            with i18n.speaking(ceremony.locale):
                await self._tell(ceremony, say(texts.CONSENT_FAILED["restart"]))

    async def obstacle(self, guild_id: int | None, name: str) -> str | None:
        """Why no ceremony can be held here for a member of this name; None: it can."""
        if guild_id is None:
            return say(texts.SERVER_ONLY)
        if not await self._store.call(self._consent.wanted, guild_id):
            return say(texts.CONSENT_OFF)
        if rule := self._broken_by(guild_id, name):
            return say(texts.CONSENT_NAMES[rule])
        ready = self._ears.ready
        if ready is None:
            return say(texts.CONSENT_STARTING)
        return None if ready.enrols else say(texts.CONSENT_CANNOT)

    def _broken_by(self, guild_id: int, name: str) -> str | None:
        """The rule that a voice called after this name would break; None: none."""
        return self._guard(guild_id).broken_by_name(name, member.called_after(name))

    async def agree(self, rite: str, press: Pressed, server: str) -> str:
        """I agree, pressed: the challenge is sent. Words for the page."""
        words = draw(self._source)
        agreed = await self._store.call(rites.agree, rite, press, words)
        if isinstance(agreed, str):
            return say(texts.CONSENT_REFUSED[agreed])
        challenge = say(
            texts.CONSENT_CHALLENGE,
            server=discord.utils.escape_markdown(server),
            sentence=to_say(words),
            minutes=round(rules.WINDOW / 60),
        )
        try:
            place = await self._post.write(agreed.user_id, challenge)
        except post.ERRORS as error:
            log.info("ceremony %s: the challenge cannot be sent: %s", rite, error)
            await self._store.insist(rites.unsent, rite, self._clock())
            return say(texts.CONSENT_CLOSED)
        await self._store.insist(rites.challenged, rite, *place)
        return say(texts.CONSENT_SENT, minutes=round(rules.WINDOW / 60))

    async def hear(self, message: discord.Message) -> None:
        """A direct message. What nobody waits for is passed over."""
        if message.author.bot:
            return
        attached = message.attachments
        given = Answer(
            id=message.id,
            author_id=message.author.id,
            channel_id=message.channel.id,
            voice=message.flags.voice,
            urls=tuple(one.url for one in attached),
            size=max((one.size for one in attached), default=0),
            seconds=attached[0].duration if attached else None,
        )
        hosts = rules.hosts(discord.http.Route.BASE)
        answered = await self._store.call(rites.answer, given, hosts, self._clock())
        if answered is None:
            return
        ceremony, reason = answered
        i18n.speak(ceremony.locale)
        if reason is not None:
            await self._tell(ceremony, say(texts.CONSENT_FAILED[reason]))
            return
        await self._tell(ceremony, say(texts.CONSENT_HEARING))
        await self._tell(ceremony, await self._outcome(ceremony, given.urls[0]))

    async def _outcome(self, ceremony: Ceremony, url: str) -> str:
        """Words about what came of an answer."""
        recording = self._vault.scratch(f"{ceremony.id}.ogg")
        try:
            try:
                made = await self._listen(ceremony, url, recording)
            finally:
                recording.unlink(missing_ok=True)
        except NotFetched as problem:
            made = problem.reason
        except JobFailed as failure:
            log.info("ceremony %s: %s", ceremony.id, failure)
            made = _REASONS.get(failure.reason, "unheard")
        except (SynthDied, SynthStopped, JobCancelled, OSError) as error:
            log.warning("ceremony %s: %r", ceremony.id, error)
            made = "unheard"
        if isinstance(made, str):
            await self._store.insist(rites.fail, ceremony.id, made, self._clock())
            return say({**texts.CONSENT_FAILED, **texts.CONSENT_NAMES}[made])
        told = await self._keeper.notice(made)
        words = texts.CONSENT_DONE if told else texts.CONSENT_DONE_UNTOLD
        return say(words, voice=made.name, until=round(made.until))

    async def _listen(self, ceremony: Ceremony, url: str, recording: Path) -> MemberVoice | str:
        """Fetch, hear, judge, and make the voice, of this recording and no other. A reason where it is no consent."""
        if not await self._store.call(self._consent.wanted, ceremony.guild_id):
            return "off"
        if rule := self._broken_by(ceremony.guild_id, ceremony.name):
            return rule
        await fetch(url, recording, rules.LARGEST)
        heard = await self._ears.hear(str(recording))
        if reason := rules.cannot_take(ceremony.words, heard.text, heard.seconds, heard.level):
            return reason
        out = self._vault.scratch(f"{ceremony.id}.npz")
        try:
            await self._ears.make_voice(str(recording), str(out))
            content = await asyncio.to_thread(out.read_bytes)
        finally:
            out.unlink(missing_ok=True)
        made = await self._store.call(self._keep, ceremony, content)
        return made or "off"

    def _keep(self, db: sqlite3.Connection, ceremony: Ceremony, content: bytes) -> MemberVoice | None:
        """One transaction: the voice, its grants, its key, and its file, which is on the disk before the row counts."""
        if not self._consent.wanted(db, ceremony.guild_id):
            return None
        made = rites.passed(db, ceremony.id, self._clock())
        if made is not None:
            rites.keep_key(db, made.id, self._vault.write(made.id, content))
        return made

    async def _tell(self, ceremony: Ceremony, words: str) -> None:
        try:
            await self._post.write(ceremony.user_id, words)
        except post.ERRORS as error:
            log.info("ceremony %s: its member is not told: %s", ceremony.id, error)
