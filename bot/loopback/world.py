"""What exists on this Discord: one guild with its channels, the people in it, who sits in which voice channel.

Ids are ints here and strings on the wire. Everything else of the folder shares one `World`.
"""

from __future__ import annotations

import dataclasses
import enum
import time

from bot.loopback import payloads
from bot.loopback.payloads import Json
from bot.loopback.problems import CLOSED_DM, MISSING_ACCESS, MISSING_PERMISSIONS, UNKNOWN_CHANNEL, ApiError
from bot.loopback.pulse import Pulse
from bot.loopback.snowflake import Clock, Snowflakes

MEBIBYTE = 1024 * 1024
DEFAULT_UPLOAD_LIMIT = 10 * MEBIBYTE  # bytes per file in the documentation of 2025; the interaction's own number counts


class ChannelType(enum.IntEnum):
    """The channel types that occur here."""

    TEXT = 0
    DM = 1
    VOICE = 2
    GROUP = 3  # a conversation between people, the bot not among them
    THREAD = 11  # public
    STAGE = 13


class Permissions(enum.IntFlag):
    """The documented permission bits that this server looks at."""

    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    MOVE_MEMBERS = 1 << 24
    USE_APPLICATION_COMMANDS = 1 << 31
    SEND_MESSAGES_IN_THREADS = 1 << 38
    CREATE_GUILD_EXPRESSIONS = 1 << 43
    SEND_VOICE_MESSAGES = 1 << 46
    SET_VOICE_CHANNEL_STATUS = 1 << 48


PERSON = (
    Permissions.VIEW_CHANNEL
    | Permissions.SEND_MESSAGES
    | Permissions.EMBED_LINKS
    | Permissions.ATTACH_FILES
    | Permissions.READ_MESSAGE_HISTORY
    | Permissions.CONNECT
    | Permissions.SPEAK
    | Permissions.USE_APPLICATION_COMMANDS
    | Permissions.SEND_MESSAGES_IN_THREADS
    | Permissions.SEND_VOICE_MESSAGES
)
MODERATOR = (
    PERSON
    | Permissions.MANAGE_CHANNELS
    | Permissions.MANAGE_GUILD
    | Permissions.MANAGE_MESSAGES
    | Permissions.CREATE_GUILD_EXPRESSIONS
)
NOTHING = Permissions(0)
BOT = PERSON | Permissions.SET_VOICE_CHANNEL_STATUS | Permissions.CREATE_GUILD_EXPRESSIONS


@dataclasses.dataclass(kw_only=True, slots=True)
class Channel:
    """A place for messages or voices. `denied` is what the bot may not do here."""

    id: int
    type: ChannelType
    name: str
    parent: int | None = None
    recipient: int | None = None  # of a DM
    denied: Permissions = NOTHING
    open: bool = True  # False: this person takes no DMs from the bot
    status: str | None = None  # of a voice channel
    limit: int = 0  # of people in a voice channel; 0: none

    @property
    def is_voiced(self) -> bool:
        """Whether one can sit in it."""
        return self.type in (ChannelType.VOICE, ChannelType.STAGE)


@dataclasses.dataclass(kw_only=True, slots=True)
class Person:
    """A member of the guild, or the bot. `permissions` go into each of their interactions."""

    id: int
    name: str
    bot: bool = False
    permissions: Permissions = PERSON
    locale: str = "en-US"
    roles: list[int] = dataclasses.field(default_factory=list)


class World:
    """The state that REST, gateway, voice and the user's side share, and `changed`, which beats at each change of it."""

    def __init__(self, clock: Clock = time.time, *, upload_limit: int = DEFAULT_UPLOAD_LIMIT) -> None:
        self.clock = clock
        self.new_id = Snowflakes(clock)
        self.changed = Pulse()
        self.complaints: list[str] = []
        self.upload_limit = upload_limit
        self.message_content = False  # whether the portal allows the bot to ask for what messages say
        self.application_id = self.new_id()
        self.guild_id = self.new_id()
        self.role_id = self.new_id()  # the bot's own role
        self.bot = Person(id=self.application_id, name="barkbot", bot=True, permissions=BOT)
        self.people: dict[str, Person] = {}
        self.owner = self.person("owner")
        self.channels: dict[int, Channel] = {}
        self.voice_states: dict[int, Json] = {}  # by user
        self.sounds: list[Json] = []  # of the soundboard
        self.roles: dict[int, str] = {}  # names, besides @everyone and the bot's own
        self.general = self.add_channel(ChannelType.TEXT, "general")
        self.second = self.add_channel(ChannelType.TEXT, "bots")
        self.voice_channel = self.add_channel(ChannelType.VOICE, "Voice")
        self.private = self.add_channel(ChannelType.GROUP, "friends")
        self.thread = self.add_channel(ChannelType.THREAD, "a thread", parent=self.general.id)

    def complain(self, complaint: str) -> None:
        """Remember that the client did something Discord does not want."""
        self.complaints.append(complaint)

    def person(self, name: str) -> Person:
        """The member of this name, made at the first call."""
        if name not in self.people:
            self.people[name] = Person(id=self.new_id(), name=name)
        return self.people[name]

    def person_by_id(self, user_id: int) -> Person | None:
        """The member, or the bot, with this id."""
        everyone = (self.bot, *self.people.values())
        return next((person for person in everyone if person.id == user_id), None)

    def direct_channel(self, person: Person) -> Channel:
        """The DM between the bot and this person, made at the first call."""
        for channel in self.channels.values():
            if channel.recipient == person.id:
                return channel
        return self.add_channel(ChannelType.DM, person.name, recipient=person.id)

    def channel(self, channel_id: int) -> Channel:
        """The channel with this id; ApiError 10003 if there is none."""
        if channel_id not in self.channels:
            raise ApiError(UNKNOWN_CHANNEL)
        return self.channels[channel_id]

    def bot_permissions(self, channel: Channel) -> Permissions:
        """What the bot may do in this channel; a thread inherits from its channel."""
        above = self.channels[channel.parent].denied if channel.parent is not None else NOTHING
        return self.bot.permissions & ~channel.denied & ~above

    def require(self, channel: Channel, needed: Permissions) -> None:
        """ApiError 50013 where the bot lacks one of these in this channel, 50007 in a DM that is closed, 50001 where it is not."""
        if channel.type is ChannelType.GROUP:
            raise ApiError(MISSING_ACCESS)
        if channel.type is ChannelType.DM:
            if not channel.open:
                raise ApiError(CLOSED_DM)
        elif needed & ~self.bot_permissions(channel):
            raise ApiError(MISSING_PERMISSIONS)

    def guild(self) -> Json:
        """The GUILD_CREATE payload of the one guild."""
        return payloads.guild(self)

    def add_channel(
        self, kind: ChannelType, name: str, *, parent: int | None = None, recipient: int | None = None, limit: int = 0
    ) -> Channel:
        """One more channel; nobody is told."""
        channel = Channel(id=self.new_id(), type=kind, name=name, parent=parent, recipient=recipient, limit=limit)
        self.channels[channel.id] = channel
        return channel
