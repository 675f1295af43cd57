"""What follows from the end of a voice, and what keeps time for it: files, messages, notices, terms.

All of it is found in the store: after a crash the next life does what this one left.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from bot.consent import grants, member, revoke
from bot.consent.ceremony import Wishes
from bot.consent.circle import Circle
from bot.consent.grants import Grant, Whom
from bot.consent.member import MemberVoice
from bot.consent.record import note
from bot.consent.revoke import Ended
from bot.consent.vault import Vault
from bot.flow import clips, post
from bot.flow.post import Place, Post
from bot.flow.turn import Turn
from bot.store import Store

log = logging.getLogger(__name__)

EVERY = 300.0  # seconds between two rounds, where nothing comes earlier
SOONEST = 1.0  # seconds: also where a round stumbles over what is due
AT_ONCE = 20.0  # seconds for which somebody who withdraws a voice waits for messages to be deleted


class Keeper:
    """The loop, and what others ask of it."""

    def __init__(
        self,
        *,
        store: Store,
        post: Post,
        vault: Vault,
        circle: Circle,
        clock: Callable[[], float],
        cancelled: Callable[[int], None],
        unheard: Callable[[list[Turn]], Awaitable[None]],
        announce: Callable[[MemberVoice], Awaitable[Place | None]],
    ) -> None:
        """`cancelled` is told of each job that is over, `unheard` of turns that are. `announce` tells a server of a new voice."""
        self._store, self._post, self._vault, self._circle, self._clock = store, post, vault, circle, clock
        self._cancelled, self._unheard, self._announce = cancelled, unheard, announce
        self._tidying = asyncio.Lock()
        self.wake = asyncio.Event()

    async def begin(self) -> None:
        """Before anything else: what must not be there goes."""
        living = [voice.id for voice in await self._store.insist(member.everything)]
        await asyncio.to_thread(self._vault.begin, living)
        await self._circle.refresh()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.wake.clear()
            try:
                await self.look()
            except Exception:
                log.exception("the keeper of member voices stumbles")
            term = await self._store.insist(revoke.next_term)
            pause = EVERY if term is None else min(EVERY, max(SOONEST, term - self._clock()))
            try:
                async with asyncio.timeout(pause):
                    await self.wake.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """One round."""
        for ended in await self._store.insist(revoke.overdue, self._clock()):
            await self.carry_out(ended)
        for voice in await self._store.insist(member.unnoticed):
            await self.notice(voice)
        await self.tidy()

    async def notice(self, voice: MemberVoice) -> bool:
        """Tell the server of a new voice. Until it is told nobody else can use it."""
        place = await self._announce(voice)
        if place is not None:
            await self._store.insist(member.noticed, voice.id, place.message_id, self._clock())
        await self._circle.refresh()
        return place is not None

    async def carry_out(self, ended: Ended) -> None:
        """What the database cannot do itself: stop what is being made and heard, remove files."""
        for job in ended.jobs:
            self._cancelled(job)
        if ended.turns:
            await self._unheard(list(ended.turns))
        if ended.over:
            await asyncio.to_thread(self._vault.remove, ended.voice.id)
            await self._store.fold()  # the key is in no copy of the log either
        await asyncio.to_thread(clips.remove, ended.files)
        await self._circle.refresh()

    async def end(self, voice: int, why: str, by: int) -> tuple[int, int] | None:
        """Withdraw a voice. How many messages were deleted and how many were not (yet); None: it had ended already."""
        ended = await self._store.call(revoke.end_voice, voice, why, self._clock(), by=by)
        if ended is None:
            return None
        await self.carry_out(ended)
        try:
            async with asyncio.timeout(AT_ONCE):
                await self.tidy()
        except TimeoutError:
            self.wake.set()
        return await self._store.call(_counted, voice)

    async def give(self, user_id: int, whom: Whom, wishes: Wishes) -> Grant | None:
        """Let somebody use this person's voice. None: there is none, or it would be for nothing."""
        given = await self._store.call(_give, user_id, whom, wishes, self._clock())
        await self._circle.refresh()
        return given

    async def hold(self, voice: int, by: int, *, on: bool) -> bool:
        """A voice was reported, or a moderator has looked. False if nothing changes."""
        changed = await self._store.call(_hold, voice, by, self._clock(), on=on)
        await self._circle.refresh()
        return changed

    async def end_grant(self, voice: int, grant: int) -> bool:
        """Take a grant away."""
        ended = await self._store.call(revoke.end_grant, voice, grant, self._clock())
        if ended is not None:
            await self.carry_out(ended)
        return ended is not None

    async def tidy(self) -> None:
        """Delete the messages that have to go. What Discord does not take now is tried again in the next round."""
        async with self._tidying:
            for place in await self._store.insist(_doomed):
                try:
                    await self._post.take_away(*place)
                    gone = True
                except post.ERRORS as error:
                    what = post.trouble(error)
                    if what is post.Trouble.PASSING:
                        log.info("message %d is not deleted yet: %s", place.message_id, error)
                        continue
                    gone = what is post.Trouble.DELETED
                await self._store.insist(_settled, place.message_id, self._clock(), gone=gone)


def _give(db: sqlite3.Connection, user_id: int, whom: Whom, wishes: Wishes, now: float) -> Grant | None:
    voice = member.of_user(db, user_id)
    given = None if voice is None else grants.give(db, voice, whom, wishes, now)
    if given is not None:
        note(db, now, "grant-given", user_id, voice=given.voice, grant=given.id, to=given.kind)
    return given


def _hold(db: sqlite3.Connection, voice: int, by: int, now: float, *, on: bool) -> bool:
    changed = member.hold(db, voice, on=on)
    if changed:
        note(db, now, "voice-reported" if on else "voice-cleared", by, voice=voice)
    return changed


def _doomed(db: sqlite3.Connection) -> list[Place]:
    sql = "SELECT channel_id, message_id FROM voice_posts WHERE doomed = 1 AND gone_at IS NULL AND kept = 0 ORDER BY message_id"
    return [Place(row["channel_id"], row["message_id"]) for row in db.execute(sql)]


def _settled(db: sqlite3.Connection, message_id: int, now: float, *, gone: bool) -> None:
    column, value = ("gone_at", now) if gone else ("kept", 1)
    db.execute(f"UPDATE voice_posts SET {column} = ? WHERE message_id = ?", (value, message_id))


def _counted(db: sqlite3.Connection, voice: int) -> tuple[int, int]:
    row = db.execute(
        "SELECT count(gone_at) AS gone, count(*) - count(gone_at) AS kept FROM voice_posts"
        " WHERE job IN (SELECT job FROM job_voices WHERE voice = ?)",
        (voice,),
    ).fetchone()
    return row["gone"], row["kept"]
