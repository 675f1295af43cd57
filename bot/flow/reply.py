"""Step 5, reply: the outcome reaches the asker, once.

While the interaction's token lives the deferred reply is replaced: that can be repeated any number of times with one result.
After that a message of its own goes to the channel, unless its history has the audio already, with the job's id as its nonce:
Discord makes one message of all tries within some minutes. After a longer gap the history is looked through again. A failure is
told to the asker alone: a follow-up only they see, sent at most once; then the reply, which until then says only that it failed,
is taken away.

A job leaves the outbox only after Discord accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import discord

from bot import i18n, texts
from bot.consent.standing import WITHDRAWN, Consent
from bot.flow import clips, post, queue
from bot.flow.job import Job, State
from bot.flow.post import Post, Trouble
from bot.flow.progress import Board
from bot.store import Store
from bot.texts import say

log = logging.getLogger(__name__)

NONCE_WINDOW = 120.0  # seconds within which Discord surely still knows a nonce ("the past few minutes")
GIVE_UP_AFTER = 24 * 3600.0  # seconds of trying after which an answer that cannot be delivered is dropped
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries
AT_ONCE = 8  # deliveries under way together

_CANCELLED = {"banned": texts.CANCELLED_BY_MODERATOR, WITHDRAWN: texts.WITHDRAWN}  # by why it was


class Outbox:
    """Delivers every settled job, with retries of its own."""

    def __init__(
        self,
        *,
        store: Store,
        post: Post,
        board: Board,
        clock: Callable[[], float],
        queued: Callable[[], None],
        view: Callable[[Job], discord.ui.View],
        keep: float,
        consent: Consent = Consent(),
        withdrawn: Callable[[], None] = lambda: None,
    ) -> None:
        """`keep`: seconds that audio is kept after it was delivered. `withdrawn`: a message has to be taken away again."""
        self._consent, self._withdrawn = consent, withdrawn
        self._store, self._post, self._board, self._clock, self._queued = store, post, board, clock, queued
        self._view, self._keep = view, keep
        self._busy: set[int] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._empty = asyncio.Event()
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Deliver what is there, then what comes."""
        async with asyncio.TaskGroup() as tasks:
            self.wake.set()
            while True:
                await self.wake.wait()
                self.wake.clear()
                jobs = [job for job in await self._store.insist(queue.outbox) if job.id not in self._busy]
                for job in jobs:
                    self._busy.add(job.id)
                    tasks.create_task(self._deliver_in_turn(job), name=f"deliver {job.id}")
                if not self._busy:
                    self._empty.set()

    async def flush(self, patience: float) -> None:
        """Wait until nothing is left to deliver, at most `patience` seconds."""
        self._empty.clear()
        self.wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience)

    async def _deliver_in_turn(self, job: Job) -> None:
        i18n.speak(job.options.locale)
        async with self._slots:
            try:
                await self.deliver(job)
            except Exception:  # a mistake of ours: it ends this job alone
                log.exception("%r cannot be delivered", job)
                await self._give_up(job)
        self._busy.discard(job.id)
        self.wake.set()

    async def _give_up(self, job: Job) -> None:
        """It failed, and its asker is told so; where that stumbles too it is over without words. What was answered stays so."""
        await self._store.insist(queue.fail, job.id, "internal", self._clock())
        if (await self._latest(job)).told_at is not None:
            return
        try:
            await self.deliver(job)
        except Exception:
            log.exception("%r: nor can its end be told", job)
            await self._expire(job, "internal")

    async def deliver(self, job: Job) -> None:
        """Try until Discord accepts or there is nowhere left to deliver to."""
        now = asyncio.get_running_loop().time  # not the clock: a machine that corrects its date must not give up
        began, wait = now(), FIRST_PAUSE
        while True:
            try:
                async with self._board.last_word(job.id):
                    job = await self._latest(job)  # its asker may have been banned since
                    done = job.told_at is not None or await self._try(job)
                break
            except post.ERRORS as error:
                log.info("%r not delivered yet: %s", job, error)
            if now() > began + GIVE_UP_AFTER:
                done = await self._expire(job, "undeliverable")
                break
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - so that not all try at once
            wait = min(LONGEST_PAUSE, wait * 2)
        if done:
            await self._after(job)

    async def _after(self, job: Job) -> None:
        """It is delivered: what is left is the voice message, if one was asked for; files that are not kept go."""
        if job.options.voice_message and (await self._latest(job)).state is State.ANSWERED:
            await self._speak(job, clips.paths(job)[0])
        unwanted = await self._store.insist(clips.unwanted, job.id)
        if unwanted is not None:
            await asyncio.to_thread(clips.remove, clips.paths(unwanted))

    async def _try(self, job: Job) -> bool:
        """One try. True: the job is through; False: it went back. Raises one of `post.ERRORS` for another try."""
        if job.options.quiet:
            return await self._answered(job)
        if job.state is State.RENDERED:
            return await self._answer(job)
        return await self._words(job)

    # -- audio ---------------------------------------------------------------------------------------------------------

    async def _answer(self, job: Job) -> bool:
        if not await self._may_go_on(job):
            return False
        paths = clips.paths(job)
        if not await asyncio.to_thread(lambda: all(path.is_file() for path in paths)):
            log.warning("the audio of %r is gone; it is rendered again", job)
            await self._store.insist(queue.lost, job.id)
            self._queued()
            return False
        try:
            if job.token_lives(self._clock()) and job.send_at is None:
                return await self._replace(job, paths)
            return await self._send(job, answer(job, late=True), paths)
        except post.ERRORS as error:
            if post.trouble(error) is not Trouble.TOO_LARGE:
                raise
            await self._store.insist(queue.fail, job.id, "too-large", self._clock())
            return await self._words(await self._latest(job))

    async def _replace(self, job: Job, paths: Sequence[Path]) -> bool:
        """The reply becomes the answer."""
        try:
            place = await self._post.edit(job, answer(job), paths, self._view(job))
        except post.ERRORS as error:
            match post.trouble(error):
                case Trouble.DELETED:  # whoever deletes the reply does not want the answer
                    return await self._expire(job, "reply-deleted")
                case Trouble.PASSING | Trouble.TOO_LARGE:
                    raise
                case _:
                    return await self._send(job, answer(job, late=True), paths)
        return await self._answered(job, place)

    async def _speak(self, job: Job, path: Path) -> None:
        """The audio once more as a voice message, where the asker wants that. Tried once: the answer is there already."""
        if not await self._may_go_on(job):
            return
        try:
            place = await self._post.speak(job, path, channel_id=None, nonce=f"v{job.id}")
            await self._posted(job, place)
        except post.ERRORS as error:
            log.info("%r is not spoken: %s", job, error)
            if post.trouble(error) is Trouble.FORBIDDEN and job.token_lives(self._clock()):
                with contextlib.suppress(*post.ERRORS):
                    await self._post.whisper(job, say(texts.MISSING_FOR_ME, permission=texts.SEND_VOICE_MESSAGES))

    async def _send(self, job: Job, words: str, paths: Sequence[Path] = ()) -> bool:
        """A message of its own: in the channel, or where that is not allowed to the asker alone."""
        for direct in (False, True):
            try:
                return await self._send_once(job, words, paths, direct=direct)
            except post.ERRORS as error:
                if post.trouble(error) is not Trouble.FORBIDDEN:
                    raise
                log.info("%r cannot be sent %s: %s", job, "directly" if direct else "to its channel", error)
        return await self._expire(job, "nowhere-to-send")

    async def _send_once(self, job: Job, words: str, paths: Sequence[Path], *, direct: bool) -> bool:
        tried, now = job.send_at, self._clock()
        fresh = tried is not None and 0 <= now - tried <= NONCE_WINDOW  # not where the clock was set back meanwhile
        # The first time too: Discord may have put the audio into the reply, its answer was lost, and the token died since.
        if not fresh and paths and (place := await self._found(job, direct=direct)):
            return await self._answered(job, place)
        if tried is None:
            await self._store.insist(queue.sending, job.id, now)
        elif not fresh:
            if not paths:  # words alone cannot be looked up: at most once
                return await self._told(job)
            words = f"{words}\n{say(texts.POSSIBLY_TWICE)}"
        place = await self._post.send(job, words, paths, direct=direct, view=self._view(job) if paths else None)
        return await self._answered(job, place)

    async def _found(self, job: Job, *, direct: bool) -> post.Place | None:
        try:
            return await self._post.find(job, direct=direct)
        except post.ERRORS as error:
            if post.trouble(error) is Trouble.PASSING:
                raise
            return None  # the history is not for us: better twice than never

    # -- words ---------------------------------------------------------------------------------------------------------

    async def _cancelled(self, job: Job) -> bool:
        """The reply says so. Whoever cancelled knows it already: where it cannot be said it need not be."""
        if (await self._latest(job)).told_at is not None:  # the Cancel button had the last word, and its own
            return True
        withdrawn, lives = job.reason == WITHDRAWN, job.token_lives(self._clock())
        if withdrawn and job.path is not None and not (lives and job.send_at is None):
            await self._find_lost(job)
        if lives:
            try:
                words = _CANCELLED.get(job.reason or "", texts.CANCELLED)
                await self._post.edit(job, say(words), bare=withdrawn)
            except post.ERRORS as error:
                if post.trouble(error) is Trouble.PASSING:
                    raise
        return await self._told(job)

    async def _words(self, job: Job) -> bool:
        if job.state is State.CANCELLED:
            return await self._cancelled(job)
        late = say(texts.FAILED_LATE, mention=f"<@{job.user_id}>", why=why(job))
        if not job.token_lives(self._clock()):
            return await self._send(job, late)
        if job.send_at is not None:  # the asker may have been told, and the reply says something in any case
            return await self._told(job)
        try:
            # first of all, because a follow-up would fill an empty placeholder, for all to see
            await self._post.edit(job, say(texts.FAILED_QUIETLY))
            await self._store.insist(queue.sending, job.id, self._clock())
            await self._post.whisper(job, why(job))
        except post.ERRORS as error:
            match post.trouble(error):
                case Trouble.PASSING:
                    raise
                case Trouble.TOKEN:
                    return await self._send(job, late)
                case _:
                    log.info("%r: the asker could not be told: %s", job, error)
        else:
            with contextlib.suppress(*post.ERRORS):  # it may stay: it says something
                await self._post.delete(job)
        return await self._told(job)

    async def _latest(self, job: Job) -> Job:
        latest = await self._store.insist(queue.get, job.id)
        return latest or job

    async def _may_go_on(self, job: Job) -> bool:
        """Whether the voices of a job are still for it: asked before each message with audio. If not, it is cancelled by then."""
        return not job.options.cue or await self._store.insist(self._consent.go_on, job.id, self._clock())

    async def _posted(self, job: Job, place: post.Place) -> None:
        """A message with audio is there, beside the answer. If it may not stay it is taken away."""
        if job.options.cue and not await self._store.insist(self._consent.posted, job, place, self._clock()):
            self._withdrawn()

    async def _find_lost(self, job: Job) -> None:
        """A message with the audio of a withdrawn voice may have been sent, and nobody knew: it is looked for."""
        for direct in (False, True)[: 2 if job.send_at is not None else 1]:
            if place := await self._found(job, direct=direct):
                await self._posted(job, place)

    async def _answered(self, job: Job, place: post.Place | None = None) -> bool:
        """Told; and if it was audio, its files are kept for a while. False where it must not stay: words come in its place."""

        def write(db: sqlite3.Connection) -> bool:
            if place is not None and job.options.cue and not self._consent.posted(db, job, place, self._clock()):
                return False
            fresh = queue.told(db, job.id, self._clock())
            if fresh and job.state is State.RENDERED and self._keep:
                for take, path in enumerate(clips.paths(job), start=1):
                    clips.keep(db, job.id, take, path, self._clock() + self._keep)
            return True

        stays = await self._store.insist(write)
        if not stays:
            self._withdrawn()
        return stays

    async def _told(self, job: Job) -> bool:
        await self._store.insist(queue.told, job.id, self._clock())
        return True

    async def _expire(self, job: Job, reason: str) -> bool:
        log.warning("%r cannot be delivered: %s", job, reason)
        await self._store.insist(queue.expire, job.id, reason, self._clock())
        return True


def answer(job: Job, *, late: bool = False) -> str:
    """The words beside the audio: that it is AI-generated, with voice, seed, length and time taken."""
    takes = job.options.takes
    template = texts.ANSWERS[late, takes > 1]
    return say(
        template,
        mention=f"<@{job.user_id}>",
        voice=job.voices or say(texts.NO_VOICE),
        takes=takes,
        seed=job.seed,
        last=job.seed + takes - 1,
        seconds=texts.clip_length((job.seconds or 0.0) / takes),
        took=texts.duration(job.took or 0.0),
    )


def why(job: Job) -> str:
    """Why there is no audio, for the asker."""
    template = texts.FAILED.get(job.reason or "", texts.FAILED["internal"])
    return say(template, deaths=max(job.deaths, job.restarts), limit=texts.size(job.size_limit))
