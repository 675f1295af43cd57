"""The demo's page from the outside: real HTTP and a real WebSocket, with the real bot behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.loopback.server import Loopback
from bot.loopback.wire import Upload
from bot.loopback.world import Permissions
from bot.page.deeds import DEEDS
from bot.page.server import Page
from bot.voice_client import VoiceClient
from tests.bot.harness import bot_on
from tests.bot.loopback.kennel import Kennel, running
from tests.bot.loopback.voices import join, opus_packets, play

Event = dict[str, Any]
STATIC = {file.name: file.read_text("utf-8") for file in (resources.files("bot.page") / "static").iterdir()}
HOSTILE = "<img src=x onerror=alert(1)> \x00 \u202e <script>alert(1)</script> ||<b>||"


class Tab:
    """An open page without a browser: what it was told, and what it does."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket, self.events, self.sound = socket, [], []
        self._number = 0

    async def until(self, found: Callable[[Event], Any], within: float = 10) -> Any:
        """The first true value among the events, those that were there already included."""
        async with asyncio.timeout(within):
            seen = 0
            while True:
                for event in self.events[seen:]:
                    if value := found(event):
                        return value
                seen = len(self.events)
                await self.hear()

    async def hear(self) -> None:
        """One more frame."""
        frame = await self.socket.receive()
        if frame.type is aiohttp.WSMsgType.BINARY:
            self.sound.append(frame.data)
        else:
            self.events.append(frame.json())

    async def do(self, deed: str, **fields: Any) -> Event:
        """Do something; the answer."""
        self._number += 1
        number = self._number
        await self.socket.send_json({"do": deed, "number": number} | fields)
        return await self.until(lambda event: event["event"] == "answer" and event["to"] == number and event)

    async def place(self) -> Event:
        """The newest place."""
        await self.until(lambda event: event["event"] == "seen")
        return [event for event in self.events if event["event"] == "place"][-1]

    async def message(self, fits: Callable[[Event], Any], within: float = 20) -> Event:
        """The first message, in any of its versions, that fits."""
        return await self.until(
            lambda event: event["event"] == "message" and fits(event["message"]) and event["message"], within
        )


@contextlib.asynccontextmanager
async def tab(page: Page, who: str = "alice", **headers: str) -> AsyncIterator[Tab]:
    origin = {"Origin": page.url.rstrip("/")} | headers
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{page.url}live", params={"as": who}, headers=origin) as socket,
    ):
        yield Tab(socket)


@contextlib.asynccontextmanager
async def all_of_it(folder: Path) -> AsyncIterator[tuple[Loopback, Page]]:
    async with Loopback() as discord, Page(discord) as page, bot_on(discord, folder):
        yield discord, page


def channel(place: Event, name: str) -> str:
    return next(one["id"] for one in place["channels"] if one["name"] == name)


async def test_a_command_of_the_page_brings_the_audio(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (discord, page), tab(page) as alice, aiohttp.ClientSession() as session:
        general = channel(await alice.place(), "general")
        answer = await alice.do("use", channel=general, path=["bark", "say"], options={"text": "hello", "seed": 7})
        message = await alice.message(lambda message: message["attachments"])
        assert message["used"] == {"by": str(discord.user("alice").id), "what": "/bark say"}
        assert message["interaction_metadata"]["id"] == answer["interaction"]
        assert await alice.message(lambda message: message["flags"] & 1 << 7)  # it was seen thinking
        file = message["attachments"][0]
        assert file["url"].startswith("/files/")
        async with session.get(page.url.rstrip("/") + file["url"]) as whole:
            data = await whole.read()
            assert whole.content_type == "audio/ogg"
            assert data.startswith(b"OggS")
        async with session.get(page.url.rstrip("/") + file["url"], headers={"Range": "bytes=4-99"}) as part:
            assert part.status == 206
            assert await part.read() == data[4:100]
        assert discord.complaints == []


async def test_the_commands_are_those_that_were_synced_and_fit_the_person(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (discord, page), tab(page) as alice, tab(page, "morgan") as morgan:
        place = await alice.place()
        synced = {command["id"]: command for command in discord.commands.all(None)}
        assert place["commands"]
        for command in place["commands"]:
            channels = command.pop("channels")
            assert command == synced[command["id"]]
            assert channel(place, "general") in channels or command["default_member_permissions"]
        assert [person["name"] for person in (await morgan.place())["people"] if person["moderator"]] == ["morgan"]


async def test_the_voice_field_is_completed_by_the_bot(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (_, page), tab(page) as alice:
        general = channel(await alice.place(), "general")
        fields = {"channel": general, "path": ["bark", "say"], "options": {"text": "x"}, "focused": "voice"}
        async with asyncio.timeout(10):
            while not (found := await alice.do("complete", typed="de", **fields)).get("choices"):
                pass  # the synth process is still starting
        assert "v2/de_speaker_1" in [choice["value"] for choice in found["choices"]]


async def test_a_modal_is_opened_filled_and_sent(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (_, page), tab(page) as alice:
        general = channel(await alice.place(), "general")
        await alice.do("use", channel=general, path=["bark", "say"], options={"text": "hello"})
        message = await alice.message(lambda message: message["attachments"])
        buttons = [button for row in message["components"] for button in row["components"]]
        edit = next(button["custom_id"] for button in buttons if ":edit:" in button["custom_id"])
        modal = (await alice.do("press", message=message["id"], custom_id=edit))["modal"]
        fields = [label["component"] for label in modal["components"]]
        values = {field["custom_id"]: field.get("value") or "" for field in fields}
        values[fields[0]["custom_id"]] = "something else"
        assert "error" not in await alice.do("submit", modal=modal["number"], values=values)
        again = await alice.message(lambda other: other["attachments"] and other["id"] != message["id"])
        assert again["channel_id"] == general


async def test_what_only_one_person_may_see_only_that_person_sees(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (discord, page), tab(page) as alice, tab(page, "bob") as bob:
        place = await alice.place()
        general, dm = channel(place, "general"), channel(place, "barkbot")
        assert dm not in [one["id"] for one in (await bob.place())["channels"]]
        await alice.do("use", channel=general, path=["bark", "say"], options={"text": "   "})
        private = await alice.message(lambda message: message["flags"] & 1 << 6)
        refused = await bob.do("press", message=private["id"], custom_id="x")
        assert refused["error"] == "This message is not there any more."
        assert "no such channel" in (await bob.do("write", channel=dm, content="hi"))["error"]
        await alice.do("write", channel=general, content="for all")
        assert await bob.message(lambda message: message["content"] == "for all")
        assert private["id"] not in [event["message"]["id"] for event in bob.events if event["event"] == "message"]
        discord.messages.delete(discord.messages.get(discord.channel_messages(discord.general)[-1].id))
        assert await bob.until(lambda event: event["event"] == "gone")


async def test_a_bot_that_does_not_answer_is_told_in_discords_words() -> None:
    async with Loopback() as discord, Page(discord) as page, tab(page) as alice:
        text = {"type": 3, "name": "text", "description": "words", "required": True}
        say = {"type": 1, "name": "say", "description": "speak", "options": [text]}
        discord.commands.sync(
            None, [{"name": "bark", "description": "speech", "options": [say]}]
        )  # by a bot that is gone
        general = channel(await alice.place(), "general")
        answer = await alice.do("use", channel=general, path=["bark", "say"], options={"text": "x"})
        assert answer["error"] == "The application did not respond"


async def test_a_file_goes_along(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (discord, page), tab(page) as alice, aiohttp.ClientSession() as session:
        headers = {"Origin": page.url.rstrip("/")}
        async with session.post(f"{page.url}upload", params={"name": "a.txt"}, data=b"hi", headers=headers) as answer:
            token = (await answer.json())["file"]
        place = await alice.place()
        (bark,) = (command for command in place["commands"] if command["name"] == "bark")
        taking = [
            (sub["name"], option["name"])
            for sub in bark["options"]
            for option in sub.get("options", [])
            if option["type"] == 11
        ]
        for name, option in taking:
            fields = {"channel": channel(place, "general"), "path": ["bark", name]}
            assert "error" not in await alice.do("use", options={option: token}, **fields)
            assert "did not arrive" in (await alice.do("use", options={option: "nothing"}, **fields))["error"]
        assert discord.complaints == []


async def test_the_page_hears_what_the_bot_says_in_voice() -> None:
    speech = opus_packets(0.1)
    async with Loopback() as discord, Page(discord) as page, tab(page) as alice, tab(page) as again:
        connector = aiohttp.TCPConnector(ssl=discord.voice.ssl_context())
        async with running(discord, Kennel(connector=connector)) as client:
            room = channel(await alice.place(), "Voice")
            await alice.do("join", channel=room)
            voice = await join(discord, client, VoiceClient)
            assert await voice.until_encrypted(5)
            assert await asyncio.wait_for(play(voice, speech), 5) is None
            for one in (alice, again):  # both are alice
                async with asyncio.timeout(5):
                    while len(one.sound) < len(speech):
                        await one.hear()
                assert [frame[4:] for frame in one.sound][: len(speech)] == speech
                stamps = [int.from_bytes(frame[:4]) for frame in one.sound][: len(speech)]
                assert {later - earlier for earlier, later in itertools.pairwise(stamps)} == {960}
            inside = next(one["inside"] for one in (await alice.place())["channels"] if one["id"] == room)
            assert inside == [str(discord.user("alice").id), str(discord.application_id)]
            await alice.do("leave")
            assert discord.user("alice").id not in discord.world.voice_states


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
async def test_foreign_pages_get_nothing(headers: dict[str, str]) -> None:
    async with Loopback() as discord, Page(discord) as page, aiohttp.ClientSession() as session:
        for path in ("", "static/main.js", "files/1"):
            async with session.get(page.url + path, headers=headers) as answer:
                assert answer.status == 403
        async with session.post(f"{page.url}upload", data=b"x", headers=headers) as answer:
            assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(f"{page.url}live", headers={"Origin": page.url.rstrip("/")} | headers)


async def test_without_an_origin_there_is_no_socket_and_no_upload() -> None:
    async with Loopback() as discord, Page(discord) as page, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(f"{page.url}live")
        async with session.post(f"{page.url}upload", data=b"x") as answer:
            assert answer.status == 403


async def test_every_answer_forbids_what_the_page_does_not_need() -> None:
    async with Loopback() as discord, Page(discord) as page, aiohttp.ClientSession() as session:
        for path in ("", "static/style.css", "static/main.js", "nothing", "static/..%2Fserver.py"):
            async with session.get(page.url + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
                assert "unsafe" not in policy
                assert "require-trusted-types-for 'script'" in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.status == (200 if path in {"", "static/main.js"} else 404)


async def test_a_file_can_run_nothing() -> None:
    async with Loopback() as discord, Page(discord) as page, aiohttp.ClientSession() as session:
        upload = Upload(filename="x.html", content_type="text/html", data=b"<script>alert(1)</script>")
        file = discord.messages.store_file(upload, {})
        async with session.get(f"{page.url}files/{file.id}") as answer:
            assert answer.content_type == "application/octet-stream"
            assert answer.headers["Content-Disposition"] == "attachment"
            assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_hostile_words_arrive_as_they_are(tmp_path: Path) -> None:
    async with all_of_it(tmp_path) as (_, page), tab(page) as alice:
        general = channel(await alice.place(), "general")
        await alice.do("write", channel=general, content=HOSTILE)
        assert await alice.message(lambda message: message["content"] == HOSTILE)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.from_regex(r'\{"do": ?"(use|press|write|submit|join)".{0,60}\}').map(str.encode))
def test_no_bytes_are_taken_for_a_deed_that_is_none(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert DEEDS.validate_json(data).number is not None


async def test_nonsense_is_answered_and_the_page_lives_on() -> None:
    async with Loopback() as discord, Page(discord) as page, tab(page) as alice:
        for nonsense in ("", "null", "[]", '{"do": "use"}', '{"do": "write", "number": 1, "channel": "x"}', "\x00"):
            await alice.socket.send_str(nonsense)
        place = await alice.place()
        unknown = await alice.do("use", channel=channel(place, "general"), path=["nothing"], options={})
        assert "there is no command" in unknown["error"]
        answers = [event for event in alice.events if event["event"] == "answer"]
        assert len(answers) == 7
        assert all("error" in answer for answer in answers)
        assert discord.user("morgan").person.permissions & Permissions.MANAGE_MESSAGES


def test_the_static_files_name_nothing_outside() -> None:
    for name, text in STATIC.items():
        known = text.replace("http://www.w3.org/2000/svg", "")
        found = re.findall(r"(?:https?|wss?|data):[\w/@]+[^\s\"'`]*|//[a-z0-9-]+\.[a-z]+", known)
        assert [one for one in found if "${location.host}" not in one and "(" not in one] == [], name


def test_the_page_makes_no_html_of_words_and_knows_no_command() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|style="
    )
    for name, text in STATIC.items():
        assert not forbidden.search(text), name
        assert len(text.splitlines()) < 300, name
    commands = re.compile(r"\"(sing|sound|dialogue|takes|voices|queue|stats)\"")
    assert not [name for name, text in STATIC.items() if name.endswith(".js") and commands.search(text)]
