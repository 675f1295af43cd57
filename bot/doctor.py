"""`barkbot doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import discord

from bot import config as configuration
from bot import papers, vault
from bot.config import Config
from bot.errors import BarkbotError, Exit
from bot.guard import wordfile
from bot.mark import key_of
from bot.moderation.rules import Rulebook
from synth.credentials import BadCredentials, Signer

NEEDED_DISK = 1 << 30  # bytes: some hours of audio, the database, room to breathe
COMMENTS = 300  # characters shown of what a word list says about itself
PATIENCE = 10.0  # seconds for one look at the network
MODEL_PATIENCE = 120.0  # seconds for torch to be imported on a slow disk
DISCORD_API = "https://discord.com/api/v10"

# Run by a process of its own, so that nothing here ever imports torch.
_LOOK_AT_MODEL = """
import sys
from synth import checkpoint, device
plan = device.plan(*sys.argv[1:3], int(sys.argv[3]), sys.argv[4], memory=sys.argv[5], seats=int(sys.argv[6]))
print(plan.line())
"""

_LOOK_AT_RECORDINGS = """
import sys
from synth.checkpoint import default_cache
from synth.download import Hub
from synth.enrol.sources import Sources, places
named = dict(zip(("hubert", "quantizer", "recogniser"), sys.argv[1:4]))
found = places(Sources(**named), Hub(default_cache()))
print(", ".join(name for name in named if not getattr(found, name)))
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the report. `good` None: could not be told here."""

    name: str
    good: bool | None
    words: str

    def line(self) -> str:
        """As it is printed."""
        mark = {True: "ok  ", False: "FAIL", None: "?   "}[self.good]
        return f"{mark}  {self.name}: {self.words}"


async def run(path: Path | None) -> int:
    """Print one line for each thing looked at; 0 if nothing is wrong."""
    findings = [_python()]
    try:
        settings = configuration.load(path)
    except BarkbotError as error:
        print(Finding(name="configuration", good=False, words=str(error)).line())
        return Exit.CONFIG
    findings.append(Finding(name="configuration", good=True, words="readable"))
    print("\n".join(finding.line() for finding in findings), flush=True)
    for look in looks(settings):
        finding = await look()
        print(finding.line(), flush=True)
        findings.append(finding)
    return Exit.OK if all(finding.good is not False for finding in findings) else Exit.FAILED


def looks(settings: Config) -> Sequence[Callable[[], Awaitable[Finding]]]:
    """What is looked at, in order."""
    return (
        lambda: _disk(settings.store.folder),
        lambda: _words(settings.guard.words),
        lambda: _papers(settings),
        lambda: _signing(settings),
        _data_key,
        lambda: _token(settings.discord.api or DISCORD_API),
        lambda: _model(settings),
        lambda: _recordings(settings),
        _voice,
    )


def _python() -> Finding:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    words = f"Python {platform.python_version()}, discord.py {discord.__version__}"
    return Finding(
        name="versions", good=good, words=words if good else f"{words}; barkbot is made for Python 3.11 to 3.13"
    )


async def _disk(folder: Path) -> Finding:
    def look() -> Finding:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".probe"
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            return Finding(
                name="folder", good=False, words=f"{folder} cannot be written ({error.strerror}); set store.folder"
            )
        free = shutil.disk_usage(folder).free
        words = f"{folder}, {free / 1e9:.1f} GB free"
        return Finding(
            name="folder", good=free > NEEDED_DISK, words=words if free > NEEDED_DISK else f"{words}; 1 GB is needed"
        )

    return await asyncio.to_thread(look)


async def _words(path: str) -> Finding:
    try:
        file = await asyncio.to_thread(wordfile.read, path)
    except BarkbotError as error:
        return Finding(name="word list", good=False, words=str(error))
    if not path:
        return Finding(name="word list", good=True, words="none; set guard.words to a file to have one")
    said = " ".join(file.comments)[:COMMENTS] or "nothing about its licence"
    return Finding(
        name="word list", good=True, words=f"{len(file.words)} words and phrases in {path}, which says: {said}"
    )


async def _papers(settings: Config) -> Finding:
    """What the operator named and `barkbot run` would not start without."""
    name = "rules and watermark key"
    try:
        await asyncio.to_thread(Rulebook.of, settings.guard.rules, ask=settings.guard.accept_rules)
        if settings.guard.watermark_key_file:  # one that is not named is made at the first start
            await asyncio.to_thread(key_of, settings)
    except BarkbotError as error:
        return Finding(name=name, good=False, words=str(error))
    return Finding(name=name, good=True, words="readable, or the bot's own")


async def _signing(settings: Config) -> Finding:
    name = "Content Credentials"

    def look() -> Finding:
        certificate, key = papers.prepare(settings)
        if not key:
            return Finding(name=name, good=None, words="off: pip install c2pa-python to sign MP3, FLAC and WAV")
        Signer(Path(certificate), Path(key))
        return Finding(name=name, good=True, words=f"MP3, FLAC and WAV are signed with {certificate}")

    try:
        return await asyncio.to_thread(look)
    except (BarkbotError, BadCredentials) as error:
        return Finding(name=name, good=False, words=str(error))


async def _data_key() -> Finding:
    try:
        keys = vault.take()
    except BarkbotError as error:
        return Finding(name="data key", good=False, words=str(error))
    if keys.sealing:
        return Finding(name="data key", good=True, words="set; texts and kept voices are encrypted on the disk")
    words = f"none; texts are on the disk as they are. Set {vault.VARIABLE} to have them encrypted: see README.md"
    return Finding(name="data key", good=True, words=words)


async def _token(api: str) -> Finding:
    if not any(os.environ.get(name) for name in ("BARKBOT_TOKEN", "BARKBOT_TOKEN_FILE")):
        return Finding(name="token", good=None, words="none given; set BARKBOT_TOKEN to have it tried")
    try:
        token = configuration.take_token()
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{api}/users/@me", headers={"Authorization": f"Bot {token}"}) as answer,
        ):
            if answer.status == 401:
                return Finding(
                    name="token",
                    good=False,
                    words="Discord refuses it; reset it on the Bot page of discord.com/developers",
                )
            answer.raise_for_status()
            name = (await answer.json())["username"]
    except BarkbotError as error:
        return Finding(name="token", good=False, words=str(error))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Finding(
            name="token", good=False, words=f"Discord cannot be reached ({type(error).__name__}); check the network"
        )
    return Finding(name="token", good=True, words=f"accepted, the bot is {name}; no privileged intents are needed")


async def _model(settings: Config) -> Finding:
    model = settings.model
    words = (model.name, model.device, str(model.threads), model.precision, model.memory, str(model.seats))
    good, said = await _looked(_LOOK_AT_MODEL, *words)
    return Finding(name="model", good=good, words=said)


async def _recordings(settings: Config) -> Finding:
    voices = settings.voices
    good, said = await _looked(_LOOK_AT_RECORDINGS, voices.hubert, voices.quantizer, voices.recogniser)
    if not good:
        return Finding(name="voices of members", good=False, words=said)
    if said and settings.model.name != "pup":
        return Finding(
            name="voices of members",
            good=None,
            words=f"off: {said} not on this machine; `barkbot download voices` fetches what is missing",
        )
    return Finding(name="voices of members", good=True, words="what makes them is on this machine")


async def _looked(script: str, *words: str) -> tuple[bool, str]:
    """Whether a script ended well in a process of its own, and what it printed; or the reason."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), MODEL_PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False, "torch could not be imported within two minutes"
    if process.returncode != 0:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        return False, last[0]
    return True, out.decode().strip()


async def _voice() -> Finding:
    missing = [name for name in ("nacl", "davey") if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            name="voice channels",
            good=False,
            words=f"{' and '.join(missing)} not installed; pip install 'discord.py[voice]'",
        )
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", 0))
    except OSError as error:
        return Finding(
            name="voice channels", good=False, words=f"UDP is not allowed here ({error.strerror}); playing needs it"
        )
    return Finding(
        name="voice channels", good=None, words="libraries are there; whether UDP gets out shows only in a call"
    )
