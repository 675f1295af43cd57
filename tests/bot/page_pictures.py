"""The README's pictures of the demo's page, of a real session with the model in the package: `make page-pictures`."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from bot.loopback.server import Loopback
from bot.page.server import Page
from synth import worker
from synth.process import Patience, Synth
from tests.bot import answer_pictures
from tests.bot.harness import bot_on
from tests.bot.pictures import DOCS, save
from tests.bot.test_page_in_browser import chromium, window

HALFWAY = "slider => { slider.value = 430; slider.dispatchEvent(new Event('input')); }"
SIZE = {"width": 1180, "height": 760}


async def main() -> None:
    """A talk, once in each theme."""
    synth = Synth(worker.main, worker.WorkerOptions(model="pup", device="cpu", threads=1), patience=Patience())
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        discord = await stack.enter_async_context(Loopback())
        page = await stack.enter_async_context(Page(discord))
        await stack.enter_async_context(bot_on(discord, folder, synth=synth))
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        await synth.until_ready()
        discord.user("bob").write("can somebody **read this out** for me? *the quick brown fox ...*")
        await _dark(browser, page)
        await _light(browser, page)
        await browser.close()


async def _dark(browser: Any, page: Page) -> None:
    """An answer that is being heard, and the same as a voice message."""
    async with window(browser, page, color_scheme="dark", viewport=SIZE) as tab:
        await tab.get_by_role("button", name="Voice channel Voice").click()
        await tab.locator("#composer textarea").focus()
        await _say(tab, "the quick brown fox jumps over the lazy dog")
        await tab.get_by_role("button", name="More", exact=True).last.click()
        await tab.get_by_role("button", name="Voice message").click()
        await tab.locator(".player.bubble").wait_for()
        for _ in range(2):
            await tab.get_by_role("button", name="Dismiss message").first.click()
        await tab.locator(".player input").first.evaluate(HALFWAY)
        await _save(tab, "page-dark.png")


async def _light(browser: Any, page: Page) -> None:
    """What can be asked for."""
    async with window(browser, page, color_scheme="light", viewport=SIZE) as tab:
        await tab.get_by_role("radio", name="Bob").check(force=True)
        await tab.locator(".player.bubble").wait_for()
        await tab.locator("#composer textarea").focus()
        await tab.keyboard.type("/bark s")
        await tab.locator("#popup [role=option]").first.wait_for()
        await _save(tab, "page-light.png")


async def _say(tab: Any, text: str) -> None:
    await tab.keyboard.type(f"/bark say {text}")
    await tab.keyboard.press("Enter")
    await tab.locator(".message audio").last.wait_for(state="attached", timeout=60_000)
    await tab.locator(".message audio").last.evaluate(
        "audio => audio.ended || new Promise(done => audio.onended = done)"
    )


async def _save(tab: Any, name: str) -> None:
    await tab.mouse.move(700, 30)
    save(await tab.screenshot(animations="disabled"), DOCS / name)


if __name__ == "__main__":
    asyncio.run(main())
    asyncio.run(answer_pictures.main())
