"""One life of `barkbot run` with secrets that can be recognised: what it wrote, told its child, and left on the disk."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from bot import texts
from bot.loopback.exchange import Exchange
from bot.loopback.faults import CALLBACK, Fault
from bot.loopback.interactions import Kind
from bot.loopback.problems import MISSING_PERMISSIONS
from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.lives import is_synth

MAIN = """
import sys
from bot import __main__, runner
from tests.bot.harness import scripted
runner.synth_of = lambda _: scripted()  # a real child process that needs no model
sys.exit(__main__.main(["run"]))
"""
TEXT = "Do not tell canary text."
FORGED = "bark:hear:\n23:59:59 ERROR   root: forged\x1b[2J\u202e"
SECRETS = {  # as operators have them lying about
    "DISCORD_CLIENT_SECRET": "canary-of-the-application",
    "AWS_SECRET_ACCESS_KEY": "canary-of-a-cloud",
    "OPENAI_API_KEY": "canary-of-another-service",
    "PGPASSWORD": "canary-of-a-database",
}
HUB = {"HF_TOKEN": "hub-token-that-fetching-a-model-may-need"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lived:
    """What is left of it."""

    code: int
    said: str  # on both streams
    bot_token: str
    interaction_tokens: list[str]
    own_environment: str  # of the bot's process, as others of its user may read it
    child_environment: str
    child_arguments: str
    modes: dict[str, int]  # of everything in its folder


async def lived(folder: Path, before: Sequence[str] = (), **environment: str) -> Lived:
    """From the start to SIGTERM, at DEBUG, all that goes wrong included. `before`: a command that becomes the bot."""
    async with Loopback() as discord:
        process = await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-c", MAIN),
            env=os.environ | SECRETS | HUB | _settings(discord, folder) | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        reading = asyncio.create_task(process.communicate())
        try:
            await discord.gateway.ready(timeout=60)
            tokens = [exchange.interaction.token for exchange in await _company(discord)]
            child = next(one for one in psutil.Process(process.pid).children() if is_synth(one))
            environments, arguments = [_environment(process.pid), _environment(child.pid)], " ".join(child.cmdline())
            modes = _modes(folder)
            process.send_signal(signal.SIGTERM)
            said, _ = await asyncio.wait_for(reading, 60)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Lived(
            code=process.returncode or 0,
            said=said.decode(),
            bot_token=discord.token,
            interaction_tokens=tokens,
            own_environment=environments[0],
            child_environment=environments[1],
            child_arguments=arguments,
            modes=modes,
        )


def _environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_bytes().decode()


def _modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


def _settings(discord: Loopback, folder: Path) -> dict[str, str]:
    return {
        "BARKBOT_TOKEN": discord.token,
        "BARKBOT_DISCORD__API": discord.api_url,
        "BARKBOT_DISCORD__GATEWAY": discord.gateway_url,
        "BARKBOT_STORE__FOLDER": str(folder),
        "BARKBOT_MODEL__NAME": "pup",
        "BARKBOT_LOG__LEVEL": "DEBUG",
    }


async def _company(discord: Loopback) -> list[Exchange]:
    """What people do meanwhile: what works, what is refused, what fails, and what is forged."""
    alice, mod = discord.user("alice"), discord.user("mod", permissions=Permissions.MANAGE_GUILD)
    discord.faults.add(Fault.rate_limited("PATCH /webhooks/{application}/{token}/messages/@original"))
    asked = await alice.slash("bark", "say", text=TEXT, seed=1)
    rules = await asked.until(lambda message: message.components)
    accepted = await alice.press(rules, label=texts.RULES_ACCEPT)
    answer = await accepted.until(lambda message: message.attachments, timeout=60)
    server = await mod.slash("bark", "server")
    await server.acknowledged()
    more = await alice.press(answer, label="More")
    await more.acknowledged()
    refused = await alice.slash("bark", "say", text=TEXT, voice="no\nsuch voice")
    await refused.acknowledged()
    window = await alice.press(answer, label="Edit")
    await window.acknowledged()
    forged = alice._send(
        Kind.COMPONENT, discord.world.general, {"custom_id": FORGED, "component_type": 2, "id": 1}, source=answer
    )
    await forged.acknowledged()
    discord.faults.add(Fault.problem(MISSING_PERMISSIONS, CALLBACK))
    failing = await alice.press(answer, label="More")  # a traceback
    await failing.acknowledged()
    return [asked, accepted, server, more, refused, window, forged, failing]
