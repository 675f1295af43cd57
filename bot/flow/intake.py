"""Steps 1 to 3 for one interaction: check it, write it down, claim it by acknowledging it, queue it.

Claim by acknowledgement: the row is written as `received`, then Discord gets the deferred reply. If Discord takes it the job is
ours and `queued`; if Discord says that somebody else answered (40060) or that it is too late (10062) the row is dropped. So two
bots with one token, or a replayed event, never make a job twice, and a job whose reply was seen is never lost.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from bot.consent.standing import Judged, admitted
from bot.flow import meters, post, queue
from bot.flow.ask import Ask
from bot.flow.check import Admitted, Facts, Refused, decide
from bot.flow.job import Job, State
from bot.flow.pace import Pace
from bot.flow.post import Post, Trouble
from bot.flow.script import tidy
from bot.house import House
from bot.moderation import bans
from bot.moderation.warden import Warden
from bot.store import Store

log = logging.getLogger(__name__)

# discord.py tries again by itself after a 5xx, no sooner than this (seconds). "Already acknowledged" after that long may
# be the echo of our own first try; before, it means that another bot has this token.
RETRY_PAUSE = 1.0
ACKNOWLEDGE_WITHIN = 3.0  # seconds from the command in which Discord takes a deferred reply (receiving and responding)
ACKNOWLEDGE_FOR = 5.0  # seconds for that request, with its way there and back
LOOK_AGAIN = 1.0  # seconds between two looks at whether Discord took our reply


class Intake:
    """Where asks come in."""

    def __init__(
        self,
        *,
        store: Store,
        post: Post,
        clock: Callable[[], float],
        house: House,
        pace: Callable[[], Pace],
        queued: Callable[[], None],
        warden: Warden | None = None,
    ) -> None:
        self._warden = warden or Warden()
        self._store, self._post, self._clock, self._house = store, post, clock, house
        self._pace, self._queued = pace, queued
        self._taking: set[asyncio.Task[Any]] = set()
        self._unsure: set[asyncio.Task[None]] = set()
        self.stopping = False

    async def take(
        self, ask: Ask | Callable[[sqlite3.Connection], Ask | Refused], acknowledge: Callable[[], Awaitable[object]]
    ) -> Refused | None:
        """Queue the ask, or say why not. Nothing is left to do where it returns None.

        What has to be read before there is an ask (the job that is to be made again) is read in the same transaction.
        """
        if task := asyncio.current_task():
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        verdict = await self._store.call(self._receive, ask)
        if not isinstance(verdict, Job):
            return verdict
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(ACKNOWLEDGE_FOR):
                await acknowledge()
        except post.ERRORS as error:
            quick = asyncio.get_running_loop().time() - began < RETRY_PAUSE
            if post.trouble(error) is Trouble.CLAIMED and quick:
                log.warning(
                    "%r was answered by somebody else, or we were too late: is a second bot running with this token?",
                    verdict,
                )
                await self._store.insist(queue.drop, verdict.id)
            else:  # it may have been accepted all the same
                self._find_out(verdict)
            return None
        await self._accept(verdict)
        return None

    def _receive(
        self, db: sqlite3.Connection, given: Ask | Callable[[sqlite3.Connection], Ask | Refused]
    ) -> Job | Refused | None:
        """One transaction: read the facts, decide, write the outcome. None: this interaction is known already."""
        ask = given(db) if callable(given) else given
        if isinstance(ask, Refused):
            return ask
        now = self._clock()
        judged = self._house.consent.judge(db, self._house.complete(ask), now)
        ask = judged.ask
        estimate = ask.options.takes * self._pace().estimate(ask.text)
        facts = self._facts(db, judged, estimate, now)
        verdict = decide(ask, facts, now)
        row = {
            "id": ask.id,
            "application_id": ask.application_id,
            "token": ask.token,
            "user_id": ask.user_id,
            "guild_id": ask.guild_id,
            "channel_id": ask.channel_id,
            "size_limit": ask.size_limit,
            "text": "",
            "voice": ask.voice,
            "seed": ask.seed,
            "options": ask.options.to_json(),
            "flow": queue.flow_of(ask.guild_id, ask.user_id),
            "estimate": estimate,
            "received_at": now,
        }  # fmt: skip - one glance instead of a page
        if isinstance(verdict, Admitted):
            fresh = queue.insert(db, **{**row, "text": verdict.text, "charged": facts.audio, "state": State.RECEIVED})
            if fresh:
                admitted(db, ask.id, judged)
                meters.charge(db, facts.meters, facts.audio, now)
            return queue.get(db, ask.id) if fresh else None
        fresh = queue.insert(
            db, **{**row, "token": None, "state": State.REFUSED, "reason": verdict.rule, "told_at": now}
        )
        if fresh and verdict.question is not None and not self._warden.hold(db, ask, now):
            verdict = dataclasses.replace(verdict, question=None)
        return verdict if fresh else None

    def _facts(self, db: sqlite3.Connection, judged: Judged, estimate: float, now: float) -> Facts:
        ask = judged.ask
        row = db.execute(
            "SELECT count(*) FILTER (WHERE user_id = :user) AS of_user, count(*) FILTER (WHERE guild_id = :guild) AS of_guild,"
            " coalesce(sum(takes), 0) AS texts, coalesce(sum(takes * length(unsealed('jobs.text/' || id, text))), 0) AS characters"
            " FROM (SELECT *, coalesce(json_extract(options, '$.takes'), 1) AS takes FROM jobs)"
            " WHERE state IN ('received', 'queued', 'rendering')",
            {"user": ask.user_id, "guild": ask.guild_id},
        ).fetchone()
        manners = self._house.manners(ask)
        return Facts(
            limits=manners.limits,
            rules=manners.rules,
            guard=manners.guard,
            voices=manners.voices,
            members=judged.names,
            withheld=judged.refused,
            stopping=self.stopping,
            user_waiting=row["of_user"],
            guild_waiting=row["of_guild"],
            wait=self._pace().work(characters=row["characters"], texts=row["texts"]),
            estimate=estimate,
            audio=meters.estimate(len(tidy(ask.text, ask.options.kind)), ask.options),
            meters=meters.read(db, ask.user_id, ask.guild_id, manners.limits.quotas(), now),
            standing=self._warden.standing(db, ask.user_id, ask.guild_id, now),
        )

    async def _accept(self, job: Job) -> None:
        if await self._store.insist(_take_in, job, self._clock()):
            if job.voice:
                self._house.library.used(job.user_id, job.voice)
            self._queued()

    def recover(self, received: list[Job]) -> None:
        """Look up at Discord what an earlier life wrote down but did not see accepted."""
        for job in received:
            self._find_out(job)

    def _find_out(self, job: Job) -> None:
        task = asyncio.create_task(self._settle(job), name=f"find out about {job.id}")
        self._unsure.add(task)
        task.add_done_callback(self._unsure.discard)

    async def _settle(self, job: Job) -> None:
        """Ask Discord until it says whether it took our reply. A no counts once Discord can no longer take it: it may be on its way."""
        now = asyncio.get_running_loop().time
        began, taken, sure = now(), False, False
        while not taken and not sure:
            sure = max(now() - began, self._clock() - job.received_at) > ACKNOWLEDGE_WITHIN
            try:
                taken = await self._taken(job)
            except post.ERRORS as error:
                # where the history is not for us nobody will ever know; by then nobody waits any more
                sure = post.trouble(error) is not Trouble.PASSING
            if not taken and not sure:
                await asyncio.sleep(LOOK_AGAIN)
        if taken:
            await self._accept(job)
        else:
            await self._store.insist(queue.drop, job.id)

    async def _taken(self, job: Job) -> bool:
        """By the token while that lives, then in the channel's history. Raises one of `post.ERRORS`."""
        if job.token_lives(self._clock()):
            try:
                return await self._post.exists(job)
            except post.ERRORS as error:
                if post.trouble(error) is not Trouble.TOKEN:
                    raise
        return await self._post.find_reply(job)

    async def close(self) -> None:
        """Let acknowledgements under way end, and stop looking; what is unsure stays `received` for the next start."""
        if self._taking:
            await asyncio.wait(self._taking, timeout=ACKNOWLEDGE_FOR)
        left = [*self._taking, *self._unsure]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _take_in(db: sqlite3.Connection, job: Job, now: float) -> bool:
    """received -> queued; and on to cancelled, if its asker was banned while Discord was asked."""
    taken = queue.accept(db, job.id, now)
    if taken and bans.holding(db, job.user_id, job.guild_id, now) is not None:
        queue.cancel(db, job.id, now, reason="banned")
    return taken
