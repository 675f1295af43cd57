"""A person's client in a voice channel: a member of the encrypted group with a `davey` session of its own, who hears the bot."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.loopback.payloads import Json
from bot.loopback.rtp import Packet
from bot.loopback.voice_session import Op

if TYPE_CHECKING:
    from bot.loopback.dave import Group

KEPT = 15_000  # packets: five minutes


class Listener:
    """Sits in one channel. `packets` is what was heard, as Opus; `lost` counts what could not be decrypted.

    commits   False: leaves it to the others to make the group's epochs
    heard     called with each packet, for whoever wants to hear it now
    """

    def __init__(self, user_id: int, channel_id: int) -> None:
        self.user_id = user_id
        self.channel_id = channel_id
        self.packets: deque[Packet] = deque(maxlen=KEPT)
        self.lost = 0
        self.commits = True
        self.heard: Callable[[Packet], None] = lambda _: None
        self.session: Any = None  # davey.DaveSession; None without encryption
        self._group: Group | None = None
        self._others: set[int] = set()

    @property
    def ready(self) -> bool:
        """Whether it can decrypt, or has not to."""
        return self._group is not None and (
            not self._group.version or (self.session is not None and self.session.ready)
        )

    def enter(self, group: Group) -> None:
        """Connects; does nothing where it is connected already."""
        if self._group is None:
            self._group = group
            group.join(self)
            if group.version:
                self._start(group)

    def leave(self) -> None:
        """Disconnects. What it knows it keeps."""
        if self._group is not None:
            self._group.leave(self.user_id)
            self._group = None

    def hear(self, speaker: int, packet: Packet) -> None:
        """Takes a packet that the server passes on."""
        opus = self.decrypt(speaker, packet.payload)
        if opus is None:
            self.lost += 1
            return
        packet = dataclasses.replace(packet, payload=opus)
        self.packets.append(packet)
        self.heard(packet)

    def decrypt(self, speaker: int, payload: bytes) -> bytes | None:
        """The Opus packet in it, None if this listener cannot know."""
        if self.session is None:
            return payload
        import davey  # noqa: PLC0415 - as below

        try:
            return bytes(self.session.decrypt(speaker, davey.MediaType.audio, payload))
        except ValueError:
            return None

    def say(self, op: Op, data: Json) -> None:
        """Takes a message, after those before it and never inside of the group's own work."""
        asyncio.get_running_loop().call_soon(self._heed, op, data)

    def say_bytes(self, op: Op, payload: bytes) -> None:
        """The same in binary."""
        asyncio.get_running_loop().call_soon(self._heed_bytes, op, payload)

    def _start(self, group: Group) -> None:
        import davey  # noqa: PLC0415 - a demo in whose voice channel nobody speaks does not pay for it

        if self.session is None:
            self.session = davey.DaveSession(group.version, self.user_id, self.channel_id)
        else:
            self.session.reinit(group.version, self.user_id, self.channel_id)
        group.offer(self.user_id, self.session.get_serialized_key_package())

    def _heed(self, op: Op, data: Json) -> None:
        group = self._group
        if group is None:
            return
        if op is Op.CLIENTS_CONNECT:
            self._others |= {int(user_id) for user_id in data["user_ids"]}
        elif op is Op.CLIENT_DISCONNECT:
            self._others.discard(int(data["user_id"]))
        elif op is Op.PREPARE_EPOCH:
            self._start(group)
        elif op is Op.PREPARE_TRANSITION and data["transition_id"]:
            if self.session is not None:
                self.session.set_passthrough_mode(passthrough_mode=True)
            group.ready(self.user_id, data["transition_id"])

    def _heed_bytes(self, op: Op, payload: bytes) -> None:
        group = self._group
        if group is None:
            return
        if op is Op.EXTERNAL_SENDER:
            self.session.set_external_sender(payload)
        elif op is Op.PROPOSALS:
            self._answer_proposals(group, payload)
        elif op in (Op.ANNOUNCE_COMMIT, Op.WELCOME):
            number, message = int.from_bytes(payload[:2]), payload[2:]
            try:
                (self.session.process_welcome if op is Op.WELCOME else self.session.process_commit)(message)
            except ValueError:
                group.flag(self.user_id)
                self._start(group)
            else:
                group.ready(self.user_id, number)

    def _answer_proposals(self, group: Group, payload: bytes) -> None:
        import davey  # noqa: PLC0415 - as above

        kinds = davey.ProposalsOperationType
        kind = kinds.revoke if payload[0] else kinds.append
        try:
            answer = self.session.process_proposals(kind, payload[1:], sorted(self._others | {self.user_id}))
        except ValueError:
            return  # for the group it has just given up
        if answer is not None and self.commits:
            group.commit(self.user_id, answer.commit + (answer.welcome or b""))
