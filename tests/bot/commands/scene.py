"""A bot on a loopback Discord with answers that are there already: rows by plain SQL, messages with their buttons."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bot.app import App
from bot.commands.buttons import view_for
from bot.flow import clips, queue
from bot.flow.job import Job
from bot.loopback.exchange import Exchange
from bot.loopback.interactions import Callback
from bot.loopback.messages import Message
from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from bot.loopback.world import ChannelType
from tests.bot.harness import bot_on
from tests.bot.rows import insert_in_state

RATE = 24_000  # Hz
FAR = 4e9  # seconds since the epoch


class Scene:
    """The bot, its Discord, and ways to put answers there."""

    def __init__(self, discord: Loopback, app: App, folder: Path) -> None:
        self.discord, self.app, self.folder = discord, app, folder

    async def job(self, number: int) -> Job:
        """A job as written down."""
        job = await self.app._store.call(queue.get, number)
        assert job is not None
        return job

    async def jobs(self) -> list[Job]:
        """All of them, oldest first."""
        sql = "SELECT id FROM jobs ORDER BY id"
        numbers = await self.app._store.call(lambda db: [row["id"] for row in db.execute(sql)])
        return [await self.job(number) for number in numbers]

    async def answered(self, name: str = "alice", *, channel: int | None = None, **row: Any) -> Message:
        """The message of an answered job of this person; its id is the message's embed-free `nonce`."""
        discord, person = self.discord, self.discord.user(name)
        here = channel or discord.general
        direct = discord.world.channel(here).type is ChannelType.DM
        values = {
            "id": discord.world.new_id(),
            "user_id": person.id,
            "guild_id": None if direct else discord.guild_id,
            "channel_id": here,
            "voice": "v2/en_speaker_6",
            **row,
        }
        if isinstance(values.get("options"), dict):
            values["options"] = json.dumps(values["options"])
        number = values.pop("id")
        await self.app._store.call(insert_in_state, values.pop("state", "answered"), job=number, **values)
        components = view_for(await self.job(number), playable=True).to_components()
        body = {"content": "an answer", "components": components, "nonce": str(number)}
        return discord.messages.create(here, discord.world.bot, body)

    async def keep(
        self, job: int, take: int = 1, *, seconds: float = 1.0, until: float = FAR, ending: str = "ogg"
    ) -> Path:
        """The audio of a take, as if it had been kept."""
        folder = self.folder / "clips"
        folder.mkdir(exist_ok=True)
        path = folder / f"{job}-{take}.{ending}"
        kind = {"ogg": ("OGG", "OPUS"), "wav": ("WAV", "PCM_16")}[ending]
        tone = np.sin(np.arange(int(seconds * RATE)) / 10) / 2
        soundfile.write(path, tone, RATE, format=kind[0], subtype=kind[1])
        np.savez(path.with_suffix(".npz"), semantic_prompt=np.arange(5))
        await self.app._store.call(clips.keep, job, take, path, until)
        return path

    async def press(self, name: str, message: Message, label: str) -> Exchange:
        """Press a button, after More where it is not in sight."""
        if label not in labels(message):
            message = await self.private(await self.discord.user(name).press(message, label="More"))
        return await self.discord.user(name).press(message, label=label)

    async def private(self, exchange: Exchange) -> Message:
        """The private answer to a press."""
        return await exchange.until(lambda message: message.ephemeral and message.content)

    async def refused(self, name: str, message: Message, label: str) -> str:
        """The words of a press that does nothing else."""
        before = len(await self.jobs())
        exchange = await self.press(name, message, label)
        words = await self.private(exchange)
        assert exchange.acknowledgement.type is Callback.MESSAGE
        assert len(await self.jobs()) == before
        return words.content


@contextlib.asynccontextmanager
async def scene_in(folder: Path, schema: Schema | None, **options: Any) -> AsyncIterator[Scene]:
    """A scene; nothing that Discord would complain about has happened at its end."""
    async with Loopback(schema=schema) as discord:
        async with bot_on(discord, folder, **options) as app:
            yield Scene(discord, app, folder)
        assert discord.complaints == []


def labels(message: Message) -> list[str]:
    """What its buttons say, in order."""
    return [button["label"] for row in message.components for button in row["components"]]


def number(message: Message) -> int:
    """The job that a message answers."""
    return int(message.components[0]["components"][0]["custom_id"].split(":")[2])
