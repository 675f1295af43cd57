"""A whole bot for tests: the real App on a loopback Discord, with a synth child that is real or scripted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

from bot.app import DATABASE, App
from bot.config import Config, DiscordSection, GuardSection, LimitsSection, ModelSection, StoreSection, VoicesSection
from bot.loopback.point import point_discord_at
from bot.loopback.server import Loopback
from bot.store import Store
from bot.vault import PLAIN, Vault
from synth.patience import Clock
from synth.process import Patience, Synth
from tests.bot.accepted import everybody_accepts
from tests.fakes import child

IMPATIENT = Patience(backoff=0.05, backoff_cap=0.2, ready_within=60.0)


def settings(
    folder: Path,
    *,
    message_content: bool = False,
    member_voices: bool = False,
    guard: GuardSection | None = None,
    **limits: Any,
) -> Config:
    """A configuration for tests: everything in `folder`, progress at once."""
    return Config(
        model=ModelSection(name="pup"),
        store=StoreSection(folder=folder),
        discord=DiscordSection(progress_every=0.02, message_content=message_content),
        limits=LimitsSection(**limits),
        guard=guard or GuardSection(),
        voices=VoicesSection(member_voices=member_voices),
    )


def scripted(options: child.FakeOptions | None = None) -> Synth:
    """A synth process that does what the texts say: see tests/fakes/child.py."""
    return Synth(child.main, options or child.FakeOptions(), patience=IMPATIENT)


@contextlib.asynccontextmanager
async def bot_on(
    discord: Loopback,
    folder: Path,
    *,
    synth: Synth | None = None,
    clock: Callable[[], float] = time.time,
    patience: Clock | None = None,
    voice: bool = False,
    message_content: bool = False,
    strangers: bool = False,
    guard: GuardSection | None = None,
    member_voices: bool = False,
    vault: Vault = PLAIN,
    **limits: Any,
) -> AsyncIterator[App]:
    """The bot, connected; drained at the end. `voice`: it trusts this Discord's voice servers.

    Everybody has accepted the rules; `strangers`: nobody has.
    """
    config = settings(folder, message_content=message_content, member_voices=member_voices, guard=guard, **limits)
    store = Store.open(folder / DATABASE, vault=vault)
    try:
        if not strangers:
            everybody_accepts(discord, folder / DATABASE)
        with point_discord_at(discord.api_url, discord.gateway_url):
            app = App(
                config=config,
                token=discord.token,
                store=store,
                synth=synth or scripted(),
                clock=clock,
                patience=patience,
            )
            if voice:
                app.client.http.connector = aiohttp.TCPConnector(ssl=discord.voice.ssl_context())
            app.client._connection.guild_ready_timeout = (
                0.05  # seconds: this Discord has told of all its servers by then
            )
            life = asyncio.create_task(app.run(), name="bot")
            try:
                waiting = asyncio.create_task(app.connected.wait())
                await asyncio.wait({waiting, life}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if life.done():
                    await life
                yield app
            finally:
                app.stop.set()
                await life
    finally:
        store.close()


def answers(messages: list[Any]) -> list[Any]:
    """Those that carry audio."""
    return [message for message in messages if message.attachments]
