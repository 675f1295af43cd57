"""Another implementation in the group: `sorrydave`, in Python on `rfc9420`, hears the bot as davey's own listeners do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.loopback.dave import Group
from bot.loopback.rtp import SILENCE
from bot.loopback.server import Loopback
from bot.loopback.voice_session import Op
from bot.voice_client import VoiceClient
from tests.bot.loopback.kennel import Kennel, running
from tests.bot.loopback.voices import join, opus_packets, play

sorrydave = pytest.importorskip("sorrydave", reason="the second opinion comes with the dev extra")


class Opinion:
    """A member that never commits: sorrydave 0.10.7 makes welcomes that davey calls malformed."""

    def __init__(self, user_id: int, group: Group) -> None:
        self.user_id = user_id
        self.session: Any = sorrydave.DaveSession(local_user_id=user_id, channel_id=group.channel_id)
        self.group = group
        package = self.session.prepare_epoch(1)[1:]
        group.join(self)
        group.offer(user_id, package)

    def say(self, op: Op, data: Any) -> None:
        if op is Op.CLIENTS_CONNECT:
            self.session.add_expected_members(data["user_ids"])
        elif op is Op.CLIENT_DISCONNECT:
            self.session.remove_expected_member(data["user_id"])
        elif op is Op.EXECUTE_TRANSITION:
            self.session.execute_transition(data["transition_id"])

    def say_bytes(self, op: Op, payload: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._heed, op, payload)

    def _heed(self, op: Op, payload: bytes) -> None:
        frame, number = b"\0\0" + bytes([op]) + payload, int.from_bytes(payload[:2])
        if op is Op.EXTERNAL_SENDER:
            self.session.handle_external_sender_package(frame)
        elif op is Op.PROPOSALS:
            self.session.apply_proposals(frame)
        elif op is Op.ANNOUNCE_COMMIT:
            self.session.handle_commit(number, payload[2:])
            self.group.ready(self.user_id, number)
        elif op is Op.WELCOME:
            self.session.handle_welcome(number, payload[2:])
            self.group.ready(self.user_id, number)


@pytest.fixture
async def client(discord_: Loopback) -> AsyncIterator[Kennel]:
    connector = aiohttp.TCPConnector(ssl=discord_.voice.ssl_context())
    async with running(discord_, Kennel(connector=connector)) as client:
        yield client


async def test_another_implementation_hears_the_very_packets(discord_: Loopback, client: Kennel):
    voice = await join(discord_, client, VoiceClient)
    group = discord_.voice.group
    other = Opinion(discord_.world.person("other").id, group)
    await discord_.until(lambda: other.user_id in group.insiders and group.settled)
    alice = discord_.user("alice").join_voice()  # it follows a commit, too
    await discord_.until(lambda: alice.user_id in group.insiders and group.settled)
    assert other.session.get_epoch_authenticator() == alice.session.voice_privacy_code == voice.voice_privacy_code
    speech = opus_packets(0.1)
    await asyncio.wait_for(play(voice, speech), 5)
    await discord_.until(lambda: len(discord_.voice.packets) == len(speech) + 5)
    frames = [packet.payload for packet in discord_.voice.packets if packet.payload != SILENCE]
    assert [other.session.decrypt_frame(frame, discord_.application_id) for frame in frames] == speech
    discord_.user("alice").leave_voice()
    await discord_.until(lambda: set(group.insiders) == {discord_.application_id, other.user_id} and group.settled)
    assert other.session.get_epoch_authenticator() == voice.voice_privacy_code != alice.session.voice_privacy_code
