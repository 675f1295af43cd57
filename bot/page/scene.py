"""What one person sees, as JSON: the place with its people, channels and commands, and the messages."""

from __future__ import annotations

from typing import Any

from bot.loopback.interactions import Interaction, Kind
from bot.loopback.messages import Attachment, Message
from bot.loopback.payloads import Json
from bot.loopback.server import Loopback
from bot.loopback.user import User
from bot.loopback.world import Channel, ChannelType, Permissions, Person

NESTED = (1, 2)  # option types: a subcommand, a group of them
SHOWN = 200  # messages of a channel, the newest


class Scene:
    """The loopback Discord through the eyes of one person."""

    def __init__(self, discord: Loopback, user: User, people: tuple[str, ...]) -> None:
        self._discord, self._user, self._people = discord, user, people

    @property
    def channels(self) -> list[Channel]:
        """The channels there are for this person: those of the guild, and their own DM."""
        world = self._discord.world
        return [here for here in world.channels.values() if here.recipient in (None, self._user.id)]

    def channel(self, channel_id: int) -> Channel | None:
        """The channel with this id, if there is one for this person."""
        return next((here for here in self.channels if here.id == channel_id), None)

    def message(self, message_id: int) -> Message | None:
        """The message with this id, if this person sees it."""
        return next((message for message in self.messages() if message.id == message_id), None)

    def messages(self) -> list[Message]:
        """Everything this person sees, channel by channel, oldest first."""
        person, messages = self._user.person, self._discord.messages
        return [message for here in self.channels for message in messages.seen_by(here.id, person)[-SHOWN:]]

    def place(self) -> Json:
        """All but the messages."""
        world = self._discord.world
        shown = [world.bot, *(self._discord.user(name).person for name in self._people)]
        return {
            "you": str(self._user.id),
            "locale": self._user.person.locale,
            "people": [_person(person) for person in shown],
            "channels": [self._channel(here) for here in self.channels],
            "commands": self._commands(),
            "roles": [{"id": str(number), "name": name} for number, name in world.roles.items()],
            "upload_limit": world.upload_limit,
        }

    def show(self, message: Message) -> Json:
        """One message, with its files at this page's own address, and the command it answers."""
        shown = message.payload() | {"attachments": [_attachment(one) for one in message.attachments]}
        asked = self._discord.interactions.find(int((message.answers or {}).get("id", 0)))
        if asked is not None and asked.kind is Kind.COMMAND:
            shown["used"] = {"by": str(asked.person.id), "what": spelled(asked)}
        return shown

    def _channel(self, here: Channel) -> Json:
        world = self._discord.world
        inside = [int(user) for user, state in world.voice_states.items() if state["channel_id"] == str(here.id)]
        return {
            "id": str(here.id),
            "type": int(here.type),
            "name": world.bot.name if here.type is ChannelType.DM else here.name,
            "parent": str(here.parent) if here.parent else None,
            "status": here.status,
            "inside": [str(user) for user in inside],
        }

    def _commands(self) -> list[Json]:
        offered: dict[str, Json] = {}
        for here in self.channels:
            for command in self._discord.commands.offered(here, self._user.person):
                known = offered.setdefault(command["id"], command | {"channels": []})
                known["channels"].append(str(here.id))
        return list(offered.values())


def version(message: Message) -> tuple[int, bool]:
    """Changes whenever the message does."""
    return len(message.history), message.loading


def spelled(interaction: Interaction) -> str:
    """The command as it was used: `/bark say`, or a context menu's name."""
    data: Any = interaction.payload["data"]
    if data["type"] != 1:
        return str(data["name"])
    words = [data["name"]]
    while (options := data.get("options")) and options[0]["type"] in NESTED:
        data = options[0]
        words.append(data["name"])
    return "/" + " ".join(words)


def _person(person: Person) -> Json:
    return {
        "id": str(person.id),
        "name": person.name,
        "shown": person.name if person.bot else person.name.title(),
        "bot": person.bot,
        "moderator": bool(person.permissions & Permissions.MANAGE_MESSAGES) and not person.bot,
    }


def _attachment(attachment: Attachment) -> Json:
    path = f"/files/{attachment.id}"
    return attachment.payload() | {"url": path, "proxy_url": path}
