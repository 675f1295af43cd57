"""The demo's page in a real browser: from the first click to sound, by keyboard, in both themes, with hostile words.

Needs Playwright and a Chromium: `make test-browser`. Nothing may ask for anything outside of this machine.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.loopback.server import Loopback
from bot.page.server import Page
from bot.voice_client import VoiceClient
from synth import worker
from synth.process import Patience, Synth
from tests.bot.harness import bot_on
from tests.bot.loopback.kennel import Kennel, running
from tests.bot.loopback.voices import join, opus_packets, play

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LENGTH = "audio => audio.duration || new Promise(done => audio.onloadedmetadata = () => done(audio.duration))"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> [x](javascript:alert(1)) **bold** ||secret||'
CONTRAST = """() => {  // pairs of text and ground below WCAG AA
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const mix = (colour, [r, g, b]) => {
    pen.fillStyle = `rgb(${r} ${g} ${b})`; pen.fillRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => mix(getComputedStyle(node).backgroundColor, node.parentElement ? ground(node.parentElement) : [255, 255, 255]);
  return [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility({visibilityProperty: true})
      && !node.closest("[disabled], .spoiler, .unseen")
      && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())).map((node) => {
    const behind = ground(node), [low, high] = [light(behind), light(mix(getComputedStyle(node).color, behind))].sort((a, b) => a - b);
    return [node.className || node.tagName, node.textContent.slice(0, 30), (high + 0.05) / (low + 0.05)];
  }).filter(([, , ratio]) => ratio < 4.5);
}"""


def chromium() -> str | None:
    """The path of a browser."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright: make test-browser installs it")
    path = chromium()
    if path is None:
        pytest.skip("needs a Chromium: on Debian and Ubuntu, apt install chromium")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=["--no-sandbox"])  # root has no other way
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def window(browser: Any, page: Page, **options: Any) -> AsyncIterator[Any]:
    """A browser window with the page; at its end it must have been quiet and have stayed at home."""
    context = await browser.new_context(**{"viewport": {"width": 1200, "height": 800}, "locale": "en-US"} | options)
    tab, noise = await context.new_page(), []
    tab.set_default_timeout(15_000)
    tab.on("console", lambda line: noise.append(line.text) if line.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: noise.append(str(error)))
    tab.on("request", lambda request: noise.append(request.url) if not request.url.startswith(page.url) else None)
    tab.on("dialog", lambda dialog: noise.append(dialog.message))
    await tab.goto(page.url)
    await tab.locator("#hints button").first.wait_for()
    yield tab
    await context.close()
    assert noise == []


@contextlib.asynccontextmanager
async def on_page(browser: Any, folder: Path, **options: Any) -> AsyncIterator[tuple[Loopback, Any]]:
    """A window on the whole bot with the scripted synth process."""
    async with (
        Loopback() as discord,
        Page(discord) as page,
        bot_on(discord, folder),
        window(browser, page, **options) as tab,
    ):
        yield discord, tab


async def test_one_click_brings_sound_that_plays(browser: Any, tmp_path: Path) -> None:
    """With the model in the package, from the opened page to the finished sound; a newcomer has a minute."""
    synth = Synth(worker.main, worker.WorkerOptions(model="pup", device="cpu", threads=1), patience=Patience())
    async with Loopback() as discord, Page(discord) as page, bot_on(discord, tmp_path, synth=synth):
        began = time.monotonic()
        async with window(browser, page) as tab:
            await tab.get_by_role("button", name="Try: /bark say hello").click()
            audio = tab.locator(".message audio")
            await audio.wait_for(state="attached")
            assert await audio.evaluate(LENGTH) > 0.3
            took = time.monotonic() - began
            print(f"\nfrom the page's address to a finished sound: {took:.1f} s, the model's start included")
            assert took < 60
            assert await audio.evaluate("audio => !audio.paused || audio.played.length > 0")
            assert "AI-generated speech" in await tab.locator(".message .text").last.inner_text()
            await tab.reload()  # what was not asked for now is silent
            assert await tab.locator(".message audio").evaluate("audio => audio.paused && audio.played.length === 0")
        assert discord.complaints == []


async def test_a_command_by_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        keys = tab.keyboard
        await keys.type("/bark s")
        await tab.get_by_role("option", name="/bark say").wait_for()
        marked = tab.locator("[role=option][aria-selected=true] .label")
        while await marked.inner_text() != "/bark say":
            await keys.press("ArrowDown")
        await keys.press("Enter")
        await keys.type("good evening voice:")
        await tab.locator("#popup [role=option]").nth(1).wait_for()
        await keys.type("de_")
        await tab.locator("#popup [role=option]", has_text="en_").wait_for(state="detached")
        await keys.press("Enter")  # takes the suggestion
        await keys.press("Enter")  # sends
        await tab.locator(".message .player").wait_for()
        (message,) = discord.channel_messages(discord.general)
        assert "v2/de_speaker_1" in message.content
        assert await tab.evaluate("document.activeElement.tagName") == "TEXTAREA"
        await keys.press("ArrowUp")  # into the messages, and to the message's menu
        await keys.press("Enter")
        assert await tab.locator("[role=menu] [role=menuitem]").first.evaluate(
            "item => item === document.activeElement"
        )
        await keys.press("Escape")
        assert await tab.locator("[role=menu]").count() == 0
        assert discord.complaints == []


async def test_what_is_missing_or_wrong_is_said_before_anything_is_sent(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        await tab.keyboard.type("/bark say ")
        await tab.keyboard.press("Enter")
        await tab.get_by_text("This option is required. Specify a value.").wait_for()
        await tab.keyboard.type("hi seed:")
        await tab.keyboard.type("seven")
        await tab.keyboard.press("Enter")
        await tab.get_by_text("Input a valid number.").wait_for()
        await tab.keyboard.press("Escape")
        await tab.keyboard.press("Escape")
        assert await tab.locator("#composer textarea").is_visible()
        assert discord.channel_messages(discord.general) == []


async def test_buttons_modals_and_private_answers(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        await tab.get_by_role("button", name="Try: /bark say hello").click()
        await tab.get_by_role("button", name="Edit").click()
        dialog = tab.get_by_role("dialog")
        assert await dialog.locator("textarea").first.input_value() == "hello"
        for _ in range(12):  # the focus stays inside, or on the browser's own things
            await tab.keyboard.press("Tab")
            assert await tab.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
        await tab.keyboard.press("Escape")
        assert await tab.locator("dialog[open]").count() == 0
        await tab.get_by_role("button", name="Edit").click()
        await dialog.locator("textarea").first.fill("good bye")
        await dialog.get_by_role("button", name="Submit").click()
        await tab.locator(".message .player").nth(1).wait_for()
        assert await tab.locator("dialog[open]").count() == 0
        await tab.get_by_role("button", name="More", exact=True).first.click()
        private = tab.locator(".message.ephemeral")
        await private.get_by_text("Only you can see this").wait_for()
        await tab.get_by_role("radio", name="Bob").check(force=True)
        await private.wait_for(state="detached")
        await tab.locator(".message .player").nth(1).wait_for()
        await tab.get_by_role("radio", name="Alice").check(force=True)
        await private.get_by_role("button", name="Dismiss message").click()
        assert await private.count() == 0
        assert discord.complaints == []


async def test_a_command_that_needs_nothing_is_sent_by_enter_and_its_options_are_searched(
    browser: Any, tmp_path: Path
) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        keys, sent = tab.keyboard, tab.locator(".message .used")
        await keys.type("/bark queue ")
        await keys.press("Enter")
        await sent.first.wait_for()
        await keys.type("/bark say hello")
        await keys.press("Tab")  # to the options that are left
        await keys.type("see")
        await keys.press("Enter")
        await keys.type("7")
        await keys.press("Enter")
        await tab.locator(".message .player").wait_for()
        (message,) = discord.channel_messages(discord.general)
        assert "seed 7 " in message.content
        assert discord.complaints == []


async def test_a_menu_of_channels_for_a_moderator(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        await tab.get_by_role("radio", name="Morgan").check(force=True)
        await tab.locator("#hints button").first.wait_for()
        await tab.locator("#composer textarea").fill("/bark server ")
        await tab.keyboard.press("Enter")
        await tab.locator(".select").first.click()
        await tab.get_by_role("menuitemcheckbox", name="bots").click()
        await tab.get_by_role("menuitem", name="Done").click()
        await tab.locator(".message .text .mention", has_text="#bots").wait_for()
        assert discord.complaints == []


async def test_a_select_menu_and_a_message_command(browser: Any) -> None:
    async with Loopback() as discord, Page(discord) as page, running(discord, Kennel()), window(browser, page) as tab:
        await tab.keyboard.type("/bark say words")
        await tab.keyboard.press("Enter")
        await tab.get_by_role("button", name="Make a selection").click()
        await tab.keyboard.press("ArrowDown")
        await tab.keyboard.press("Enter")
        await tab.get_by_text("chosen loud", exact=True).wait_for()
        row = tab.locator(".message", has_text="words v2/en_speaker_6 0")
        await row.click(button="right", position={"x": 300, "y": 8})
        await tab.get_by_role("menuitem", name="Speak this").click()
        await tab.get_by_text("spoken: words v2/en_speaker_6 0", exact=True).wait_for()


async def test_hostile_words_stay_words(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        discord.user("bob").write(HOSTILE)
        discord.user("bob").write("> quoted\n```\n<b>code</b>\n```\n<t:0:R> <@1> <@&2> https://example.org/?a=<b>")
        text = tab.locator(".message .text").first
        assert await text.inner_text() == HOSTILE.replace("**", "").replace("||", "")
        await tab.locator("pre", has_text="<b>code</b>").wait_for()
        assert await tab.locator("#list img[src=x], #list script, #list [onerror], #list b").count() == 0
        assert await tab.locator("#list a").evaluate_all("links => links.map(link => link.protocol)") == ["https:"]
        assert await text.locator("strong").inner_text() == "bold"
        await tab.locator(".spoiler").click()
        assert "barkbot demo" in await tab.title()


async def test_what_is_spoken_in_voice_is_heard(browser: Any) -> None:
    async with Loopback() as discord, Page(discord) as page, window_without_hints(browser, page) as tab:
        connector = aiohttp.TCPConnector(ssl=discord.voice.ssl_context())
        async with running(discord, Kennel(connector=connector)) as client:
            await tab.get_by_role("button", name="Voice channel Voice").click()
            await tab.get_by_text("You hear the decrypted stream").wait_for()
            voice = await join(discord, client, VoiceClient)
            assert await voice.until_encrypted(5)
            ended = play(voice, opus_packets(1.0))
            await tab.locator(".inside.bot.speaking").wait_for()
            assert await ended is None
            await tab.locator(".inside.bot:not(.speaking)").wait_for()
            assert int(await tab.locator("#voice-panel").get_attribute("data-heard")) > 40
            await tab.get_by_role("button", name="Leave the voice channel").click()
            await tab.locator("#voice-panel").wait_for(state="hidden")


@contextlib.asynccontextmanager
async def window_without_hints(browser: Any, page: Page) -> AsyncIterator[Any]:
    """A window before there is a bot, and so no command to hint at."""
    context = await browser.new_context()
    tab = await context.new_page()
    tab.set_default_timeout(15_000)
    await tab.goto(page.url)
    yield tab
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_themes_follow_the_system_and_the_button_and_are_readable(
    browser: Any, tmp_path: Path, scheme: str
) -> None:
    async with on_page(browser, tmp_path, color_scheme=scheme, reduced_motion="reduce") as (_, tab):
        await tab.get_by_role("button", name="Try: /bark say hello").click()
        await tab.get_by_role("button", name="More", exact=True).click()
        await tab.get_by_text("Only you can see this").wait_for()
        ground = "getComputedStyle(document.body).backgroundColor"
        assert await tab.evaluate(ground) == {"light": "rgb(255, 255, 255)", "dark": "rgb(31, 32, 38)"}[scheme]
        assert await tab.evaluate(CONTRAST) == []
        before = await tab.evaluate(ground)
        await tab.locator("#theme").click()
        assert await tab.evaluate(ground) != before
        assert await tab.evaluate(CONTRAST) == []
        await tab.reload()
        assert await tab.evaluate(ground) != before


async def test_it_fits_a_phone(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path, viewport={"width": 360, "height": 640}, has_touch=True) as (_, tab):
        await tab.get_by_role("button", name="Try: /bark say hello").tap()
        await tab.locator(".message .player").wait_for()
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await tab.get_by_role("button", name="Channels and people").tap()
        await tab.get_by_role("button", name="bots").tap()
        await tab.get_by_role("heading", name="#bots", exact=True).wait_for()
        await tab.locator("#sidebar").wait_for(state="hidden")


async def test_commands_are_called_as_the_person_reads(browser: Any, tmp_path: Path) -> None:
    async with on_page(browser, tmp_path) as (discord, tab):
        localised = any("description_localizations" in str(command) for command in discord.commands.all(None))
        if not localised:
            pytest.skip("the bot has synced one language only")
        await tab.keyboard.type("/")
        suggested = tab.locator("#popup [role=option]")
        english = await suggested.all_inner_texts()
        await tab.keyboard.press("Escape")
        await tab.locator("#language").select_option("de")
        await tab.locator("#hints button").first.wait_for()
        await tab.locator("#composer textarea").fill("/")
        await suggested.first.wait_for()
        assert await suggested.all_inner_texts() != english
