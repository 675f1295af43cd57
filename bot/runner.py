"""`barkbot run`: one bot on Discord, from the configuration to the drained end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging

from bot import papers
from bot.app import DATABASE, App, signals
from bot.config import Config
from bot.loopback.point import point_discord_at
from bot.mark import key_of
from bot.store import Store
from bot.vault import PLAIN, Vault
from synth import worker
from synth.process import Patience, Synth

log = logging.getLogger(__name__)


def synth_of(config: Config) -> Synth:
    """The synth process as configured; it starts with the app."""
    model = config.model
    certificate, key = papers.prepare(config)
    options = worker.WorkerOptions(
        model=model.name,
        device=model.device,
        threads=model.threads,
        precision=model.precision,
        memory=model.memory,
        seats=model.seats,
        graphs=model.graphs,
        hubert=config.voices.hubert,
        quantizer=config.voices.quantizer,
        recogniser=config.voices.recogniser,
        certificate=certificate,
        key=key,
        log_level=config.log.level,
        watermark_key=key_of(config),
    )
    return Synth(worker.main, options, patience=Patience(hang_after=model.hang_after, unload_after=model.unload_after))


async def run(config: Config, token: str, vault: Vault = PLAIN) -> None:
    """Until a signal. Raises BarkbotError with words where it cannot go on."""
    store = Store.open(config.store.folder / DATABASE, vault=vault)
    try:
        with _discord(config):
            app = App(config=config, token=token, store=store, synth=synth_of(config))
            gc.collect()
            gc.freeze()  # code and classes stay: to look through them again would stop everything for 20 ms each time
            with signals(app.stop):
                await _with_invite(app)
    finally:
        store.close()


async def _with_invite(app: App) -> None:
    invite = asyncio.create_task(_print_invite(app))
    try:
        await app.run()
    finally:
        invite.cancel()


async def _print_invite(app: App) -> None:
    await app.connected.wait()
    print(f"Connected as {app.client.user}. Add it to a server:\n  {app.client.invite()}", flush=True)


def _discord(config: Config) -> contextlib.AbstractContextManager[None]:
    if not config.discord.api:
        return contextlib.nullcontext()
    log.warning("using the Discord at %s", config.discord.api)
    return point_discord_at(config.discord.api, config.discord.gateway)
