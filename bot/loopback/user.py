"""A person at a Discord client: types commands, presses buttons, fills in modals, sits in voice channels.

What the real client would not let a person do is `Refused` before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.loopback.commands import Commands, CommandType, Filled, Refused
from bot.loopback.exchange import Exchange
from bot.loopback.gateway import Gateway
from bot.loopback.interactions import Interactions, Kind
from bot.loopback.listener import Listener
from bot.loopback.messages import Message, Messages
from bot.loopback.payloads import Json, member, user, voice_state
from bot.loopback.resolved import FILLED_BY_DISCORD, resolved
from bot.loopback.rooms import Rooms
from bot.loopback.rules import VOICE_MESSAGE
from bot.loopback.wire import Upload
from bot.loopback.world import Channel, ChannelType, Person, World

BUTTON = 2
SELECT = 3  # of strings
_SELECTS = (SELECT, *FILLED_BY_DISCORD)
TEXT_INPUT = 4
_WRAPPERS = ("components", "component", "accessory")


class User:
    """One member of the guild; `Loopback.user(name)` makes them."""

    def __init__(
        self,
        person: Person,
        *,
        world: World,
        commands: Commands,
        messages: Messages,
        interactions: Interactions,
        gateway: Gateway,
        rooms: Rooms,
    ) -> None:
        self.person = person
        self._world = world
        self._commands = commands
        self._messages = messages
        self._interactions = interactions
        self._gateway = gateway
        self._rooms = rooms

    @property
    def id(self) -> int:
        """The user id."""
        return self.person.id

    @property
    def name(self) -> str:
        """The user name."""
        return self.person.name

    @property
    def dm(self) -> Channel:
        """The DM with the bot."""
        return self._world.direct_channel(self.person)

    def close_dms(self) -> None:
        """From now on the bot gets 50007."""
        self.dm.open = False

    async def slash(
        self, *path: str, channel: int | None = None, dm: bool = False, upload_limit: int | None = None, **options: Any
    ) -> Exchange:
        """Uses a command: `await alice.slash("bark", "say", text="hello")`, in #general unless told otherwise.

        Option values: str, int, float, bool; a `Person`; a channel id; (file name, bytes). None counts as left out.
        """
        return self.use(path, options, self._place(channel, dm=dm), upload_limit=upload_limit)

    def use(
        self, path: Sequence[str], options: Mapping[str, Any], here: Channel, *, upload_limit: int | None = None
    ) -> Exchange:
        """The same for options of any name."""
        command = self._commands.find(path[0], CommandType.CHAT, here, self.person)
        given = {name: value for name, value in options.items() if value is not None}
        filled = Filled(self._world, self._messages)
        data = _command_data(command) | {"options": filled.options(command, path[1:], given)}
        if filled.resolved:
            data["resolved"] = filled.resolved
        return self._send(Kind.COMMAND, here, data, upload_limit=upload_limit)

    async def autocomplete(
        self, *path: str, focused: tuple[str, Any], channel: int | None = None, dm: bool = False, **options: Any
    ) -> list[Json]:
        """Types into one option: `await alice.autocomplete("bark", "say", focused=("voice", "en"))` -> choices."""
        return await self.suggestions(path, options, focused, self._place(channel, dm=dm))

    async def suggestions(
        self, path: Sequence[str], options: Mapping[str, Any], focused: tuple[str, Any], here: Channel
    ) -> list[Json]:
        """The same for options of any name."""
        exchange = self._type(path, options, focused, here)
        await exchange.acknowledged()
        return exchange.choices

    async def type_into(
        self, *path: str, focused: tuple[str, Any], channel: int | None = None, dm: bool = False, **options: Any
    ) -> Exchange:
        """The same without waiting for the choices: one types on."""
        return self._type(path, options, focused, self._place(channel, dm=dm))

    def _type(
        self, path: Sequence[str], options: Mapping[str, Any], focused: tuple[str, Any], here: Channel
    ) -> Exchange:
        command = self._commands.find(path[0], CommandType.CHAT, here, self.person)
        filled = Filled(self._world, self._messages)
        values = {**options, focused[0]: focused[1]}
        data = _command_data(command) | {"options": filled.options(command, path[1:], values, focused[0])}
        return self._send(Kind.AUTOCOMPLETE, here, data)

    async def use_on_message(self, name: str, message: Message) -> Exchange:
        """Picks a command from a message's context menu."""
        self._must_see(message)
        here = self._world.channel(message.channel_id)
        command = self._commands.find(name, CommandType.MESSAGE, here, self.person)
        resolved = {"messages": {str(message.id): message.payload()}}
        data = _command_data(command) | {"target_id": str(message.id), "resolved": resolved}
        return self._send(Kind.COMMAND, here, data)

    async def use_on_user(self, name: str, target: Person, *, channel: int | None = None) -> Exchange:
        """Picks a command from a person's context menu."""
        here = self._place(channel, dm=False)
        command = self._commands.find(name, CommandType.USER, here, self.person)
        key = str(target.id)
        partial = {name: part for name, part in member(target, self._world).items() if name != "user"}
        partial["permissions"] = str(int(target.permissions))
        resolved = {"users": {key: user(target)}, "members": {key: partial}}
        return self._send(Kind.COMMAND, here, _command_data(command) | {"target_id": key, "resolved": resolved})

    async def press(self, message: Message, custom_id: str = "", *, label: str = "") -> Exchange:
        """Presses a button, found by its custom id or by its label."""
        self._must_see(message)
        button = _component(message.components, BUTTON, custom_id, label)
        data = {"custom_id": button["custom_id"], "component_type": BUTTON, "id": button["id"]}
        return self._send(Kind.COMPONENT, self._world.channel(message.channel_id), data, source=message)

    async def choose(self, message: Message, custom_id: str, values: list[str]) -> Exchange:
        """Chooses from a select menu; of people, roles and channels by their ids."""
        self._must_see(message)
        menu = next(filter(None, (_find(message.components, kind, custom_id) for kind in _SELECTS)), None)
        menu = menu or _component(message.components, SELECT, custom_id)
        data = {"custom_id": custom_id, "component_type": menu["type"], "id": menu["id"], "values": values}
        if menu["type"] == SELECT:
            _check_choice(menu, values)
        else:
            _check_count(menu, values)
            data["resolved"] = resolved(self._world, menu, values)
        return self._send(Kind.COMPONENT, self._world.channel(message.channel_id), data, source=message)

    async def submit(self, exchange: Exchange, values: Mapping[str, str | list[str]]) -> Exchange:
        """Fills in and sends the modal that an exchange was answered with; values by custom id."""
        if exchange.modal is None:
            raise Refused("no modal is open")
        left = dict(values)
        components = [_filled(component, left) for component in exchange.modal["components"]]
        if left:
            raise Refused(f"the modal has no field {next(iter(left))!r}")
        data = {"custom_id": exchange.modal["custom_id"], "components": components}
        before = exchange.interaction
        return self._send(Kind.MODAL, before.channel, data, source=before.source)

    def write(self, content: str, *, channel: int | None = None, dm: bool = False) -> Message:
        """Posts a message. The bot hears of it if it asked for messages there."""
        message = self._messages.create(self._place(channel, dm=dm).id, self.person, {"content": content})
        if dm:
            self._gateway.written_directly(message.payload())
        else:
            sender = {key: value for key, value in member(self.person, self._world).items() if key != "user"}
            self._gateway.written(message.payload() | {"guild_id": str(self._world.guild_id), "member": sender})
        return message

    def speak(self, recording: bytes, seconds: float, *, spoken: bool = True) -> Message:
        """Sends the bot a voice message, as the client records it: Ogg Opus, its length, a flat waveform.

        `spoken` False: the same file picked from a disk.
        """
        told: Json = {"id": 0, "filename": "voice-message.ogg"}
        if spoken:
            told |= {"duration_secs": seconds, "waveform": "AAAA"}
        body = {"content": "", "attachments": [told], "flags": VOICE_MESSAGE if spoken else 0}
        file = Upload(filename="voice-message.ogg", content_type="audio/ogg", data=recording)
        message = self._messages.create(self.dm.id, self.person, body, {0: file})
        self._gateway.written_directly(message.payload())
        return message

    def join_voice(self, channel: int | None = None) -> Listener:
        """Enters a voice channel, the only one unless told otherwise; what comes back hears the bot there."""
        channel = channel or self._world.voice_channel.id
        self._voice(channel)
        return self._rooms.seat(self.id, channel)

    def deafen(self, *, deaf: bool = True) -> None:
        """Hears nothing any more where they sit, by their own wish."""
        state = self._world.voice_states[self.id]
        state["self_deaf"] = deaf
        self._gateway.dispatch("VOICE_STATE_UPDATE", state)

    def leave_voice(self) -> None:
        """Leaves voice."""
        self._rooms.unseat(self.id)
        self._voice(None)

    def _voice(self, channel: int | None) -> None:
        state = voice_state(self.person, self._world, channel, f"voice of {self.name}")
        if channel is None:
            self._world.voice_states.pop(self.id, None)
        else:
            self._world.voice_states[self.id] = state
        self._gateway.dispatch("VOICE_STATE_UPDATE", state)

    def _place(self, channel: int | None, *, dm: bool) -> Channel:
        if dm:
            return self.dm
        return self._world.channel(channel or self._world.general.id)

    def _must_see(self, message: Message) -> None:
        hidden = message.only_for is not None and message.only_for is not self.person
        foreign = self._world.channel(message.channel_id)
        elsewhere = foreign.type is ChannelType.DM and foreign.recipient != self.id
        if message.deleted or hidden or elsewhere:
            raise Refused(f"{self.name} cannot see message {message.id}")

    def _send(
        self,
        kind: Kind,
        here: Channel,
        data: Json,
        *,
        source: Message | None = None,
        upload_limit: int | None = None,
    ) -> Exchange:
        interaction = self._interactions.open(kind, self.person, here, data, source=source, upload_limit=upload_limit)
        interaction.lost = not self._gateway.dispatch("INTERACTION_CREATE", interaction.payload)
        return Exchange(interaction, self._world, self._messages)


def _command_data(command: Json) -> Json:
    return {"id": command["id"], "name": command["name"], "type": command["type"]} | (
        {"guild_id": command["guild_id"]} if "guild_id" in command else {}
    )


def _leaves(components: Any) -> list[Json]:
    """All components, however deep in rows, sections and containers."""
    if isinstance(components, list):
        return [leaf for component in components for leaf in _leaves(component)]
    inner = [leaf for key in _WRAPPERS if key in components for leaf in _leaves(components[key])]
    return [components, *inner]


def _find(components: list[Json], kind: int, custom_id: str, label: str = "") -> Json | None:
    for leaf in _leaves(components):
        if leaf["type"] == kind and (leaf.get("custom_id") == custom_id or (label and leaf.get("label") == label)):
            if leaf.get("disabled"):
                raise Refused(f"{label or custom_id!r} is disabled")
            return leaf
    return None


def _component(components: list[Json], kind: int, custom_id: str, label: str = "") -> Json:
    if found := _find(components, kind, custom_id, label):
        return found
    present = [leaf.get("label") or leaf.get("custom_id") for leaf in _leaves(components)]
    raise Refused(f"the message has no {label or custom_id!r} (there is {[name for name in present if name]})")


def _check_choice(menu: Json, values: list[str]) -> None:
    known = [option["value"] for option in menu.get("options") or []]
    _check_count(menu, values)
    if unknown := [value for value in values if value not in known]:
        raise Refused(f"{menu['custom_id']} has no {unknown[0]!r}")


def _check_count(menu: Json, values: list[str]) -> None:
    least, most = menu.get("min_values", 1), menu.get("max_values", 1)
    if not least <= len(values) <= most:
        raise Refused(f"{menu['custom_id']} takes {least} to {most} values")


def _filled(component: Json, values: dict[str, str | list[str]]) -> Json:
    """A modal's component as it is submitted; takes what it uses out of `values`."""
    kept: Json = {key: component[key] for key in ("type", "id", "custom_id") if key in component}
    if component["type"] == TEXT_INPUT:
        return kept | {"value": _typed(component, values)}
    if component["type"] == SELECT:
        chosen = values.pop(component["custom_id"], [])
        _check_choice(component, list(chosen))
        return kept | {"values": list(chosen)}
    if "components" in component:
        return kept | {"components": [_filled(inner, values) for inner in component["components"]]}
    if "component" in component:
        return kept | {"component": _filled(component["component"], values)}
    return kept


def _typed(field: Json, values: dict[str, str | list[str]]) -> str:
    name = field["custom_id"]
    text = str(values.pop(name, field.get("value") or ""))
    if field.get("required", True) and not text:
        raise Refused(f"{name} is required")
    if text and not field.get("min_length", 0) <= len(text) <= field.get("max_length", 4000):
        raise Refused(f"{name}: {len(text)} characters do not fit")
    return text
