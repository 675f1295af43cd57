"""The bot in a voice channel: discord.py's client, which here says nothing that is not encrypted end to end.

    voice = await channel.connect(cls=VoiceClient, self_deaf=True)
    if await voice.until_encrypted(5.0):
        voice.play(source, after=ended)    # `ended` gets NotEncrypted if the encryption went away and did not come back

discord.py 2.7.1 sends plain Opus while the encrypted group (DAVE) is not ready: after each connection, each reconnection, and
whenever the server lets the group begin anew. Here the speech waits in that time. With a server that uses no DAVE (version 0)
nothing waits. The other classes mend what else of discord.py's voice stops a bot for good; each says what.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord.gateway import DiscordVoiceWebSocket
from discord.opus import OPUS_SILENCE, Encoder
from discord.player import AudioPlayer
from discord.utils import MISSING
from discord.voice_state import ConnectionFlowState, VoiceConnectionState

log = logging.getLogger(__name__)

TIMESTAMPS = 2**32 - 1  # the largest
UNUSABLE = (ValueError, IndexError, struct.error)  # what davey and discord.py raise at a frame they cannot use


class NotEncrypted(discord.ClientException):
    """The voice channel has not become end-to-end encrypted in time."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class VoiceSocket(DiscordVoiceWebSocket):
    """The voice websocket. A frame that cannot be used, or a broken connection, does not end the task that reads it."""

    _connection: VoiceState

    async def poll_event(self) -> None:
        """One frame. discord.py's reader survives only ConnectionClosed; sending an answer raises other errors."""
        try:
            await super().poll_event()
        except ConnectionError as error:
            raise discord.ConnectionClosed(self.ws, shard_id=None, code=self.ws.close_code) from error
        finally:
            self._connection.voice_client.look_again()

    async def received_message(self, msg: dict[str, Any]) -> None:
        """A text frame."""
        state = self._connection
        starts = msg["op"] == self.DAVE_PREPARE_EPOCH and msg["d"]["epoch"] == 1 and state.dave_session is None
        await super().received_message(msg)
        if msg["op"] == self.RESUMED:
            self.secret_key = state.secret_key  # what discord.py waits for; only a new session brings another
        if starts:  # discord.py ignores this without a session, which a client that joined an unencrypted call has not
            state.dave_protocol_version = msg["d"]["protocol_version"]
            await state.reinit_dave_session()

    async def received_binary_message(self, msg: bytes) -> None:
        """A frame of the group: DAVE says to ignore proposals for a group one is not in, davey raises at them."""
        try:
            await super().received_binary_message(msg)
        except UNUSABLE as error:
            log.warning("voice frame of %d bytes, opcode %s, cannot be used: %s", len(msg), msg[2:3].hex(), error)


class VoiceState(VoiceConnectionState):
    """The connection. It can resume, which discord.py 2.7.1 tries by waiting for events that no resume brings."""

    voice_client: VoiceClient

    @property
    def can_encrypt(self) -> bool:
        """Whether a packet is to be encrypted; NotEncrypted where discord.py would send it as it is."""
        if self.dave_protocol_version and not super().can_encrypt:
            raise NotEncrypted
        return bool(self.dave_protocol_version)

    @property
    def is_safe(self) -> bool:
        """Whether what is said now is encrypted as the server wants it, and a server is there.

        discord.py stays "connected" after its websocket has closed, until it tries again up to some seconds later.
        """
        there = self.ws is not MISSING and self.ws.ws.close_code is None
        return there and (not self.dave_protocol_version or super().can_encrypt)

    async def voice_state_update(self, data: Any) -> None:
        """Discord says where the bot is."""
        if data["channel_id"] is None and not self._expecting_disconnect:
            self.voice_client.thrown_out = True
        await super().voice_state_update(data)

    async def _connect_websocket(self, resume: bool) -> VoiceSocket:  # noqa: FBT001 - discord.py's signature
        """With our socket. A new session begins without the old one's sequence number and pending transitions."""
        sequence = self.ws.seq_ack if resume and self.ws is not MISSING else -1
        if not resume:
            self.dave_pending_transitions.clear()
        socket = await VoiceSocket.from_connection_state(self, resume=resume, hook=self.hook, seq_ack=sequence)
        self.state = ConnectionFlowState.websocket_connected
        return socket

    async def _handshake_websocket(self) -> None:
        await super()._handshake_websocket()
        self.voice_client.look_again()

    async def _inner_connect(
        self,
        reconnect: bool,  # noqa: FBT001 - discord.py's signature
        self_deaf: bool,  # noqa: FBT001
        self_mute: bool,  # noqa: FBT001
        resume: bool,  # noqa: FBT001
    ) -> None:
        if resume:
            try:
                return await self._resume()
            except (discord.ConnectionClosed, aiohttp.ClientError, OSError, TimeoutError) as error:
                log.info("voice cannot be resumed (%s): connecting anew", error)
                await self.disconnect(cleanup=False)
        # The first time it fails at once: after five tries in 25 s discord.py would call it a success.
        again = reconnect and self.ws is not MISSING
        return await super()._inner_connect(again, self_deaf, self_mute, resume=False)

    async def _resume(self) -> None:
        """Goes on with the same session, keys, UDP socket and group on a new websocket."""
        before = self.ws
        self.ws = await self._connect_websocket(resume=True)
        await before.close()  # its thread would go on with heartbeats
        await self._handshake_websocket()


class VoiceClient(discord.VoiceClient):
    """For `connect(cls=VoiceClient)`.

    changed     called at each frame of the connection, and when it is over
    gone        it is over for good
    thrown_out  because somebody ended it
    """

    patience = 30.0  # seconds that speech waits for its encryption
    _connection: VoiceState

    def __init__(self, client: discord.Client, channel: discord.abc.Connectable) -> None:
        self._changed = asyncio.Event()  # set for a moment at each frame
        self.changed: Callable[[], None] = lambda: None
        self.gone = self.thrown_out = False
        super().__init__(client, channel)

    def create_connection_state(self) -> VoiceState:
        """Ours."""
        return VoiceState(self)

    @property
    def is_safe(self) -> bool:
        """Whether what is said now is encrypted as the server wants it."""
        return self.is_connected() and self._connection.is_safe

    async def until_encrypted(self, timeout: float = patience) -> bool:  # noqa: ASYNC109 - it says so by its answer
        """True once it is safe to speak, False after `timeout` seconds. Nobody else in the channel: no group, so not safe."""
        try:
            async with asyncio.timeout(timeout):
                while not self.is_safe:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def look_again(self) -> None:
        """Wakes who waits in `until_encrypted`."""
        self._changed.set()
        self._changed.clear()
        self.changed()

    def cleanup(self) -> None:
        """It is over; the player has been stopped."""
        super().cleanup()
        self.gone = True
        self.changed()

    def send_audio_packet(self, data: bytes, *, encode: bool = True) -> None:
        """Sends 20 ms of sound, encrypted. The player's thread waits here where it must, silence is left out instead.

        NotEncrypted after `patience` seconds, and at once outside of a player.
        """
        if encode:
            data = self.encoder.encode(data, self.encoder.SAMPLES_PER_FRAME)
        if self._try_send(data):
            return
        player = threading.current_thread()
        if data == OPUS_SILENCE:
            self.checked_add("timestamp", Encoder.SAMPLES_PER_FRAME, TIMESTAMPS)
        elif isinstance(player, AudioPlayer):
            self._send_late(data, player)
        else:
            raise NotEncrypted

    def _try_send(self, data: bytes) -> bool:
        if not self._connection.is_safe:
            return False
        sequence = self.sequence
        try:
            super().send_audio_packet(data, encode=False)
        except NotEncrypted:
            self.sequence = sequence  # nothing was sent, so nothing may seem to be lost
            return False
        return True

    def _send_late(self, data: bytes, player: AudioPlayer) -> None:
        """Looks again at the pace of the player, which needs no lock between its thread and the event loop."""
        give_up = time.monotonic() + self.patience
        while not (self.is_safe and self._try_send(data)):
            if not (player.is_playing() or player.is_paused()):
                return  # stopped
            if time.monotonic() > give_up:
                raise NotEncrypted
            time.sleep(player.DELAY)
        if player.is_playing():
            player.resume(update_speaking=False)  # sets its clock; it would hurry to make up for the time waited

    def _get_voice_packet(self, data: bytes) -> bytes:
        try:
            return bytes(super()._get_voice_packet(data))
        except (
            ValueError,
            RuntimeError,
        ) as error:  # of davey: the group went or changes between the look and the encryption
            raise NotEncrypted from error
