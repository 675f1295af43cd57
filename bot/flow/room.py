"""One server's voice: a task that joins, plays the turns in order, notices what happens to it, and leaves.

It looks at everything there is (its queue, its connection, who is there, the clock), does what follows from that, and waits
until something changes or a moment has come. So nothing that is missed can keep it waiting for ever.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence

import discord

from bot import i18n, texts
from bot.flow import door, speaker, stage
from bot.flow.entrance import Entrance
from bot.flow.plain import beginning
from bot.flow.playing import WATCH, Playing
from bot.flow.record import Record, Teller
from bot.flow.sign import Sign
from bot.flow.sounds import Sounds
from bot.flow.speaker import Speech
from bot.flow.turn import Entry, State, Turn
from bot.store import Store
from bot.texts import say
from bot.voice_client import VoiceClient
from synth.patience import Clock, within

log = logging.getLogger(__name__)

SHOWN = 80  # characters of a text in the status line
AGAIN = 1.0  # seconds after a mistake of ours until the next look


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What all rooms share. `alone_after` and `idle_after` are seconds; `halted`: whether a server's voice is to be silent."""

    client: discord.Client
    store: Store
    sounds: Sounds
    sign: Sign
    entrance: Entrance
    clock: Clock
    tell: Teller
    alone_after: float
    idle_after: float
    halted: Callable[[int], bool]


class Room:
    """The voice of one server. The commands call the methods; `run` is its task."""

    def __init__(self, guild_id: int, shared: Shared) -> None:
        self.guild_id, self._shared = guild_id, shared
        self._lock = asyncio.Lock()  # held while it looks, joins or leaves
        self._alone_since: float | None = None
        self._idle_since: float | None = None
        self._record = Record(store=shared.store, sounds=shared.sounds, tell=shared.tell)
        self._channel_id: int | None = None
        self._cued: int | None = None  # the channel that has heard the cue since the bot came
        self.changed = asyncio.Event()
        self.voice: VoiceClient | None = None
        self.playing: Playing | None = None
        self._held_at: int | None = None  # the last turn when somebody ended the connection: the queue waits
        self.text_id = 0  # where words go

    @property
    def held(self) -> bool:
        """Whether it waits for `join`, or for a turn that is newer than what it was thrown out with."""
        return self._held_at is not None

    # -- for commands ------------------------------------------------------------------------------------------------

    @property
    def channel(self) -> door.Voiced | None:
        """Where it is."""
        here = self.voice is not None and not self.voice.gone
        return door.voiced(self._guild, self._channel_id) if here else None

    async def join(self, channel: door.Voiced, text_id: int) -> str | None:
        """Go there, or say why not."""
        async with self._lock:
            why = await self._enter(channel.id, text_id)
            if why is None:
                self._held_at = None
            self.changed.set()
            return why

    async def leave(self) -> list[Turn]:
        """Go, and forget what waits; that is returned."""
        async with self._lock:
            left = await self._record.clear(self.guild_id, State.SKIPPED)
            self._judge(State.SKIPPED)
            self._held_at = None
            await self._exit(done=True)
            await self._settle()
            self.changed.set()
            return left

    async def remove(self, turns: Sequence[Turn]) -> None:
        """Take these out, whether they wait or are heard."""
        for turn in turns:
            if self.playing is not None and self.playing.turn.id == turn.id:
                self.skip()
            else:
                await self._record.end(turn, State.SKIPPED)
        self.changed.set()

    def skip(self) -> None:
        """End what is heard now."""
        self._judge(State.SKIPPED)

    def pause(self) -> bool | None:
        """Stop for a while, or go on: whether it is paused now. None: nothing is heard."""
        return self.playing.turn_pause(self.voice) if self.playing is not None and self.voice is not None else None

    def vote(self, user_id: int) -> tuple[int, int]:
        """One more who wants the next: how many do, and how many it takes. With enough, it is skipped."""
        ears = door.listening(self.channel) if self.channel is not None else []
        if self.playing is None:
            return 0, 1
        self.playing.votes.add(user_id)
        count, needed = len(self.playing.votes.intersection(ears)), len(ears) // 2 + 1
        if count >= needed:
            self.skip()
        return count, needed

    # -- the task ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.changed.clear()
            try:
                if self._guild is not None:
                    i18n.speak(self._guild.preferred_locale)  # what is said in text channels all read
                async with self._lock:
                    await self._look()
            except Exception:
                log.exception("the voice of server %d stumbles", self.guild_id)
                await self._shared.clock.sleep(AGAIN)
                continue
            moment = self._moment()
            if moment is None:
                await self.changed.wait()
            else:
                await within(self._shared.clock, max(0.0, moment - self._shared.clock.now()), self.changed.wait())

    async def _look(self) -> None:
        if self._shared.halted(self.guild_id):
            await self._fall_silent()
            return
        await self._notice_move()
        await self._watch()
        await self._settle()
        await self._notice_end()
        line = await self._shared.store.insist(stage.line, self.guild_id)
        if self._held_at is not None and any(entry.turn.id > self._held_at for entry in line):
            self._held_at = None
        if self.playing is None and not self.held and line:
            await self._next(line)
        if self.playing is None and not line and self.channel is not None:
            self._shared.sign.show(self.channel, None)
        await self._notice_company(line)

    def _moment(self) -> float | None:
        """When it has to look again by itself."""
        shared, moments = self._shared, []
        if self.playing is not None and not self.playing.paused and self._alone_since is None:
            moments.append(self.playing.watch_at)
        if self._alone_since is not None:
            moments.append(self._alone_since + shared.alone_after)
        if self._idle_since is not None:
            moments.append(self._idle_since + shared.idle_after)
        return min(moments, default=None)

    @property
    def _guild(self) -> discord.Guild | None:
        return self._shared.client.get_guild(self.guild_id)

    # -- what is heard ------------------------------------------------------------------------------------------------

    async def _next(self, line: list[Entry]) -> None:
        """Begin the first turn that can be heard, in the channel where it belongs."""
        for lost in line:
            if not (lost.coming or lost.made):  # its own words say why
                await self._record.end(lost.turn, State.DROPPED)
        left = [entry for entry in line if entry.coming or entry.made]
        entry = next((entry for entry in left if self._shared.sounds.ready(entry)), None)
        if not left:
            self.changed.set()
            return
        turn = (entry or left[0]).turn
        elsewhere = self.voice is None or (entry is not None and turn.channel_id != self._channel_id)
        if elsewhere and (why := await self._enter(turn.channel_id, turn.text_id)):
            await self._give_up(turn.channel_id, why)
            return
        if entry is None or not self._may_speak():
            return
        speech = await self._shared.sounds.of(entry)
        if speech is None or not speech.ready:
            await self._record.unheard(entry, speech)
            self.changed.set()
        else:
            await self._begin(entry, speech)

    def _may_speak(self) -> bool:
        """Encrypted, heard by somebody, and on a stage let on it."""
        voice, channel = self.voice, self.channel
        if voice is None or channel is None or not voice.is_safe or not door.people(channel):
            return False
        state = channel.guild.me.voice
        return state is None or not state.suppress

    async def _begin(self, entry: Entry, speech: Speech) -> None:
        voice, channel, shared = self.voice, self.channel, self._shared
        if voice is None or channel is None or not await shared.store.insist(stage.begin, entry.turn.id):
            return
        watch_at = shared.clock.now() + WATCH
        self.text_id = entry.turn.text_id
        if self._cued != channel.id:
            self._cued = channel.id
            speech.precede(speaker.cue())
        self.playing = Playing(turn=entry.turn, job=entry.job, speech=speech, began_at=speech.heard, watch_at=watch_at)
        self.playing.start(voice, self.changed.set)
        words = beginning(entry.job.text, SHOWN)
        shared.sign.show(channel, say(texts.VOICE_STATUS, words=words) if words else say(texts.VOICE_STATUS_ALONE))

    def _judge(self, verdict: State) -> None:
        if self.playing is not None:
            self.playing.judge(verdict, self.voice)
            self.changed.set()

    async def _watch(self) -> None:
        """A dead player does not come back by itself."""
        playing, voice = self.playing, self.voice
        if playing is not None and voice is not None and playing.is_dead(voice, self._shared.clock.now()):
            log.warning("the player of server %d is dead: the connection is made anew", self.guild_id)
            playing.ended = True
            await self._exit()

    async def _settle(self) -> None:
        """Write down how a turn that has ended ended."""
        playing = self.playing
        lost = self.voice is None or self.voice.gone
        if playing is None or not (playing.ended or (playing.verdict and lost)):
            return  # its thread may still have to send the silence at the end
        self.playing = None
        if not playing.speech.preceded:  # nobody heard all of it: it comes again
            self._cued = None
        if self.voice is not None:
            self.voice.stop()
        await self._record.settle(playing)

    # -- where it is --------------------------------------------------------------------------------------------------

    async def _enter(self, channel_id: int, text_id: int) -> str | None:
        """Be there; words where that cannot be. Says at the first time in a server that the voice is AI-made."""
        self.text_id = text_id
        channel = door.voiced(self._guild, channel_id)
        if channel is None:
            return say(texts.VOICE_CHANNEL_GONE)
        if self.voice is not None and not self.voice.gone and self._channel_id == channel_id:
            return None
        if why := door.obstacle(channel):
            return why
        await self._exit()
        voice = await self._shared.entrance.enter(channel, self.changed.set)
        if voice is None:
            return say(texts.VOICE_UNREACHABLE, channel=channel.mention)
        self.voice, self._channel_id = voice, channel_id
        self._alone_since = self._idle_since = None
        with i18n.speaking(channel.guild.preferred_locale):
            words = await self._shared.entrance.greet(channel)
        if words:
            await self._shared.tell(text_id, words)
        return None

    async def _exit(self, *, done: bool = False) -> None:
        """Be nowhere. `done`: not only until the connection is made anew."""
        voice, self.voice = self.voice, None
        self._cued = None if done else self._cued
        self._alone_since = self._idle_since = None
        if voice is None:
            return
        if (channel := door.voiced(self._guild, self._channel_id)) is not None:
            self._shared.sign.show(channel, None)
        await self._shared.entrance.exit(voice)

    async def _fall_silent(self) -> None:
        """The kill switch: it leaves at once; what waits, and what was heard just now, is kept."""
        if self.voice is not None:
            await self._exit()
        if self.playing is not None:
            self.playing.ended = True
            await self._settle()

    async def _notice_move(self) -> None:
        """A moderator moved the bot: it goes on there."""
        voice = self.voice
        if voice is None or voice.gone or not isinstance(voice.channel, discord.VoiceChannel | discord.StageChannel):
            return
        before, now = self._channel_id, voice.channel.id
        if before is not None and before != now:
            if (old := door.voiced(self._guild, before)) is not None:
                self._shared.sign.show(old, None)
            await self._shared.store.insist(stage.move, self.guild_id, before, now)
            self._channel_id = now

    async def _notice_end(self) -> None:
        """The connection is over: somebody ended it, so the queue is held; or the network did, and it is made anew."""
        voice = self.voice
        if voice is None or not voice.gone:
            return
        where = f"<#{self._channel_id}>"
        await self._exit(done=voice.thrown_out)
        left = await self._shared.store.insist(stage.line, self.guild_id)
        if voice.thrown_out:
            self._held_at = max((entry.turn.id for entry in left), default=0)
            if left:
                await self._shared.tell(self.text_id, say(texts.VOICE_HELD, channel=where, count=len(left)))

    async def _notice_company(self, line: list[Entry]) -> None:
        channel, now = self.channel, self._shared.clock.now()
        if channel is None:
            self._alone_since = self._idle_since = None
            return
        idle, alone = not line and self.playing is None, not door.people(channel)
        self._idle_since = (now if self._idle_since is None else self._idle_since) if idle else None
        self._alone_since = (now if self._alone_since is None else self._alone_since) if alone else None
        if self._alone_since is not None and now - self._alone_since >= self._shared.alone_after:
            await self._give_up(channel.id, say(texts.VOICE_ALONE, channel=channel.mention))
        elif self._idle_since is not None and now - self._idle_since >= self._shared.idle_after:
            await self._exit(done=True)

    async def _give_up(self, channel_id: int, why: str) -> None:
        """Leave, and drop what was to be heard there; who asked for it is told why, if there was anything."""
        left = await self._record.clear(self.guild_id, State.DROPPED, channel_id)
        self._judge(State.DROPPED)
        await self._exit(done=True)
        await self._settle()
        if left:
            await self._shared.tell(self.text_id, say(texts.VOICE_GIVEN_UP, why=why, count=len(left)))

    async def close(self) -> None:
        """The bot is being stopped: what waits is kept."""
        await self._exit()
