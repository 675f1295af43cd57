"""A server that wants member voices, its people, and the ways they go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.app import App
from bot.consent import member
from bot.consent.member import MemberVoice
from bot.loopback.exchange import Exchange
from bot.loopback.messages import Message
from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from bot.loopback.user import User
from bot.loopback.world import Permissions
from tests.bot.consent.recordings import recording
from tests.bot.harness import bot_on, scripted
from tests.fakes.child import FakeOptions

HOUR = 3600.0
ALICES = "Alice's voice"


class Clock:
    """Of the bot and of Discord; moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Village:
    """The bot, its Discord, and what people do there."""

    def __init__(self, discord: Loopback, app: App, folder: Path, clock: Clock) -> None:
        self.discord, self.app, self.folder, self.clock = discord, app, folder, clock
        self.mod = discord.user("mod", permissions=Permissions.MANAGE_GUILD)
        self.alice, self.bob = discord.user("alice"), discord.user("bob")

    async def open(self) -> None:
        """The moderators choose a log channel and switch member voices on."""
        panel = await self.answer(await self.mod.slash("bark", "server"))
        await self.choose(self.mod, panel, "bark-server:log_channel", self.discord.second)
        await self.choose(
            self.mod, panel, "bark-server:features", "say", "sharing", "voice", "member_voices", known=panel
        )

    async def answer(self, exchange: Exchange) -> Message:
        """The private answer, once it says something."""
        await exchange.acknowledged()
        found = await exchange.until(lambda message: message.content)
        assert found.ephemeral
        return found

    async def words(self, who: User, *path: str, **options: Any) -> str:
        """What a command answers in private."""
        return (await self.answer(await who.slash(*path, **options))).content

    async def choose(
        self, who: User, message: Message, custom_id: str, *values: object, known: Message | None = None
    ) -> Exchange:
        """Something from a menu; with `known` only what the menu has."""
        if known is not None:
            menus = [part for row in known.components for part in row["components"] if part.get("options")]
            there = {option["value"] for part in menus for option in part["options"]}
            values = tuple(value for value in values if value in there)
        exchange = await who.choose(message, custom_id, [str(value) for value in values])
        await exchange.acknowledged()
        return exchange

    async def agree(self, who: User, **choices: tuple[object, ...]) -> Message:
        """`/bark-voice mine`, what is chosen, I agree; the challenge."""
        page = await self.answer(await who.slash("bark-voice", "mine"))
        rite = page.components[0]["components"][0]["custom_id"].rpartition(":")[2]
        for name, values in choices.items():
            await self.choose(who, page, f"bark-consent:{name}:{rite}", *values)
        before = len(self.direct(who))
        pressed = await who.press(page, label="I agree")
        await pressed.acknowledged()
        await pressed.until(lambda message: "I sent you" in message.content)
        assert len(self.direct(who)) == before + 1
        return self.direct(who)[-1]

    def direct(self, who: User) -> list[Message]:
        """What the bot wrote to somebody alone."""
        return [one for one in self.discord.channel_messages(who.dm.id) if one.author is self.discord.world.bot]

    async def hears(self, who: User, sent: Message) -> str:
        """What the bot says in the end to a direct message."""
        found = await self.discord.until(
            lambda: [one for one in self.direct(who) if one.id > sent.id and not one.content.startswith("Thank you.")]
        )
        return found[-1].content

    async def enrol(self, who: User, **choices: tuple[object, ...]) -> MemberVoice:
        """The whole ceremony, well done."""
        challenge = await self.agree(who, **choices)
        sent = who.speak(recording(said(challenge)), 9.0)
        assert "Your voice is made" in await self.hears(who, sent)
        voice = await self.app._store.call(member.of_user, who.id)
        assert voice is not None
        return voice

    async def bark(self, who: User, text: str = "hello", *, dm: bool = False, voice: str = ALICES) -> Exchange:
        """An ask in a member's voice."""
        return await who.slash("bark", "say", dm=dm, text=text, voice=voice)

    async def refused(self, who: User, *, dm: bool = False, voice: str = ALICES) -> str:
        """The words that an ask in a member's voice is refused with."""
        return (await self.answer(await self.bark(who, dm=dm, voice=voice))).content

    async def speaks(self, who: User, text: str = "hello", *, dm: bool = False) -> Message:
        """An ask in a member's voice that is answered with audio."""
        exchange = await self.bark(who, text, dm=dm)
        return await exchange.until(lambda message: message.attachments)

    def in_clear(self) -> list[str]:
        """Files of voices or recordings that can be read just now."""
        return sorted(path.name for path in self.app._vault.scratch(".").iterdir())

    async def until_clear(self, files: int) -> None:
        """Until there are so many of them: Discord does not hear of it."""
        async with asyncio.timeout(30):
            while len(self.in_clear()) != files:
                await asyncio.to_thread(os.sched_yield)

    def sealed(self) -> list[str]:
        """Files of voices that cannot."""
        return sorted(path.name for path in (self.folder / "member-voices").glob("*"))

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """What the database says."""
        return await self.app._store.call(lambda db: [dict(row) for row in db.execute(sql)])


def said(challenge: Message) -> str:
    """What a challenge asks to be read aloud."""
    found = re.search(r">>> (.+)", challenge.content)
    assert found is not None
    return found[1]


@contextlib.asynccontextmanager
async def village_in(
    folder: Path, schema: Schema | None = None, *, enrols: bool = True, member_voices: bool = True
) -> AsyncIterator[Village]:
    """The village; nothing that Discord would complain about has happened at its end."""
    clock, synth = Clock(), scripted(FakeOptions(enrols=enrols))
    async with Loopback(clock=clock, schema=schema) as discord:
        async with bot_on(discord, folder, synth=synth, clock=clock, member_voices=member_voices) as app:
            await synth.until_ready()
            yield Village(discord, app, folder, clock)
        assert discord.complaints == [], discord.complaints
