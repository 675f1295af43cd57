"""The REST side: errors, deadlines, nonces, uploads, permissions, and complaints about misuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from bot.loopback.interactions import Interaction, Kind
from bot.loopback.point import point_discord_at
from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from tests.bot.loopback.conftest import HandClock
from tests.bot.loopback.kennel import Kennel

NOBODY = {"parse": []}


class Raw:
    """A client without manners: any method, any path, any body."""

    def __init__(self, discord_: Loopback, session: aiohttp.ClientSession) -> None:
        self._discord = discord_
        self._session = session

    async def __call__(self, method: str, path: str, body: Any = None, *, token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {token or self._discord.token}"}
        url = self._discord.api_url + path
        async with self._session.request(method, url, json=body, headers=headers) as response:
            if response.status == 204:
                return 204, None
            assert response.headers["Content-Type"] == "application/json"
            return response.status, await response.json()


@pytest.fixture
async def raw(discord_: Loopback) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session:
        yield Raw(discord_, session)


def asked(discord_: Loopback, *, dm: bool = False) -> Interaction:
    """An interaction that no bot has heard of, for answering by hand."""
    alice = discord_.user("alice")
    here = alice.dm if dm else discord_.world.general
    data = {"id": "1", "name": "bark", "type": 1}
    return discord_.interactions.open(Kind.COMMAND, alice.person, here, data)


def callback(interaction: Interaction) -> str:
    return f"/interactions/{interaction.id}/{interaction.token}/callback?with_response=1"


def original(discord_: Loopback, interaction: Interaction) -> str:
    return f"/webhooks/{discord_.application_id}/{interaction.token}/messages/@original"


def codes(answer: tuple[int, Any]) -> tuple[int, int]:
    return answer[0], answer[1]["code"]


async def test_a_wrong_token_is_a_login_failure(discord_: Loopback):
    with point_discord_at(discord_.api_url, discord_.gateway_url):
        async with Kennel() as client:
            with pytest.raises(discord.LoginFailure):
                await client.login("wrong")


async def test_an_acknowledgement_after_3_s_is_10062(discord_: Loopback, raw: Raw, clock: HandClock):
    interaction = asked(discord_)
    clock.now += 3.01
    assert codes(await raw("POST", callback(interaction), {"type": 5})) == (404, 10062)
    assert discord_.complaints.pop().startswith("acknowledgement of interaction")


async def test_a_second_acknowledgement_is_40060(discord_: Loopback, raw: Raw, clock: HandClock):
    interaction = asked(discord_)
    clock.now += 2.99
    status, body = await raw("POST", callback(interaction), {"type": 5})
    assert (status, body["interaction"]["response_message_loading"]) == (200, True)
    assert codes(await raw("POST", callback(interaction), {"type": 5})) == (400, 40060)
    assert discord_.complaints.pop().startswith("second acknowledgement")


async def test_the_token_dies_after_15_min(discord_: Loopback, raw: Raw, clock: HandClock):
    interaction = asked(discord_)
    await raw("POST", callback(interaction), {"type": 5})
    clock.now += 899
    edit = {"content": "in time", "allowed_mentions": NOBODY}
    assert (await raw("PATCH", original(discord_, interaction), edit))[0] == 200
    clock.now += 2
    assert codes(await raw("PATCH", original(discord_, interaction), {"content": "late"})) == (401, 50027)
    assert discord_.complaints.pop().startswith("token of interaction")


async def test_the_first_followup_after_a_deferral_becomes_the_reply(discord_: Loopback, raw: Raw):
    interaction = asked(discord_)
    await raw("POST", callback(interaction), {"type": 5})
    followups = f"/webhooks/{discord_.application_id}/{interaction.token}"
    texts = [{"content": text, "allowed_mentions": NOBODY} for text in ("one", "two")]
    first = (await raw("POST", followups, texts[0]))[1]
    second = (await raw("POST", followups, texts[1]))[1]
    assert first["id"] == str(interaction.original.id)
    assert [message.content for message in discord_.channel_messages(discord_.general)] == ["one", "two"]
    assert (await raw("DELETE", f"{followups}/messages/{second['id']}"))[0] == 204
    assert codes(await raw("GET", f"{followups}/messages/{second['id']}")) == (404, 10008)


async def test_messages_of_another_interaction_are_out_of_reach(discord_: Loopback, raw: Raw):
    mine, other = asked(discord_), asked(discord_)
    for interaction in (mine, other):
        await raw("POST", callback(interaction), {"type": 5})
    path = f"/webhooks/{discord_.application_id}/{mine.token}/messages/{other.original.id}"
    assert codes(await raw("GET", path)) == (404, 10008)


async def test_a_body_that_is_no_json_is_50109(discord_: Loopback):
    headers = {"Authorization": f"Bot {discord_.token}", "Content-Type": "application/json"}
    url = f"{discord_.api_url}/channels/{discord_.general}/messages"
    async with aiohttp.ClientSession() as session, session.post(url, data="{", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)
    assert "50109" in discord_.complaints.pop()


async def test_unknown_channels_and_messages_are_told_apart(discord_: Loopback, raw: Raw):
    assert codes(await raw("GET", "/channels/5/messages")) == (404, 10003)
    assert codes(await raw("GET", f"/channels/{discord_.general}/messages/5")) == (404, 10008)


async def test_the_bot_cannot_edit_what_others_wrote(discord_: Loopback, raw: Raw):
    message = discord_.user("alice").write("mine")
    path = f"/channels/{discord_.general}/messages/{message.id}"
    assert codes(await raw("PATCH", path, {"content": "yours"})) == (403, 50005)
    assert message.content == "mine"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": "x" * 2001, "allowed_mentions": NOBODY}, 50035),
        ({"content": ""}, 50006),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, 50035),
        ({"content": "x", "allowed_mentions": NOBODY, "nonce": "n" * 26, "enforce_nonce": True}, 50035),
        ({"flags": 8192, "attachments": []}, 50160),
        ({"attachments": "none"}, 50035),
    ],
)
async def test_an_invalid_message_is_refused_and_not_posted(discord_: Loopback, raw: Raw, body, code):
    assert codes(await raw("POST", f"/channels/{discord_.general}/messages", body)) == (400, code)
    assert discord_.channel_messages(discord_.general) == []
    assert str(code) in discord_.complaints[-1]
    discord_.complaints.clear()


async def test_misuse_is_written_down(discord_: Loopback, raw: Raw):
    assert (await raw("GET", "/channels/1/kennels"))[0] == 404
    await raw("POST", f"/channels/{discord_.general}/messages", {"content": "@everyone"})
    assert codes(await raw("POST", "/interactions/1/none/callback", {"type": 5})) == (404, 10062)
    unknown, mentions, callback_ = discord_.complaints
    discord_.complaints.clear()
    assert unknown == "unknown route GET /api/v10/channels/1/kennels"
    assert mentions.endswith("allowed_mentions.parse is not empty")
    assert callback_ == "callback for the unknown interaction 1"


async def test_requests_are_held_against_the_description(discord_: Loopback, raw: Raw, schema: Schema | None):
    if schema is None:
        pytest.skip("Discord's OpenAPI description is not on this machine")
    interaction = asked(discord_)
    await raw("POST", callback(interaction), {"type": 5, "data": {"ephemeral": True}})
    await raw("PATCH", original(discord_, interaction), {"components": [{"type": 1, "components": [{"type": 2}]}]})
    misspelt, incomplete, *_ = discord_.complaints
    discord_.complaints.clear()
    assert "ephemeral" in misspelt
    assert "style" in incomplete


async def test_its_own_answers_fit_the_description(discord_: Loopback, raw: Raw, schema: Schema | None):
    if schema is None:
        pytest.skip("Discord's OpenAPI description is not on this machine")
    application = f"/applications/{discord_.application_id}"
    command = {"name": "woof", "description": "Bark"}
    guild_commands = f"{application}/guilds/{discord_.guild_id}/commands"
    made = (await raw("POST", guild_commands, command))[1]
    changed = await raw("PATCH", f"{guild_commands}/{made['id']}", {"description": "Bark loudly"})
    assert (changed[1]["id"], changed[1]["description"]) == (made["id"], "Bark loudly")
    message = discord_.user("alice").write("hello")
    paths = [
        "/users/@me",
        "/applications/@me",
        "/oauth2/applications/@me",
        "/gateway",
        "/gateway/bot",
        guild_commands,
        f"{guild_commands}/{made['id']}",
        f"{application}/commands",
        *(f"/channels/{channel}" for channel in discord_.world.channels if channel != discord_.private),
        f"/channels/{discord_.general}/messages",
        f"/channels/{discord_.general}/messages/{message.id}",
    ]
    assert [(await raw("GET", path))[0] for path in paths] == [200] * len(paths)
    assert (await raw("POST", "/users/@me/channels", {"recipient_id": str(discord_.user("bob").id)}))[0] == 200
    assert (await raw("POST", f"/channels/{discord_.general}/typing"))[0] == 204
    assert (await raw("DELETE", f"{guild_commands}/{made['id']}"))[0] == 204
    assert (await raw("GET", guild_commands))[1] == []
