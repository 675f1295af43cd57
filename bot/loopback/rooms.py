"""The voice channels from the inside: who sits there, each channel's encrypted group, and who hears what the bot plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.loopback.listener import Listener
from bot.loopback.rtp import Packet
from bot.loopback.voice_session import DAVE, VoiceSession
from bot.loopback.world import World

if TYPE_CHECKING:
    from bot.loopback.dave import Group


class Rooms:
    """All voice channels. A group exists from the bot's first stay in its channel on; until then nothing costs anything."""

    def __init__(self, world: World, *, encryption: bool) -> None:
        self.listeners: dict[int, Listener] = {}  # by user
        self._groups: dict[int, Group] = {}  # by channel
        self._version = DAVE if encryption else 0
        self._world = world

    @property
    def encrypted(self) -> bool:
        """Whether a client must know DAVE."""
        return self._version > 0

    def group(self, channel_id: int) -> Group:
        """The group of a channel."""
        if channel_id not in self._groups:
            from bot.loopback.dave import Group  # noqa: PLC0415 - with `cryptography`; a demo without voice does not pay

            self._groups[channel_id] = Group(channel_id, changed=self._world.changed.beat, version=self._version)
        return self._groups[channel_id]

    def seat(self, user_id: int, channel_id: int) -> Listener:
        """Somebody enters a channel, and its group if there is one yet."""
        listener = self.listeners.get(user_id)
        if listener is None or listener.channel_id != channel_id:
            self.unseat(user_id)
            listener = self.listeners[user_id] = Listener(user_id, channel_id)
        if channel_id in self._groups:
            listener.enter(self._groups[channel_id])
        return listener

    def unseat(self, user_id: int) -> None:
        """Somebody leaves voice."""
        listener = self.listeners.pop(user_id, None)
        if listener is not None:
            listener.leave()

    def admit(self, session: VoiceSession) -> None:
        """The bot's connection is set up: it and everybody in the channel belong to the group."""
        group = self.group(session.channel_id)
        for listener in self._in(session.channel_id):
            listener.enter(group)
        group.leave(session.user_id)
        group.join(session)

    def part(self, session: VoiceSession | None) -> None:
        """Takes a stay of the bot out of its channel's group."""
        group = self._groups.get(session.channel_id) if session is not None else None
        if group is not None and session is not None:
            member = group.members.get(session.user_id)
            if member is not None and member.client is session:
                group.leave(session.user_id)

    def pass_on(self, session: VoiceSession, packet: Packet) -> None:
        """Everybody in the channel gets what the bot plays."""
        if self.group(session.channel_id).required and packet.is_clear:
            self._world.complain(f"voice packet {packet.sequence} in the clear")
        for listener in self._in(session.channel_id):
            listener.hear(session.user_id, packet)

    def _in(self, channel_id: int) -> list[Listener]:
        return [listener for listener in self.listeners.values() if listener.channel_id == channel_id]
