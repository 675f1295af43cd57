"""The synced application commands, and what Discord's own client refuses before it sends anything."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.loopback.localisation import check_localisations
from bot.loopback.messages import Messages
from bot.loopback.payloads import Json, channel, member, user
from bot.loopback.problems import INVALID_FORM, UNKNOWN_COMMAND, ApiError
from bot.loopback.wire import Upload
from bot.loopback.world import Channel, ChannelType, Person, World

COMMANDS = 100  # chat input commands in one place
COMMAND_TEXT = 8000  # characters of names, descriptions and choices of one command


class Refused(Exception):
    """The Discord client would not let a person do this; the text says why."""


class CommandType(enum.IntEnum):
    """How a command is started."""

    CHAT = 1
    USER = 2
    MESSAGE = 3


class Option(enum.IntEnum):
    """Types of an option."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    NUMBER = 10
    ATTACHMENT = 11


_PLAIN: dict[Option, tuple[type, ...]] = {
    Option.STRING: (str,),
    Option.INTEGER: (int,),
    Option.BOOLEAN: (bool,),
    Option.NUMBER: (int, float),
}


class Commands:
    """The command lists: the global one under None, a guild's under its id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lists: dict[int | None, list[Json]] = {}

    def sync(self, guild: int | None, new: Sequence[Json]) -> list[Json]:
        """Replaces a list; a command of the same type and name keeps its id, as on Discord."""
        names = [(command.get("type") or 1, command.get("name")) for command in new]
        if len(set(names)) != len(names):
            raise ApiError(INVALID_FORM, field="name", why="Application command names must be unique")
        if sum(kind == CommandType.CHAT for kind, _ in names) > COMMANDS:
            raise ApiError(INVALID_FORM, field="name", why=f"at most {COMMANDS} chat input commands")
        for command in new:
            _check_command(command)
        old = {(command["type"], command["name"]): command["id"] for command in self.all(guild)}
        self._lists[guild] = [self._stored(guild, command, old) for command in new]
        self._world.changed.beat()
        return self._lists[guild]

    def upsert(self, guild: int | None, command: Json) -> Json:
        """Adds one command, or replaces the one with its type and name."""
        key = (command.get("type") or 1, command.get("name"))
        others = [known for known in self.all(guild) if (known["type"], known["name"]) != key]
        return self.sync(guild, [*others, command])[-1]

    def delete(self, guild: int | None, command_id: int) -> None:
        """Removes one command; ApiError 10063 if there is none."""
        kept = [command for command in self.all(guild) if command["id"] != str(command_id)]
        if len(kept) == len(self.all(guild)):
            raise ApiError(UNKNOWN_COMMAND)
        self._lists[guild] = kept

    def get(self, guild: int | None, command_id: int) -> Json:
        """One command by its id; ApiError 10063 if there is none."""
        for command in self.all(guild):
            if command["id"] == str(command_id):
                return command
        raise ApiError(UNKNOWN_COMMAND)

    def all(self, guild: int | None) -> list[Json]:
        """One list, as it was synced."""
        return self._lists.get(guild, [])

    def offered(self, here: Channel, person: Person) -> list[Json]:
        """The commands of all kinds that a person finds in this channel."""
        return [command for command in self._known(here) if self._offers(command, person, here.type)]

    def find(self, name: str, kind: CommandType, here: Channel, person: Person) -> Json:
        """The command a person would find in this channel; Refused if there is none for them."""
        candidates = self._known(here)
        for command in candidates:
            if command["name"] == name and command["type"] == kind:
                self._check_access(command, person, here.type)
                return command
        known = ", ".join(command["name"] for command in candidates) or "none; has the bot synced?"
        raise Refused(f"there is no command {name!r} here (known: {known})")

    def _known(self, here: Channel) -> list[Json]:
        elsewhere = here.type in (ChannelType.DM, ChannelType.GROUP)
        return self.all(None) if elsewhere else [*self.all(self._world.guild_id), *self.all(None)]

    def _offers(self, command: Json, person: Person, place: ChannelType) -> bool:
        try:
            self._check_access(command, person, place)
        except Refused:
            return False
        return True

    def _check_access(self, command: Json, person: Person, place: ChannelType) -> None:
        contexts = command.get("contexts")
        if place is ChannelType.GROUP:
            if 1 not in command["integration_types"] or (contexts is not None and 2 not in contexts):
                raise Refused(f"/{command['name']} is not for people who install it themselves")
            return
        direct = place is ChannelType.DM
        allowed = command.get("dm_permission", True) if contexts is None else 1 in contexts
        if direct and allowed is False:
            raise Refused(f"/{command['name']} is for servers only")
        if not direct and contexts is not None and 0 not in contexts:
            raise Refused(f"/{command['name']} is for direct messages only")
        needed = int(command.get("default_member_permissions") or 0)
        if not direct and needed & ~int(person.permissions):
            raise Refused(f"/{command['name']} needs permissions that {person.name} does not have")

    def _stored(self, guild: int | None, command: Json, old: Mapping[tuple[int, str], str]) -> Json:
        kind = command.get("type") or 1
        stored = {"description": "", "default_member_permissions": None, **command, "type": kind}
        stored["id"] = old.get((kind, command["name"])) or str(self._world.new_id())
        stored["application_id"] = str(self._world.application_id)
        stored["version"] = str(self._world.new_id())
        if stored["default_member_permissions"] is not None:
            stored["default_member_permissions"] = str(stored["default_member_permissions"])  # discord.py sends an int
        if stored.get("integration_types") is None:
            stored["integration_types"] = [0]
        if guild is not None:
            stored["guild_id"] = str(guild)
        return stored


class Filled:
    """A command with values: `options` as the interaction carries them, `resolved` for users, channels and files."""

    def __init__(self, world: World, messages: Messages) -> None:
        self.resolved: dict[str, Json] = {}
        self._world = world
        self._messages = messages

    def options(self, command: Json, path: Sequence[str], values: Mapping[str, Any], focused: str = "") -> list[Json]:
        """The nested option list; Refused where the client would not send it. `focused` is being typed still."""
        declared = command.get("options") or []
        if path:
            step = _named(declared, path[0])
            inner = self.options(step, path[1:], values, focused)
            return [{"type": step["type"], "name": step["name"], "options": inner}]
        if any(option["type"] in (Option.SUBCOMMAND, Option.GROUP) for option in declared):
            raise Refused(f"{command['name']} needs one of {', '.join(option['name'] for option in declared)}")
        for name in values:
            _named(declared, name)
        missing = [option["name"] for option in declared if option.get("required") and option["name"] not in values]
        if missing and not focused:
            raise Refused(f"the required option {missing[0]!r} is missing")
        return [
            self._option(option, values[option["name"]], focused=option["name"] == focused)
            for option in declared
            if option["name"] in values
        ]

    def _option(self, option: Json, value: Any, *, focused: bool) -> Json:
        given: Json = {"type": option["type"], "name": option["name"]}
        if focused:
            return given | {"value": value, "focused": True}
        kind = Option(option["type"])
        if kind in _PLAIN:
            _check_plain(option, kind, value)
            return given | {"value": value}
        return given | {"value": self._resolve(kind, option["name"], value)}

    def _resolve(self, kind: Option, name: str, value: Any) -> str:
        """Users are a `Person`, channels an id, files a pair of name and bytes."""
        if kind is Option.USER and isinstance(value, Person):
            self._keep("users", value.id, user(value))
            partial = {key: part for key, part in member(value, self._world).items() if key != "user"}
            self._keep("members", value.id, partial | {"permissions": str(int(value.permissions))})
            return str(value.id)
        if kind is Option.CHANNEL and value in self._world.channels:
            here = self._world.channels[value]
            rights = {"permissions": str(int(self._world.bot_permissions(here)))}
            self._keep("channels", value, channel(here, self._world) | rights)
            return str(value)
        if kind is Option.ATTACHMENT and isinstance(value, tuple):
            filename, data = value
            upload = Upload(filename=filename, content_type="application/octet-stream", data=data)
            attachment = self._messages.store_file(upload, {})
            self._keep("attachments", attachment.id, attachment.payload())
            return str(attachment.id)
        raise Refused(f"{value!r} is nothing for the option {name!r}")

    def _keep(self, group: str, key: int, value: Json) -> None:
        self.resolved.setdefault(group, {})[str(key)] = value


def _named(options: Iterable[Json], name: str) -> Json:
    options = list(options)
    for option in options:
        if option["name"] == name:
            return option
    raise Refused(f"there is no option {name!r} (there are: {', '.join(option['name'] for option in options)})")


def _check_plain(option: Json, kind: Option, value: Any) -> None:
    name = option["name"]
    fits = type(value) in _PLAIN[kind]  # not isinstance: True is no integer here
    if not fits:
        raise Refused(f"{name}: {value!r} is no {kind.name.lower()}")
    if kind is Option.STRING:
        _check_bounds(name, len(value), max(option.get("min_length") or 0, 1), option.get("max_length"))
    elif kind is not Option.BOOLEAN:
        _check_bounds(name, value, option.get("min_value"), option.get("max_value"))
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise Refused(f"{name}: {value!r} is not among the choices")


def _check_bounds(name: str, size: float, least: float | None, most: float | None) -> None:
    if (least is not None and size < least) or (most is not None and size > most):
        raise Refused(f"{name}: {size} is not between {least} and {most}")


def _check_command(command: Json) -> None:
    if (command.get("type") or 1) == CommandType.CHAT and not command.get("description"):
        raise ApiError(INVALID_FORM, field="description", why="This field is required")
    if _text(command) > COMMAND_TEXT:
        raise ApiError(INVALID_FORM, field="options", why=f"Command exceeds maximum size of {COMMAND_TEXT}")
    _check_order(command.get("options") or [])
    check_localisations([command], chat=(command.get("type") or 1) == CommandType.CHAT)


def _check_order(options: Sequence[Json]) -> None:
    optional_seen = False
    for option in options:
        if option["type"] in (Option.SUBCOMMAND, Option.GROUP):
            _check_order(option.get("options") or [])
        elif not option.get("required"):
            optional_seen = True
        elif optional_seen:
            raise ApiError(INVALID_FORM, field="options", why="Required options must be placed before optional ones")


def _text(command: Json) -> int:
    """Characters that count: of a text in several languages those of the longest."""
    own = sum(_longest(command, field) for field in ("name", "description"))
    choices = sum(len(choice["name"]) + len(str(choice["value"])) for choice in command.get("choices") or [])
    return own + choices + sum(_text(option) for option in command.get("options") or [])


def _longest(command: Json, field: str) -> int:
    texts = [command.get(field), *(command.get(f"{field}_localizations") or {}).values()]
    return max(len(text or "") for text in texts)
