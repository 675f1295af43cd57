"""Composition root: config -> store -> synth -> client, in one TaskGroup. The only place where the parts meet."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import sqlite3
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import aiohttp
import discord

from bot import private
from bot.client import BarkClient
from bot.commands import buttons
from bot.commands.brake import Brake
from bot.commands.compose import Parts, compose
from bot.config import Config, ModelSection
from bot.errors import ConfigError, Exit, ModelMissing, TokenError, Unreachable
from bot.flow import clips, queue
from bot.flow.booth import Booth
from bot.flow.clips import Janitor
from bot.flow.intake import Intake
from bot.flow.post import Post
from bot.flow.progress import Board
from bot.flow.reading import Reading
from bot.flow.render import Renderer, Settings
from bot.flow.reply import Outbox
from bot.flow.voice import Voice
from bot.guard import wordfile
from bot.guard.listed import listed
from bot.guard.verdict import HouseRules
from bot.house import House
from bot.previews import Previews
from bot.settings import Book, Feature
from bot.store import Store, recall, remember
from bot.voices import Library
from synth.patience import Clock, SystemClock
from synth.process import ModelUnavailable, Synth, SynthStopped

log = logging.getLogger(__name__)

DATABASE = "barkbot.sqlite3"
LOGIN_TRIES = 5  # with pauses of 1, 2, 4 ... seconds
AUTHENTICATION_FAILED = 4004  # Discord's gateway close code for a token that is not valid
FINISH_JOB = 20.0  # seconds the job at hand gets when the bot is stopped
FINISH_OUTBOX = 10.0  # seconds finished audio gets to be delivered then


class App:
    """One life of the bot. `run` returns after `stop` was set, and raises BarkbotError where it cannot go on."""

    def __init__(
        self,
        *,
        config: Config,
        token: str,
        store: Store,
        synth: Synth,
        clock: Callable[[], float] = time.time,
        patience: Clock | None = None,
    ) -> None:
        """`clock` is of dates, `patience` of how long the bot stays in a voice channel."""
        self._token, self._store, self._synth, self._clock = token, store, synth, clock
        self._known_voices: tuple[str, ...] = ()
        self.stop = asyncio.Event()
        self.connected = asyncio.Event()
        messages = config.discord.message_content
        self._book, self._library = self._rooms(config)
        house = House(book=self._book, library=self._library)
        self.client = BarkClient(
            store=store,
            ready=self.connected.set,
            language=house.language,
            brake=Brake(clock=clock, actions=config.limits.actions_per_minute),
            message_content=messages,
        )
        post = self._post = Post(self.client, house.mentions)
        self.voice = Voice(
            client=self.client,
            store=store,
            post=post,
            clock=patience or SystemClock(),
            alone_after=config.voice.alone_after,
            idle_after=config.voice.idle_after,
        )
        self._audio = config.store.folder / "audio"
        self._board = Board(
            store=store,
            post=post,
            clock=clock,
            every=config.discord.progress_every,
            pace=lambda: self._renderer.pace,
            starting=lambda: synth.ready is None,
            cancel=lambda job: synth.cancel(str(job)),
            view=buttons.waiting_view,
        )
        self._outbox = Outbox(
            store=store,
            post=post,
            board=self._board,
            clock=clock,
            queued=self._queued,
            view=functools.partial(buttons.view_for, playable=True),
            keep=config.store.keep_hours * 3600,
        )
        self._janitor = Janitor(store=store, clock=clock, room=config.store.keep_clips)
        self._renderer = Renderer(
            store=store,
            synth=synth,
            board=self._board,
            clock=clock,
            folder=self._audio,
            lease=uuid.uuid4().hex,
            settings=_settings(config.model),
            settled=self._settled,
            heard=self.voice.sounds.hear,
            silent=self.voice.sounds.over,
            voice_files=house.voice_files,
        )
        self._previews = Previews(
            synth=synth,
            library=self._library,
            folder=config.store.folder / "previews",
            seats=self._renderer.free_seats,
        )
        self._intake = Intake(
            store=store,
            post=post,
            clock=clock,
            house=house,
            pace=lambda: self._renderer.pace,
            queued=self._queued,
        )
        self._booth = Booth(voice=self.voice, store=store, off=lambda guild: house.off(guild, Feature.VOICE))
        self._reading = Reading(store=store, voice=self.voice, intake=self._intake, possible=messages)
        self.client.voice, self.client.reading = self.voice, self._reading
        self._add_commands(house, config)

    def _rooms(self, config: Config) -> tuple[Book, Library]:
        house_rules = HouseRules(words=listed(wordfile.read(config.guard.words).words), names=config.guard.names)
        book = Book(store=self._store, limits=config.limits.as_limits(), house_rules=house_rules)
        library = Library(
            store=self._store,
            folder=config.store.folder / "voices",
            clock=self._clock,
            presets=self._voices,
            shares=lambda guild: book.server(guild).sharing,
            most=config.limits.kept_voices,
            protected=lambda guild, name: book.guard(guild).protects(name),
        )
        return book, library

    def _add_commands(self, house: House, config: Config) -> None:
        compose(
            Parts(
                client=self.client,
                store=self._store,
                post=self._post,
                intake=self._intake,
                board=self._board,
                house=house,
                previews=self._previews,
                clock=self._clock,
                pace=lambda: self._renderer.pace,
                ready=lambda: self._synth.ready,
                limits=config.limits.as_limits(),
                usual=(config.model.text_temp, config.model.waveform_temp),
                cancelled=self._cancelled,
                booth=self._booth,
                reading=self._reading,
            )
        )

    def _cancelled(self, job: int) -> None:
        """Somebody took this job back: it is not rendered to its end, and its reply says so."""
        self._synth.cancel(str(job))
        self._outbox.wake.set()
        self._board.changed.set()

    def _voices(self) -> tuple[str, ...]:
        return self._synth.voices or self._known_voices

    def _settled(self) -> None:
        self._outbox.wake.set()
        self._previews.seat_free()
        self.voice.wake()

    def _queued(self) -> None:
        self._previews.give_way()
        self._renderer.wake.set()
        self._board.changed.set()
        self.voice.wake()

    async def run(self) -> None:
        """From start to drained."""
        try:
            async with asyncio.TaskGroup() as tasks:
                loops = [
                    tasks.create_task(self._synth.run(), name="synth"),
                    tasks.create_task(self._learn_voices(), name="voices"),
                ]
                if await self._unless_stopped(self._begin()):
                    loops += [
                        tasks.create_task(self._board.run(), name="board"),
                        tasks.create_task(self._outbox.run(), name="outbox"),
                        tasks.create_task(self._janitor.run(), name="janitor"),
                        tasks.create_task(self._renderer.run(), name="renderer"),
                        tasks.create_task(self.voice.run(self.connected), name="voice"),
                        tasks.create_task(self._connect(), name="gateway"),
                    ]
                    await self.stop.wait()
                    await self._drain()
                for task in loops:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            await self._intake.close()
            await self._previews.close()
            await self.client.close()
            await self._synth.close()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do it, or leave it when the bot is told to stop meanwhile. Whether it was done."""
        tasks = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()  # raises what it raised
            return tasks[0].done()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self) -> None:
        """What an earlier life left is put in order, and Discord lets us in."""
        received = await self._store.insist(queue.recover, self._clock())
        self._known_voices = tuple(await self._store.insist(recall, "voices", ()))
        await self._book.load()
        await self._library.load()
        await self._store.insist(self._sweep)
        await self.voice.begin()
        await self._reading.begin()
        await self._log_in()
        self._intake.recover(received)

    async def _log_in(self) -> None:
        problem: Exception | None = None
        for attempt in range(LOGIN_TRIES):
            await asyncio.sleep(2.0 ** (attempt - 1) if attempt else 0)
            try:
                await self.client.try_login(self._token)
                return
            except discord.LoginFailure as error:
                raise TokenError(
                    "Discord refuses the token. Reset it on the Bot page of discord.com/developers and set it anew."
                ) from error
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                problem = error
                log.warning("Discord does not let us in (%s); try %d of %d", error, attempt + 1, LOGIN_TRIES)
        raise Unreachable(
            f"Discord cannot be reached ({problem}). Check the network and discordstatus.com, then start again."
        )

    async def _connect(self) -> None:
        try:
            await self.client.connect(reconnect=True)
        except discord.PrivilegedIntentsRequired as error:
            raise ConfigError(
                "Discord does not let this bot read messages. Switch on “Message Content Intent” on the Bot page of"
                " discord.com/developers, or set discord.message_content = false."
            ) from error
        except discord.ConnectionClosed as error:
            if error.code == AUTHENTICATION_FAILED:
                raise TokenError("Discord no longer takes the token. Was it reset? Set the new one.") from error
            raise Unreachable(f"Discord closed the connection for good: {error}") from error

    async def _learn_voices(self) -> None:
        with contextlib.suppress(SynthStopped):
            ready = await self._synth.until_ready()
            await self._store.insist(remember, "voices", ready.voices)
            await asyncio.to_thread(self._previews.keep_only, ready.model)

    def _sweep(self, db: sqlite3.Connection) -> None:
        """Remove audio that is not kept and that no open job waits for: left over by a life that was killed between two steps."""
        private.folder(self._audio)
        open_jobs = [job for job in queue.outbox(db) if job.path is not None]
        audio = [*clips.all_kept(db), *(path for job in open_jobs for path in clips.paths(job))]
        wanted = {name for path in audio for name in (path.name, path.with_suffix(".npz").name)}
        for path in self._audio.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    async def _drain(self) -> None:
        log.info("stopping: the job at hand has %g s, the queue is kept", FINISH_JOB)
        self._intake.stopping = True
        await self._renderer.stop(FINISH_JOB)
        await self._outbox.flush(FINISH_OUTBOX)
        await self.voice.close()
        await self._synth.drain(FINISH_OUTBOX)


def _settings(model: ModelSection) -> Settings:
    return Settings(
        voice=model.voice or None,
        text_temp=model.text_temp,
        waveform_temp=model.waveform_temp,
        min_eos_p=model.min_eos_p,
    )


def _first(error: BaseException) -> BaseException:
    """What ended a group of tasks, in words where it has them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return ModelMissing(str(error)) if isinstance(error, ModelUnavailable) else error


@contextlib.contextmanager
def signals(stop: asyncio.Event) -> Iterator[None]:
    """The first SIGTERM or SIGINT stops in order, the second at once: what is written down is safe either way."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            raise SystemExit(Exit.INTERRUPTED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
