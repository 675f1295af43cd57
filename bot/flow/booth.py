"""Who may do what with a server's voice, and what they are told: the window between the commands and the rooms."""

from __future__ import annotations

from collections.abc import Callable

from bot import texts
from bot.flow import door, stage
from bot.flow.check import Refused
from bot.flow.job import Job
from bot.flow.plain import beginning
from bot.flow.room import Room
from bot.flow.turn import Entry, State
from bot.flow.visitor import Visitor
from bot.flow.voice import Voice
from bot.store import Store
from bot.texts import say

SHOWN = 10  # turns in `now`
WORDS = 60  # characters of each


class Booth:
    """Each method answers with words for the person."""

    def __init__(self, *, voice: Voice, store: Store, off: Callable[[int], Refused | None]) -> None:
        """`off`: the refusal where a server has turned voice channels off."""
        self._voice, self._store, self._off = voice, store, off

    def place(self, visitor: Visitor) -> int | Refused:
        """The voice channel where this person's next one would be heard. Decided from memory."""
        if visitor.guild is None:
            return Refused(rule="not-a-member", words=say(texts.NOT_A_MEMBER))
        if visitor.channel is None:
            return Refused(rule="not-in-voice", words=say(texts.NOT_IN_VOICE))
        if refused := self._off(visitor.guild.id):
            return refused
        here = self._voice.room(visitor.guild.id).channel
        if here is not None and here.id != visitor.channel.id and door.people(here) and not visitor.moderator:
            return Refused(rule="elsewhere", words=say(texts.VOICE_ELSEWHERE, channel=here.mention))
        if here is None or here.id != visitor.channel.id:
            why = door.obstacle(visitor.channel)
            return visitor.channel.id if why is None else Refused(rule="cannot-join", words=why)
        return visitor.channel.id

    async def join(self, visitor: Visitor) -> str:
        """Come to this person."""
        where = self.place(visitor)
        if isinstance(where, Refused):
            return where.words
        if visitor.guild is None or visitor.channel is None:
            return say(texts.NOT_IN_VOICE)
        why = await self._voice.room(visitor.guild.id).join(visitor.channel, visitor.text_id)
        return why or say(texts.VOICE_JOINED, channel=visitor.channel.mention)

    async def leave(self, visitor: Visitor) -> str:
        """Go, where nobody else waits for something or a moderator says so."""
        room = self._room(visitor)
        if isinstance(room, Refused):
            return room.words
        line = await self._store.call(stage.line, room.guild_id)
        if not visitor.moderator and any(entry.turn.user_id != visitor.user_id for entry in line):
            return say(texts.VOICE_OTHERS_WAIT)
        left = await room.leave()
        return say(texts.VOICE_LEFT_FORGOT, count=len(left)) if left else say(texts.VOICE_LEFT)

    async def skip(self, visitor: Visitor, number: int | None) -> str:
        """The next, or take something out of the queue."""
        room = self._room(visitor)
        if isinstance(room, Refused):
            return room.words
        if number is not None:
            return await self._remove(room, visitor, number)
        if room.playing is None:
            return say(texts.VOICE_NOTHING)
        if visitor.moderator or room.playing.turn.user_id == visitor.user_id:
            room.skip()
            return say(texts.VOICE_SKIPPED)
        count, needed = room.vote(visitor.user_id)
        return say(texts.VOICE_SKIPPED) if count >= needed else say(texts.VOICE_VOTED, count=count, needed=needed)

    async def _remove(self, room: Room, visitor: Visitor, number: int) -> str:
        waiting = await self._waiting(room)
        if not 1 <= number <= len(waiting):
            return say(texts.VOICE_NO_SUCH, number=number)
        turn = waiting[number - 1].turn
        if turn.user_id != visitor.user_id and not visitor.moderator:
            return say(texts.VOICE_TURN_NOT_YOURS)
        await room.remove([turn])
        return say(texts.VOICE_REMOVED)

    async def stop(self, visitor: Visitor) -> str:
        """Take out all of this person's; a moderator's: everything."""
        room = self._room(visitor, held_too=True)
        if isinstance(room, Refused):
            return room.words
        line = await self._store.call(stage.line, room.guild_id)
        turns = [entry.turn for entry in line if visitor.moderator or entry.turn.user_id == visitor.user_id]
        if not turns:
            return say(texts.VOICE_NOTHING) if not line else say(texts.VOICE_NONE_YOURS)
        await room.remove(turns)
        return say(texts.VOICE_STOPPED, count=len(turns))

    def pause(self, visitor: Visitor) -> str:
        """Pause or go on: for whoever asked for what is heard, and moderators."""
        room = self._room(visitor)
        if isinstance(room, Refused):
            return room.words
        if room.playing is None:
            return say(texts.VOICE_NOTHING)
        if not visitor.moderator and room.playing.turn.user_id != visitor.user_id:
            return say(texts.VOICE_TURN_NOT_YOURS)
        return say(texts.VOICE_PAUSED) if room.pause() else say(texts.VOICE_RESUMED)

    async def now(self, visitor: Visitor) -> str:
        """What is heard, and what comes; the words of others that were not heard yet stay theirs."""
        if visitor.guild is None:
            return say(texts.NOT_A_MEMBER)
        room = self._voice.room(visitor.guild.id)
        playing, waiting, lines = room.playing, await self._waiting(room), []
        if playing is not None:
            lines.append(
                say(
                    texts.VOICE_NOW,
                    words=beginning(playing.job.text, WORDS),
                    asker=f"<@{playing.turn.user_id}>",
                    seconds=texts.clip_length(playing.speech.seconds),
                    paused=say(texts.VOICE_NOW_PAUSED) if playing.paused else "",
                )
            )
        lines += [waits(number, entry, visitor.user_id) for number, entry in enumerate(waiting[:SHOWN], start=1)]
        if len(waiting) > SHOWN:
            lines.append(say(texts.VOICE_MORE, count=len(waiting) - SHOWN))
        if room.held and waiting:
            lines.append(say(texts.VOICE_NOW_HELD))
        return "\n".join(lines) or say(texts.VOICE_NOTHING)

    async def play(self, visitor: Visitor, job: Job, take: int, now: float) -> str:
        """A finished clip, once more: the button."""
        where = self.place(visitor)
        if isinstance(where, Refused):
            return where.words
        if visitor.guild is None or visitor.channel is None:
            return say(texts.NOT_IN_VOICE)
        ahead = len(await self._store.call(stage.line, visitor.guild.id))
        await self._store.call(
            stage.add,
            guild_id=visitor.guild.id,
            channel_id=where,
            text_id=visitor.text_id,
            user_id=visitor.user_id,
            job=job.id,
            take=take,
            now=now,
        )
        self._voice.wake()
        return say(texts.VOICE_ADDED, channel=visitor.channel.mention, ahead=ahead)

    async def _waiting(self, room: Room) -> list[Entry]:
        line = await self._store.call(stage.line, room.guild_id)
        return [entry for entry in line if entry.turn.state is State.WAITING]

    def _room(self, visitor: Visitor, *, held_too: bool = False) -> Room | Refused:
        """The room where this person has a say."""
        if visitor.guild is None:
            return Refused(rule="not-a-member", words=say(texts.NOT_A_MEMBER))
        room = self._voice.room(visitor.guild.id)
        if room.channel is None:
            return room if held_too else Refused(rule="nowhere", words=say(texts.VOICE_NOT_CONNECTED))
        if not visitor.moderator and (visitor.channel is None or visitor.channel.id != room.channel.id):
            return Refused(rule="not-with-us", words=say(texts.VOICE_NOT_WITH_US, channel=room.channel.mention))
        return room


def waits(number: int, entry: Entry, reader: int) -> str:
    """The line of a turn that waits, for this reader."""
    own = entry.turn.user_id == reader
    others = say(texts.VOICE_WAITING_OTHERS, asker=f"<@{entry.turn.user_id}>")
    words = beginning(entry.job.text, WORDS) if own else others
    return say(texts.VOICE_WAITING, number=number, words=words, coming=say(texts.VOICE_COMING) if entry.coming else "")
