"""200 people type, ask and press buttons while the model renders without a pause: how soon each thing is acknowledged.

The bot is `barkbot run` in a process of its own, with its synth process and the shipped model; the Discord and its people are
in this process. Measured is what they see, from the sending of an interaction to its acknowledgement, on one clock. How late
this process's own loop is stands beside it: that much of each figure is not the bot's. What the bot itself costs is its
processor time for each interaction, whoever else wants the cores.

Once with as many requests for choices as Discord's client is taken to send, once with one for each key.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil

import synth
from benchmarks.people import CLIENT, FLOOD, Crowd, delays, overtaken
from benchmarks.report import heading
from bot import kept
from bot.app import DATABASE
from bot.loopback.exchange import Exchange
from bot.loopback.server import DESCRIPTION, Loopback
from bot.moderation import rules
from bot.moderation.rules import Rulebook
from bot.presets import LANGUAGES
from bot.shelf import Shelf
from bot.store import Store
from tests.lives import is_synth

PEOPLE, SECONDS = 200, 20.0
PRESETS, KEPT = 200, 3  # names of the model, and kept voices of each person
ANSWERED = 8  # answers there are before the crowd comes
LIMITS = {"autocomplete": 0.050, "command": 0.300, "button": 0.300, "modal": 0.300}  # seconds, the promise at p99
BEAT = 0.01  # seconds between two looks at how late this process itself is
PATIENCE = 120.0  # seconds for the model to load and the first answers
SETTLE = 3.5  # seconds after which what is not acknowledged never will be
SHIPPED = Path(synth.__file__).parent / "pup" / "model"
INDEX = "speaker_embeddings_path.json"
PROFILER = os.environ.get("CROWD_PROFILER", "").split()  # -m cProfile -o FILE
PROMPTS = ("semantic_prompt", "coarse_prompt", "fine_prompt")


async def main() -> None:
    """Print the figures: a crowd, a flood, and the flood with the synth process at the bot's own priority."""
    os.environ.pop(DESCRIPTION, None)  # the checks of each request would be measured too
    print(heading("discord.py", "aiohttp", "torch"))
    for every, equal in ((CLIENT, False), (FLOOD, False), (FLOOD, True)):
        asks = f"who types asks every {every:g} s at most" if every else "each key asks"
        print(f"{asks}; synth process", "at the bot's own priority" if equal else "as it is started")
        with tempfile.TemporaryDirectory() as name:
            await crowd(Path(name), every=every, equal=equal)


async def crowd(folder: Path, *, every: float, equal: bool) -> None:
    """One bot, one crowd."""
    async with Loopback() as discord:
        people = Crowd(discord, PEOPLE, every)
        await keep_voices(folder, people)
        async with bot_on(discord, folder) as bot:
            await people.first_answers(ANSWERED, PATIENCE)
            if equal:
                at_equal_rank(bot)
            before = [seconds(process) for process in family(bot)]
            late: list[float] = []
            lateness = asyncio.create_task(watch(late))
            await people.live(SECONDS)
            lateness.cancel()
            after = [seconds(process) for process in family(bot)]
            await asyncio.sleep(SETTLE)
        tell(people.did)
        told(discord, people)
        print(f"  lateness of the loopback itself   {row(sorted(late))}")
        names = ("bot", "synth process", "loopback and people")
        shares = ", ".join(
            f"{name} {(end - start) / SECONDS:.0%}" for name, start, end in zip(names, before, after, strict=False)
        )
        print(f"  of a core: {shares}")
        interactions = sum(map(len, people.did.values()))
        print(f"  processor time of the bot: {(after[0] - before[0]) / interactions * 1000:.2f} ms an interaction\n")


def model(folder: Path) -> Path:
    """The shipped model with as many names of voices as asked for: each is one of its own."""
    new = folder / "model"
    new.mkdir()
    for path in SHIPPED.iterdir():
        if path.name != INDEX:
            (new / path.name).symlink_to(path)
    index = json.loads((SHIPPED / INDEX).read_text())
    own = [files for name, files in index.items() if name.startswith("pup")]
    names = [f"v2/{language}_speaker_{number}" for number in range(PRESETS) for language in LANGUAGES][:PRESETS]
    voices = {name: own[number % len(own)] for number, name in enumerate(names)}
    (new / INDEX).write_text(json.dumps(voices))
    return new


async def keep_voices(folder: Path, people: Crowd) -> None:
    """Each person has accepted the rules, has kept some voices, and likes the first."""
    prompts = {key: np.load(SHIPPED / "speaker_embeddings" / f"pup_low_{key}.npy") for key in PROMPTS}
    np.savez(folder / "voice.npz", **prompts)
    store = Store.open(folder / DATABASE)
    shelf = Shelf(folder / "voices", store.vault)

    def write(db: sqlite3.Connection) -> None:
        for user in people.users:
            rules.accept(db, user.id, Rulebook().version, 0.0)
            for number in range(KEPT):
                voice = kept.keep(
                    db,
                    user_id=user.id,
                    name=f"{user.name} {number}",
                    read=(folder / "voice.npz").read_bytes,
                    shelf=shelf,
                    now=0.0,
                )
            kept.favour(db, user.id, voice.key, 0.0, on=True)

    await store.call(write)
    store.close()


@contextlib.asynccontextmanager
async def bot_on(discord: Loopback, folder: Path) -> AsyncIterator[psutil.Process]:
    """`barkbot run`, connected."""
    settings = {
        "MODEL__NAME": str(model(folder)),
        "STORE__FOLDER": str(folder),
        "DISCORD__API": discord.api_url,
        "DISCORD__GATEWAY": discord.gateway_url,
        "LIMITS__WAITING_PER_GUILD": "1000",  # all are on one server here
        "LOG__LEVEL": "ERROR",
        "TOKEN": discord.token,
    }
    environment = os.environ | {f"BARKBOT_{name}": value for name, value in settings.items()}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [*PROFILER, "-m", "bot", "run"]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=folder, env=environment)
    try:
        await discord.gateway.ready(timeout=PATIENCE)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


def family(bot: psutil.Process) -> list[psutil.Process]:
    """The bot, its synth process, and this one."""
    return [bot, *filter(is_synth, bot.children()), psutil.Process()]


def seconds(process: psutil.Process) -> float:
    """Of processor time so far."""
    times = process.cpu_times()
    return times.user + times.system


def at_equal_rank(bot: psutil.Process) -> None:
    """All threads of the synth process get the bot's priority (for root alone)."""
    for process in filter(is_synth, bot.children()):
        for thread in process.threads():
            os.setpriority(os.PRIO_PROCESS, thread.id, bot.nice())


async def watch(late: list[float]) -> None:
    """Notes how late this process's own loop is, again and again."""
    now = asyncio.get_running_loop().time
    while True:
        began = now()
        await asyncio.sleep(BEAT)
        late.append(now() - began - BEAT)


def tell(did: Mapping[str, Sequence[Exchange]]) -> None:
    """A line for each kind of interaction."""
    print(f"  {'':32}  {'p50':>8}{'p95':>8}{'p99':>8}{'most':>8}")
    typed_on = overtaken(did["autocomplete"])
    passed = {key.id for key in typed_on}
    for kind, exchanges in did.items():
        found = delays([exchange for exchange in exchanges if exchange.id not in passed])
        late = sum(delay > LIMITS[kind] for delay in found)
        print(f"  {kind:12} {len(exchanges):7}             {row(found)}   {late} over {LIMITS[kind] * 1000:.0f} ms")
    print(f"  {len(typed_on)} keys not answered, because the next one had come")


def told(discord: Loopback, people: Crowd) -> None:
    """How many were refused, and answered."""
    commands = people.did["command"]
    refused = sum(exchange.ephemeral for exchange in commands)
    answered = sum(bool(exchange.original and exchange.original.attachments) for exchange in commands)
    print(
        f"  of the commands {refused} were refused, {answered} answered; Discord's complaints: {discord.complaints[:3]}"
    )


def row(found: Sequence[float]) -> str:
    """Four figures in milliseconds."""
    shares = [
        found[min(len(found) - 1, int(len(found) * share))] if found else math.nan for share in (0.5, 0.95, 0.99, 1)
    ]
    return "".join(f"{value * 1000:8.1f}" for value in shares)
