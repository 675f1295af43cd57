"""Messages as a real client makes them: nonces, edits, history, sizes, permissions, DMs, voice messages."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import discord
import pytest
import soundfile

from bot.loopback.server import Loopback
from bot.loopback.world import Permissions
from tests.bot.loopback.conftest import HandClock
from tests.bot.loopback.kennel import AUDIO, Kennel, audio_file, running


async def test_the_same_nonce_twice_is_one_message(discord_: Loopback, client: Kennel, clock: HandClock):
    channel = client.get_partial_messageable(discord_.general)
    first = await channel.send("hello", nonce="4711")
    again = await channel.send("hello", nonce="4711")
    elsewhere = await client.get_partial_messageable(discord_.second).send("hello", nonce="4711")
    assert first.id == again.id != elsewhere.id
    clock.now += 301
    late = await channel.send("hello", nonce="4711")
    assert [message.id for message in discord_.channel_messages(discord_.general)] == [first.id, late.id]


async def test_the_same_nonce_twice_is_two_messages_with_the_rule_off():
    async with Loopback(nonce_deduplication=False) as discord_, running(discord_, Kennel()) as client:
        channel = client.get_partial_messageable(discord_.general)
        await channel.send("hello", nonce="4711")
        await channel.send("hello", nonce="4711")
        assert len(discord_.channel_messages(discord_.general)) == 2


async def test_an_edit_keeps_the_files_it_does_not_mention_and_drops_the_unlisted(discord_: Loopback, client: Kennel):
    channel = client.get_partial_messageable(discord_.general)
    message = await channel.send("two files", files=[audio_file(b"one"), audio_file(b"two")])
    edited = await message.edit(content="still two")
    assert [await attachment.read() for attachment in edited.attachments] == [b"one", b"two"]
    edited = await edited.edit(attachments=[edited.attachments[1], audio_file(b"three")])
    assert [await attachment.read() for attachment in edited.attachments] == [b"two", b"three"]
    await edited.delete()
    with pytest.raises(discord.NotFound):
        await channel.fetch_message(message.id)


async def test_an_upload_without_a_list_is_added_to_what_is_there(discord_: Loopback, client: Kennel):
    message = await client.get_partial_messageable(discord_.general).send("one file", file=audio_file(b"one"))
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", "{}")
    form.add_field("files[0]", b"two", filename="two.ogg")
    url = f"{discord_.api_url}/channels/{discord_.general}/messages/{message.id}"
    headers = {"Authorization": f"Bot {discord_.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request("PATCH", url, data=form, headers=headers) as response,
    ):
        assert response.status == 200
    (stored,) = discord_.channel_messages(discord_.general)
    assert [attachment.data for attachment in stored.attachments] == [b"one", b"two"]


async def test_history_pages_in_both_directions(discord_: Loopback, client: Kennel):
    channel = client.get_partial_messageable(discord_.general)
    sent = [await channel.send(str(number)) for number in range(5)]
    assert [message.content async for message in channel.history(limit=2)] == ["4", "3"]
    assert [message.content async for message in channel.history(limit=2, before=sent[2])] == ["1", "0"]
    assert [message.content async for message in channel.history(limit=2, after=sent[1])] == ["2", "3"]


async def test_a_file_over_the_limit_of_the_interaction_is_413(discord_: Loopback, client: Kennel):
    small = await discord_.user("alice").slash("bark", "say", text="hello", upload_limit=len(AUDIO) - 1)
    await asyncio.wait_for(client.failed.wait(), 10)
    error = getattr(client.errors[0], "original", client.errors[0])
    assert (error.status, error.code) == (413, 40005)
    assert small.original.content == "hello: semantic"
    assert discord_.complaints.pop().endswith("40005 Request entity too large")
    enough = await discord_.user("alice").slash("bark", "say", text="hello", upload_limit=len(AUDIO))
    await enough.until(lambda message: message.attachments)


async def test_a_thread_inherits_what_is_denied_in_its_channel(discord_: Loopback, client: Kennel):
    discord_.deny(discord_.general, Permissions.SEND_MESSAGES_IN_THREADS)
    with pytest.raises(discord.Forbidden):
        await client.get_partial_messageable(discord_.thread).send("hello")
    await client.get_partial_messageable(discord_.general).send("hello")


async def test_permissions_are_per_channel(discord_: Loopback, client: Kennel):
    discord_.deny(discord_.general, Permissions.ATTACH_FILES)
    channel = client.get_partial_messageable(discord_.general)
    await channel.send("words only")
    with pytest.raises(discord.Forbidden) as caught:
        await channel.send("with a file", file=audio_file())
    assert caught.value.code == 50013
    await client.get_partial_messageable(discord_.second).send("elsewhere", file=audio_file())
    guild_channel = client.get_channel(discord_.general)
    assert not guild_channel.permissions_for(guild_channel.guild.me).attach_files


async def test_a_closed_dm_is_50007(discord_: Loopback, client: Kennel):
    alice = discord_.user("alice")
    alice.close_dms()
    with pytest.raises(discord.Forbidden) as caught:
        await (await client.create_dm(discord.Object(alice.id))).send("hello")
    assert caught.value.code == 50007


async def test_a_voice_message_needs_its_picture_and_an_audio_type(discord_: Loopback, client: Kennel):
    class VoiceFile(discord.File):
        def to_dict(self, index: int) -> dict[str, Any]:
            return super().to_dict(index) | {"duration_secs": 1.5, "waveform": "AAECAw=="}

    async def send(content_type: str) -> dict[str, Any]:
        file = VoiceFile(io.BytesIO(AUDIO), "voice-message.ogg")
        flags = discord.MessageFlags(voice=True)
        with discord.http.handle_message_parameters(file=file, flags=flags) as parameters:
            parameters.multipart[1]["content_type"] = content_type
            return await client.http.send_message(discord_.general, params=parameters)

    message = await send("audio/ogg")
    assert (message["flags"], message["attachments"][0]["waveform"]) == (8192, "AAECAw==")
    with pytest.raises(discord.HTTPException, match="content type"):
        await send("application/octet-stream")
    assert "content type" in discord_.complaints.pop()


async def test_voice_status_and_sounds_need_their_permissions(discord_: Loopback, client: Kennel):
    channel = client.get_channel(discord_.voice_channel)
    await channel.edit(status="Speaking")
    assert discord_.world.voice_channel.status == "Speaking"
    sound = await channel.guild.create_soundboard_sound(name="woof", sound=a_sound(5.0))
    assert sound.name == "woof" == discord_.world.sounds[0]["name"]
    discord_.deny(discord_.voice_channel, Permissions.SET_VOICE_CHANNEL_STATUS)
    with pytest.raises(discord.Forbidden):
        await channel.edit(status="Shouting")


@pytest.mark.parametrize(
    ("name", "seconds", "why"), [("w", 1.0, "2 and 32"), ("w" * 33, 1.0, "2 and 32"), ("woof", 5.5, "5.2 seconds")]
)
async def test_what_a_soundboard_does_not_take(discord_: Loopback, client: Kennel, name: str, seconds: float, why: str):
    guild = client.get_guild(discord_.guild_id)
    with pytest.raises(discord.HTTPException, match=why):
        await guild.create_soundboard_sound(name=name, sound=a_sound(seconds))
    assert discord_.world.sounds == []
    discord_.complaints.clear()


async def test_what_is_no_audio_is_no_sound(discord_: Loopback, client: Kennel):
    with pytest.raises(discord.HTTPException, match="no audio"):
        await client.get_guild(discord_.guild_id).create_soundboard_sound(name="woof", sound=b"ID3" + AUDIO)
    discord_.complaints.clear()


async def test_a_voice_message_holds_nothing_else_and_stays_as_it_is(discord_: Loopback, client: Kennel):
    class VoiceFile(discord.File):
        def to_dict(self, index: int) -> dict[str, Any]:
            return super().to_dict(index) | {"duration_secs": 1.5, "waveform": "AAECAw=="}

    async def send(**more: Any) -> dict[str, Any]:
        file, flags = VoiceFile(io.BytesIO(AUDIO), "voice-message.ogg"), discord.MessageFlags(voice=True)
        with discord.http.handle_message_parameters(file=file, flags=flags, **more) as parameters:
            parameters.multipart[1]["content_type"] = "audio/ogg"
            return await client.http.send_message(discord_.general, params=parameters)

    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Again", custom_id="again"))
    for more in ({"content": "words"}, {"view": view}):
        with pytest.raises(discord.HTTPException, match="additional content"):
            await send(**more)
    message = await send()
    place = client.get_partial_messageable(discord_.general)
    with pytest.raises(discord.HTTPException, match="cannot be edited"):
        await place.get_partial_message(int(message["id"])).edit(content="words")
    discord_.complaints.clear()
    discord_.deny(discord_.general, Permissions.SEND_VOICE_MESSAGES)
    with pytest.raises(discord.Forbidden):
        await send()


def a_sound(seconds: float) -> bytes:
    """An MP3 file of silence, with the tag that discord.py looks for."""
    buffer = io.BytesIO()
    soundfile.write(buffer, [0.0] * int(seconds * 24_000), 24_000, format="MP3")
    return b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + buffer.getvalue()  # ten bytes of padding: an empty tag is none
