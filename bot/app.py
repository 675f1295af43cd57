"""Composition root: config -> store -> synth -> client, in one TaskGroup. The only place where the parts meet."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import aiohttp
import discord

from bot import papers, private
from bot.client import BarkClient
from bot.commands import buttons
from bot.commands.brake import Brake
from bot.commands.compose import Parts, compose
from bot.commands.consent.notice import announcer
from bot.commands.privacy import Papers
from bot.config import Config, ModelSection
from bot.consent.circle import Circle
from bot.consent.enrolment import Enrolment
from bot.consent.keeper import Keeper
from bot.consent.lending import Lender
from bot.consent.revoke import Ended
from bot.consent.standing import Consent
from bot.consent.vault import Vault
from bot.errors import ConfigError, Exit, ModelMissing, TokenError, Unreachable
from bot.flow import clips, queue
from bot.flow.booth import Booth
from bot.flow.clips import Janitor
from bot.flow.intake import Intake
from bot.flow.job import Job
from bot.flow.post import Post
from bot.flow.progress import Board
from bot.flow.reading import Reading
from bot.flow.render import Renderer, Settings
from bot.flow.reply import Outbox
from bot.flow.verify import Verifier, from_store
from bot.flow.voice import Voice
from bot.guard import wordfile
from bot.guard.listed import listed
from bot.guard.verdict import PROTECTED_NAME, HouseRules
from bot.house import House
from bot.mark import known_keys
from bot.moderation.herald import Herald
from bot.moderation.marshal import Marshal
from bot.moderation.rules import Rulebook
from bot.moderation.warden import Warden
from bot.previews import Previews
from bot.privacy.erase import Erased
from bot.privacy.office import Office
from bot.privacy.retention import Retention
from bot.privacy.servers import Servers
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
        self._consent = Consent(on=config.voices.member_voices and not on_colab(os.environ))
        self._circle = Circle(store=store, clock=clock)
        self._book, self._library = self._rooms(config)
        house = House(book=self._book, library=self._library, consent=self._consent, circle=self._circle)
        guard = config.guard
        rulebook = Rulebook.of(guard.rules, ask=guard.accept_rules)
        self._warden = Warden(rulebook=rulebook, contact=guard.contact)
        self.client = BarkClient(
            store=store,
            ready=self.connected.set,
            language=house.language,
            brake=Brake(clock=clock, actions=config.limits.actions_per_minute),
            message_content=messages,
            direct_messages=self._consent.on,
        )
        post = self._post = Post(self.client, house.mentions)
        self.voice = Voice(
            client=self.client,
            store=store,
            post=post,
            clock=patience or SystemClock(),
            alone_after=config.voice.alone_after,
            idle_after=config.voice.idle_after,
            halted=self._warden.silences,
        )
        self._vault = Vault(config.store.folder)
        self._keeper = Keeper(
            store=store,
            post=post,
            vault=self._vault,
            circle=self._circle,
            clock=clock,
            cancelled=self._cancelled,
            unheard=self.voice.drop,
            announce=announcer(self._book, post),
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
            halted=self._warden.stops,
        )
        self._outbox = Outbox(
            store=store,
            post=post,
            board=self._board,
            clock=clock,
            queued=self._queued,
            view=lambda job: buttons.view_for(job, playable=True, member=self._member(job)),
            keep=config.store.keep_hours * 3600,
            consent=self._consent,
            withdrawn=self._keeper.wake.set,
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
            silent=self._silent,
            voice_files=house.voice_files,
            lend=Lender(store=store, consent=self._consent, vault=self._vault, clock=clock).lend,
        )
        self._previews = Previews(
            synth=synth,
            library=self._library,
            folder=config.store.folder / "previews",
            seats=lambda: 0 if self._warden.stopped else self._renderer.free_seats(),
        )
        self._intake = Intake(
            store=store,
            post=post,
            clock=clock,
            house=house,
            pace=lambda: self._renderer.pace,
            queued=self._queued,
            warden=self._warden,
        )
        self._marshal = Marshal(
            store=store,
            clock=clock,
            warden=self._warden,
            voice=self.voice,
            cancelled=self._cancelled,
            changed=self._halted,
        )
        self._herald = Herald(
            store=store,
            post=post,
            clock=clock,
            patience=patience or SystemClock(),
            folder=config.store.folder,
            channels=self._book.log_channels,
        )
        self._booth = Booth(voice=self.voice, store=store, off=lambda guild: house.off(guild, Feature.VOICE))
        self._reading = Reading(store=store, voice=self.voice, intake=self._intake, possible=messages)
        self._enrolment = Enrolment(
            store=store,
            post=post,
            ears=synth,
            consent=self._consent,
            vault=self._vault,
            keeper=self._keeper,
            guard=self._book.guard,
            clock=clock,
        )
        self.client.voice, self.client.reading = self.voice, self._reading
        self.client.confidant = self._enrolment.hear if self._consent.on else None
        self._office = Office(
            store=store,
            house=house,
            keep=config.keep(),
            clock=clock,
            cancelled=self._cancelled,
            forget_sample=self._previews.forget,
            ended=self._voice_ended,
        )
        self._retention = Retention(store=store, clock=clock, keep=config.keep(), forgotten=self._forgotten)
        self.client.servers = Servers(store=store, clock=clock)
        self._add_commands(house, config)

    def _rooms(self, config: Config) -> tuple[Book, Library]:
        house_rules = HouseRules(words=listed(wordfile.read(config.guard.words).words), names=config.guard.names)
        book = Book(store=self._store, limits=config.limits.as_limits(), house_rules=house_rules, clock=self._clock)
        library = Library(
            store=self._store,
            folder=config.store.folder / "voices",
            clock=self._clock,
            presets=self._voices,
            shares=lambda guild: book.server(guild).sharing,
            most=config.limits.kept_voices,
            forbidden=lambda guild, name: (
                book.guard(guild).broken_by_name(name) or (PROTECTED_NAME if self._circle.called(name) else None)
            ),
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
                warden=self._warden,
                marshal=self._marshal,
                contact=config.guard.contact,
                verifier=Verifier(
                    find=from_store(self._store),
                    certificate=papers.certificate(config),
                    keys=lambda: known_keys(config),
                ),
                enrolment=self._enrolment if self._consent.on else None,
                keeper=self._keeper,
                office=self._office,
                papers=Papers(privacy=config.guard.privacy_url, terms=config.guard.terms_url),
            )
        )

    def _member(self, job: Job) -> bool:
        """Whether the bot is a member where this was asked for; before Discord has told, it may be."""
        known = job.guild_id is not None and self.client.get_guild(job.guild_id) is not None
        return known or not self.connected.is_set()

    def _cancelled(self, job: int) -> None:
        """Somebody took this job back: it is not rendered to its end, and its reply says so."""
        self._synth.cancel(str(job))
        self._outbox.wake.set()
        self._board.changed.set()

    def _halted(self) -> None:
        """Something was halted, or goes on."""
        self._renderer.halt(self._warden.stops)
        if self._warden.stopped:
            self._previews.give_way()
        self._settled()
        self._renderer.wake.set()
        self._board.changed.set()

    def _silent(self, job: int) -> None:
        """No more sound comes of this try."""
        self._library.give_back(str(job))
        self.voice.sounds.over(job)

    async def _forgotten(self, guild: int, erased: Erased) -> None:
        """A server's rows are gone."""
        await self._office.forget_server(guild, erased)
        await self._store.insist(self._warden.read)
        self._reading.forget(guild)

    async def _voice_ended(self, ended: Ended) -> None:
        """A member voice, or a grant of one, ended with a wish to be forgotten: its messages are deleted in the keeper's loop."""
        await self._keeper.carry_out(ended)
        self._keeper.wake.set()

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
                        tasks.create_task(self._keep_voices(), name="member voices"),
                        tasks.create_task(self._retention.run(), name="retention"),
                        tasks.create_task(self._renderer.run(), name="renderer"),
                        tasks.create_task(self.voice.run(self.connected), name="voice"),
                        tasks.create_task(self._herald.run(self.connected), name="herald"),
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
            await asyncio.to_thread(self._vault.close)

    async def _keep_voices(self) -> None:
        await self.connected.wait()
        await self._enrolment.begin()
        await self._keeper.run()

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
        await self._marshal.begin()
        await self._store.insist(self._sweep)
        await self._keeper.begin()
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


def on_colab(environ: Mapping[str, str]) -> bool:
    """Whether this is Google Colab, whose rules forbid what member voices may be taken for."""
    return "COLAB_RELEASE_TAG" in environ


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
