"""The README's pictures of what each command answers, as the demo's page shows it: a part of `make page-pictures`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from bot.loopback.exchange import Exchange
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.world import MODERATOR
from bot.page.server import Page
from synth import worker
from synth.process import Patience, Synth
from tests.bot.harness import bot_on
from tests.bot.pictures import DOCS, save
from tests.bot.test_page_in_browser import chromium, window

SIZE = {"width": 860, "height": 1400}  # the page's list of channels folds away on narrow screens
PATIENCE = 120.0  # seconds for the model
SPOKEN: dict[str, dict[str, Any]] = {
    "say": {"text": "the quick brown fox jumps over the lazy dog", "voice": "pup_low", "seed": 7},
    "sing": {"text": "row row row your boat / gently down the stream", "voice": "pup_high", "seed": 4},
    "sound": {"text": "rain on a tin roof", "seed": 5},
    "dialogue": {"text": "Ann: good morning / Bob: hello there", "cast": "Ann=pup_high, Bob=pup_low", "seed": 2},
    "takes": {"text": "two small boats were waiting", "count": 2, "voice": "pup_lively", "seed": 11},
}
TOLD = ("queue", "help", "voices", "settings", "about", "stats", "privacy")  # private answers


async def main() -> None:
    """One answer after another."""
    synth = Synth(worker.main, worker.WorkerOptions(model="pup", device="cpu", threads=1), patience=Patience())
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        discord = await stack.enter_async_context(Loopback())
        page = await stack.enter_async_context(Page(discord))
        await stack.enter_async_context(bot_on(discord, folder, synth=synth))
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        await synth.until_ready()
        alice = discord.user("alice")
        async with window(browser, page, color_scheme="light", viewport=SIZE) as tab:
            for name, options in SPOKEN.items():
                exchange = await alice.slash("bark", name, **options)
                await _shoot(tab, name, exchange, lambda message: message.attachments)
            for name in TOLD:
                await _shoot(
                    tab, name, await alice.slash("bark", name), lambda message: message.content or message.embeds
                )
            said = await _answer(await alice.slash("bark", "say", text="good morning", seed=3))
            await _shoot(tab, "more", await alice.press(said, label="More"), lambda message: message.ephemeral)
            details = await alice.press((await _more(alice, said)), label="Details")
            await _shoot(tab, "details", details, lambda message: message.ephemeral)
            (clip,) = said.attachments
            looked = await alice.slash("bark", "verify", file=(clip.filename, clip.data))
            await _shoot(tab, "verify", looked, lambda message: message.content)
            alice.person.permissions |= MODERATOR
            await _shoot(tab, "server", await alice.slash("bark", "server"), lambda message: message.content)
            await tab.locator("#composer textarea").focus()
            await tab.keyboard.type("/bark long")
            await tab.keyboard.press("Enter")  # takes the suggestion
            await tab.keyboard.press("Enter")  # sends
            await tab.locator("dialog[open]").wait_for()
            save(await tab.locator("dialog[open]").screenshot(animations="disabled"), DOCS / "answers" / "long.png")
        await browser.close()
    await rules()


async def rules() -> None:
    """What somebody meets who has never asked for anything."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        discord = await stack.enter_async_context(Loopback())
        page = await stack.enter_async_context(Page(discord))
        await stack.enter_async_context(bot_on(discord, folder, strangers=True))
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        alice = discord.user("alice")
        async with window(browser, page, color_scheme="light", viewport=SIZE) as tab:
            asked = await alice.slash("bark", "say", text="hello")
            await _shoot(tab, "rules", asked, lambda message: message.components)
        await browser.close()


async def _answer(exchange: Exchange) -> Message:
    return await exchange.until(lambda message: message.attachments, timeout=PATIENCE)


async def _more(alice: Any, said: Message) -> Message:
    exchange = await alice.press(said, label="More")
    return await exchange.until(lambda message: message.ephemeral and message.components)


async def _shoot(
    tab: Any, name: str, exchange: Exchange, there: Callable[[Message], object | Awaitable[object]]
) -> None:
    """The last message in sight, once it is complete."""
    await exchange.until(there, timeout=PATIENCE)
    await tab.wait_for_timeout(600)  # a picture, not a test: the waveform is drawn when the sound has been decoded
    shot = await tab.locator(".message").last.screenshot(animations="disabled")
    save(shot, DOCS / "answers" / f"{name}.png")
