"""`barkbot demo`: the real bot and the real synth process on a Discord of this machine, its page, and the story of each `/bark say`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import tempfile
import time
import webbrowser
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import aiohttp

from bot import log, texts
from bot.app import DATABASE, App, signals
from bot.config import Config, DiscordSection, LogSection, ModelSection, StoreSection
from bot.errors import BarkbotError, Exit
from bot.loopback.commands import Refused
from bot.loopback.exchange import DidNotRespond, Exchange
from bot.loopback.messages import Message
from bot.loopback.point import point_discord_at
from bot.loopback.server import Loopback
from bot.runner import synth_of
from bot.store import Store
from synth.process import Synth, SynthStopped

FIRST_TEXT = "hello there, this is barkbot."
PATIENCE = 600.0  # seconds for one story: a big model on a slow machine
START_PATIENCE = 60.0  # seconds for the bot to be connected
OPTIONS = ("text", "voice", "seed")
HELP = """  /bark say text: hello there voice: {voice} seed: 7    (voice and seed may be left out; so may "/bark say text:")
  voices      the voices there are
  quit        the end (so does Ctrl-D)"""


async def run(*, once: str | None, out: Path, port: int = 0, browser: bool = True) -> int:
    """Tell one story; without `once` also serve the page, and tell as many more as somebody types, until Ctrl-C.

    The last line printed is the path of the audio.
    """
    log.set_up("WARNING")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="barkbot-demo-") as folder:
        config = _config(Path(folder))
        synth = synth_of(config)
        page = None if once is not None else port
        async with Loopback() as discord, _page(discord, page) as url, _bot(discord, config, synth) as app:
            stage = Stage(discord, out, began)
            stage.tell(f"a Discord on this machine ({discord.api_url}), and the bot is connected to it")
            if url:
                stage.tell(f"its page          {url}")
                await asyncio.to_thread(_open, url, wanted=browser)
            ready = asyncio.create_task(stage.tell_when_ready(synth), name="tell when ready")
            path = await _unless_over(stage.play({"text": FIRST_TEXT if once is None else once}), app.stop)
            if url:
                path = await _go_on(stage, app.stop) or path
            ready.cancel()
    if path is None:
        return Exit.FAILED
    print(path)
    return Exit.OK


async def _unless_over(story: Coroutine[Any, Any, Path | None], stop: asyncio.Event) -> Path | None:
    """What a story gives; None where the bot stops before it is told, which then says itself why."""
    told, over = asyncio.ensure_future(story), asyncio.ensure_future(stop.wait())
    await asyncio.wait({told, over}, return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    if told.done():
        return told.result()
    told.cancel()
    await asyncio.wait({told})
    return None


def _config(folder: Path) -> Config:
    """The defaults, but for the tiny model, and a quiet log. The environment may still say otherwise."""
    return Config(
        model=ModelSection(name="pup"),
        store=StoreSection(folder=folder),
        discord=DiscordSection(progress_every=0.5),
        log=LogSection(level="WARNING"),
    )


@contextlib.asynccontextmanager
async def _page(discord: Loopback, port: int | None) -> AsyncIterator[str]:
    """The page's address; empty where none is wanted."""
    if port is None:
        yield ""
        return
    from bot.page.server import Page  # noqa: PLC0415 - one story in the terminal does not pay for it

    async with contextlib.AsyncExitStack() as stack:
        try:
            page = await stack.enter_async_context(Page(discord, port=port))
        except (OSError, OverflowError) as error:  # the latter: no such number
            why = getattr(error, "strerror", "a port is a number from 0 to 65535")
            raise BarkbotError(f"The page cannot be served on port {port}: {why}.") from error
        yield page.url


def _open(url: str, *, wanted: bool) -> None:
    """Open a browser window, if somebody sits here and has one; a browser inside the terminal would be in the way."""
    if not (wanted and sys.stdout.isatty()):
        return
    with contextlib.suppress(webbrowser.Error):
        found = webbrowser.get()
        textual = isinstance(found, webbrowser.GenericBrowser) and not isinstance(found, webbrowser.BackgroundBrowser)
        if not textual:
            found.open(url)


async def _go_on(stage: Stage, stop: asyncio.Event) -> Path | None:
    """Until Ctrl-C the page is there; in a terminal one can type meanwhile. The path of the last audio typed for."""
    if not sys.stdin.isatty():
        await stop.wait()
        return None
    path, keyboard = None, Keyboard(stop)
    while not stage.over:
        path = await _prompt(stage, keyboard) or path
    return path


@contextlib.asynccontextmanager
async def _bot(discord: Loopback, config: Config, synth: Synth) -> AsyncIterator[App]:
    """The bot as `barkbot run` has it, in this process, pointed at the Discord here."""
    store = Store.open(config.store.folder / DATABASE)
    try:
        with point_discord_at(discord.api_url, discord.gateway_url):
            app = App(config=config, token=discord.token, store=store, synth=synth)
            with signals(app.stop):
                app.client.http.connector = aiohttp.TCPConnector(limit=0, ssl=discord.voice.ssl_context())  # for voice
                life = asyncio.create_task(app.run(), name="bot")
                life.add_done_callback(lambda _: app.stop.set())  # nobody waits for a bot that is gone
                try:
                    await _first_of(app.connected.wait(), life)
                    yield app
                finally:
                    app.stop.set()
                    await life
    finally:
        store.close()


async def _first_of(wait: Any, life: asyncio.Task[None]) -> None:
    """Wait for something, unless the bot ends before."""
    waiting = asyncio.ensure_future(wait)
    await asyncio.wait({waiting, life}, timeout=START_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if life.done():
        await life
    if not waiting.done():
        raise BarkbotError("The bot did not connect within a minute.")


class Stage:
    """Where a story is told, line by line with the time since the start."""

    def __init__(self, discord: Loopback, out: Path, began: float) -> None:
        self._discord, self._out, self._began = discord, out, began
        self._alice = discord.user("alice")
        self._live = sys.stdout.isatty()
        self.over = False

    def tell(self, words: str, *, passing: bool = False) -> None:
        """One line; a passing one is overwritten by the next where the terminal can do that."""
        line = f"{time.monotonic() - self._began:6.2f} s  {words}"
        print(f"\r\x1b[K{line}" if self._live else line, end="" if passing and self._live else "\n", flush=True)

    async def tell_when_ready(self, synth: Synth) -> None:
        """One line when the model is loaded."""
        with contextlib.suppress(SynthStopped):
            ready = await synth.until_ready()
            self.tell(
                f"synth process     ready: {ready.model} on {ready.device}, {len(ready.voices)} voices, loaded in {ready.seconds:.1f} s"
            )

    async def play(self, options: dict[str, Any]) -> Path | None:
        """One `/bark say`, from the key press to the received file. None where there is no audio."""
        shown = " ".join(f"{name}: {value}" for name, value in options.items())
        self.tell(f"alice types       /bark say {shown}")
        try:
            exchange = await self._alice.slash("bark", "say", **options)
            await exchange.acknowledged()
        except (Refused, DidNotRespond) as problem:
            self.tell(f"Discord says      {problem}")
            return None
        if exchange.ephemeral:
            return await self._private(exchange)
        self.tell("Discord shows     barkbot is thinking...       (deferred, and queued on disk)")
        return await self._watch(exchange)

    async def _private(self, exchange: Exchange) -> Path | None:
        """A refusal; or, the first time, the rules with their two buttons: then alice accepts, and has what she asked for."""
        reply = await exchange.until(lambda message: message.content)
        self.tell("only alice sees   " + reply.content.replace("\n", "\n" + " " * 28))
        accept = texts.say(texts.RULES_ACCEPT)
        if not any(button.get("label") == accept for row in reply.components for button in row["components"]):
            return None
        self.tell(f"alice presses     {accept}")
        pressed = await self._alice.press(reply, label=accept)
        await pressed.acknowledged()
        if pressed.original is reply:  # the button's own message says why not
            self.tell(f"only alice sees   {reply.content}")
            return None
        self.tell("Discord shows     barkbot is thinking...       (deferred, and queued on disk)")
        return await self._watch(pressed)

    async def _watch(self, exchange: Exchange) -> Path | None:
        seen = 0

        def news(message: Message) -> bool:
            return len(message.history) > seen or bool(message.attachments) or message.ephemeral

        while True:
            message = await exchange.until(news, timeout=PATIENCE)
            if message.attachments:
                return await self._receive(message)
            for words in filter(None, message.history[seen:]):
                self.tell(f"the reply shows   {words}", passing=True)
            if message.ephemeral:
                self.tell(f"only alice sees   {message.content}")
                return None
            seen = len(message.history)

    async def _receive(self, message: Message) -> Path:
        """Download the attachment as a Discord client would."""
        attached = message.attachments[0]
        self.tell(f"the reply says    {message.content}")
        async with aiohttp.ClientSession() as session, session.get(attached.url) as answer:
            data = await answer.read()
        path = await asyncio.to_thread(_save, self._out, attached.filename, data)
        self.tell(f"and plays         {attached.filename}, {len(data) / 1000:.0f} kB")
        return path

    async def voices(self) -> list[str]:
        """What the voice field offers."""
        return [choice["value"] for choice in await self._alice.autocomplete("bark", "say", focused=("voice", ""))]


def _save(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = (folder / name).resolve()
    path.write_bytes(data)
    return path


class Keyboard:
    """Lines from the terminal, without a thread that Ctrl-C could not end."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop, self._typed = stop, b""

    async def line(self, prompt: str) -> str | None:
        """The next line; None at the end of the input, or when the demo is to stop."""
        print(prompt, end="", flush=True)
        while b"\n" not in self._typed:
            if not await self._readable() or not (more := os.read(sys.stdin.fileno(), 1 << 16)):
                print()
                return None
            self._typed += more
        first, _, self._typed = self._typed.partition(b"\n")
        return first.decode(errors="replace").strip()

    async def _readable(self) -> bool:
        """Wait for something to read; False if the demo is to stop."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), ready.set)
        tasks = [asyncio.create_task(event.wait()) for event in (ready, self._stop)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(sys.stdin.fileno())
            for task in tasks:
                task.cancel()
        return not self._stop.is_set()


async def _prompt(stage: Stage, keyboard: Keyboard) -> Path | None:
    """One line from the person at the terminal; the path of the audio, if it gave any."""
    line = await keyboard.line("\n/bark say text: ")
    if line in {None, "quit", "exit"}:
        stage.over = True
    elif line in {"", "help", "?"}:
        print(HELP.format(voice=next(iter(await stage.voices()), texts.say(texts.NO_VOICE))))
    elif line == "voices":
        print("  " + "\n  ".join(await stage.voices()))
    elif line:
        path = await stage.play(parse(line))
        if path:
            print(path)
        return path
    return None


def parse(line: str) -> dict[str, Any]:
    """The options in a line as Discord's client shows them: `/bark say text: hello voice: v2/en_speaker_6 seed: 7`."""
    line = re.sub(r"^/?bark say\s*", "", line)
    marks = [mark for mark in re.finditer(r"(?:^|\s)(\w+):\s*", line) if mark[1] in OPTIONS]
    options: dict[str, Any] = {}
    if before := line[: marks[0].start()] if marks else line:  # what stands before the first option is the text
        options["text"] = before
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(line)
        options[mark[1]] = line[mark.end() : end].strip()
    if str(options.get("seed", "")).isdecimal():
        options["seed"] = int(options["seed"])
    return options
