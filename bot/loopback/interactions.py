"""Interactions: who used what, how the bot answered, and the two deadlines of an answer (3 s, 15 min)."""

from __future__ import annotations

import dataclasses
import enum
import secrets
from collections.abc import Mapping

from bot.loopback.messages import Message, Messages
from bot.loopback.payloads import Json, channel, member, user
from bot.loopback.problems import (
    ALREADY_ACKNOWLEDGED,
    EXPIRED_TOKEN,
    INVALID_FORM,
    MANY_FOLLOW_UPS,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    ApiError,
)
from bot.loopback.rules import EPHEMERAL, LOADING
from bot.loopback.wire import Upload
from bot.loopback.world import Channel, ChannelType, Person, World

ACKNOWLEDGE_WITHIN = 3.0  # seconds, documented
TOKEN_LIVES = 900.0  # seconds, documented
FOLLOW_UPS_ELSEWHERE = 5  # where the bot is no member, documented


class Kind(enum.IntEnum):
    """What a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Callback(enum.IntEnum):
    """How the bot answered."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


_ANSWERS = {
    Kind.COMMAND: {Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.MODAL},
    Kind.COMPONENT: set(Callback) - {Callback.CHOICES},
    Kind.AUTOCOMPLETE: {Callback.CHOICES},
    Kind.MODAL: set(Callback) - {Callback.CHOICES, Callback.MODAL},
}
_OF_SOURCE = {Callback.DEFERRED_UPDATE, Callback.UPDATE}  # these answer by the message that holds the component


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """The one answer an interaction has. `at` is on the loopback's clock."""

    type: Callback
    at: float
    data: Json


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Interaction:
    """One thing a person did, and everything the bot did about it by its token."""

    id: int
    token: str
    kind: Kind
    person: Person
    channel: Channel
    sent_at: float
    upload_limit: int
    payload: Json
    source: Message | None = None  # the message that holds the component
    lost: bool = False  # no bot was there to hear of it
    acknowledgement: Acknowledgement | None = None
    original: Message | None = None
    followups: list[Message] = dataclasses.field(default_factory=list)


class Interactions:
    """All interactions, by token."""

    def __init__(self, world: World, messages: Messages) -> None:
        self._world = world
        self._messages = messages
        self._by_token: dict[str, Interaction] = {}
        self._by_id: dict[int, Interaction] = {}

    def open(
        self,
        kind: Kind,
        person: Person,
        here: Channel,
        data: Json,
        *,
        source: Message | None = None,
        upload_limit: int | None = None,
    ) -> Interaction:
        """A new interaction with its INTERACTION_CREATE payload; sending it is the caller's."""
        interaction = Interaction(
            id=self._world.new_id(),
            token=secrets.token_urlsafe(64),
            kind=kind,
            person=person,
            channel=here,
            sent_at=self._world.clock(),
            upload_limit=upload_limit or self._world.upload_limit,
            payload={},
            source=source,
        )
        interaction.payload = _payload(interaction, data, self._world)
        self._by_token[interaction.token] = self._by_id[interaction.id] = interaction
        return interaction

    def acknowledge(
        self, interaction_id: int, token: str, kind: int, data: Json, files: Mapping[int, Upload]
    ) -> Interaction:
        """Takes the callback; ApiError 10062 if it is late or nobody's, 40060 if it is the second one."""
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            self._world.complain(f"callback for the unknown interaction {interaction_id}")
            raise ApiError(UNKNOWN_INTERACTION)
        if interaction.acknowledgement is not None:
            self._world.complain(f"second acknowledgement of interaction {interaction_id}")
            raise ApiError(ALREADY_ACKNOWLEDGED)
        late = self._world.clock() - interaction.sent_at
        if late > ACKNOWLEDGE_WITHIN:
            self._world.complain(f"acknowledgement of interaction {interaction_id} after {late:.1f} s")
            raise ApiError(UNKNOWN_INTERACTION)
        if kind not in _ANSWERS[interaction.kind] or (kind in _OF_SOURCE and interaction.source is None):
            raise ApiError(INVALID_FORM, field="type", why=f"{kind} does not answer this interaction")
        answer = Acknowledgement(type=Callback(kind), at=self._world.clock(), data=data)
        interaction.original = self._first_message(interaction, answer, files)
        interaction.acknowledgement = answer
        self._world.changed.beat()
        return interaction

    def find(self, interaction_id: int) -> Interaction | None:
        """The interaction with this id."""
        return self._by_id.get(interaction_id)

    def upload_limit(self, token: str) -> int:
        """Bytes per file that this interaction allows."""
        interaction = self._by_token.get(token)
        return interaction.upload_limit if interaction is not None else self._world.upload_limit

    def by_token(self, token: str) -> Interaction:
        """An acknowledged interaction whose token still lives; ApiError 50027 or 10015 otherwise."""
        interaction = self._by_token.get(token)
        if interaction is None:
            raise ApiError(UNKNOWN_WEBHOOK)
        if self._world.clock() - interaction.sent_at > TOKEN_LIVES:
            self._world.complain(f"token of interaction {interaction.id} used after {TOKEN_LIVES:.0f} s")
            raise ApiError(EXPIRED_TOKEN)
        if interaction.acknowledgement is None:
            self._world.complain(f"token of interaction {interaction.id} used before its acknowledgement")
            raise ApiError(UNKNOWN_WEBHOOK)
        return interaction

    def message(self, interaction: Interaction, name: str) -> Message:
        """The message `@original` or by its id, if it is one of this interaction's; ApiError 10008 otherwise."""
        known = [interaction.original, *interaction.followups]
        for message in known:
            if message is not None and not message.deleted and name in {str(message.id), "@original"}:
                return message
            if name == "@original":
                break
        raise ApiError(UNKNOWN_MESSAGE)

    def follow_up(self, interaction: Interaction, body: Json, files: Mapping[int, Upload]) -> Message:
        """A further message. The first one after a deferred reply takes the place of "is thinking", as on Discord."""
        original = interaction.original
        if original is not None and original.loading:
            return self._messages.edit(original, body, files)
        if interaction.channel.type is ChannelType.GROUP and len(interaction.followups) >= FOLLOW_UPS_ELSEWHERE:
            raise ApiError(MANY_FOLLOW_UPS)
        message = self._create(interaction, body, files)
        interaction.followups.append(message)
        self._world.changed.beat()
        return message

    def _first_message(
        self, interaction: Interaction, answer: Acknowledgement, files: Mapping[int, Upload]
    ) -> Message | None:
        if answer.type is Callback.MESSAGE:
            return self._create(interaction, answer.data, files)
        if answer.type is Callback.DEFERRED_MESSAGE:
            flags = (answer.data.get("flags") or 0) & EPHEMERAL  # the only one that counts here
            return self._create(interaction, {"flags": flags | LOADING}, {})
        if answer.type is Callback.UPDATE and interaction.source is not None:
            return self._messages.edit(interaction.source, answer.data, files)
        return interaction.source if answer.type is Callback.DEFERRED_UPDATE else None

    def _create(self, interaction: Interaction, body: Json, files: Mapping[int, Upload]) -> Message:
        body = {key: body[key] for key in body if key not in {"nonce", "enforce_nonce"}}  # webhooks have no nonce
        hidden = (body.get("flags") or 0) & EPHEMERAL
        only_for = interaction.person if hidden else None
        message = self._messages.create(interaction.channel.id, self._world.bot, body, files, only_for=only_for)
        message.answers = _metadata(interaction)
        return message


def _metadata(interaction: Interaction) -> Json | None:
    """What a message says of the interaction it answers. Nothing for modals: that would name what opened them as well."""
    if interaction.kind is Kind.MODAL:
        return None
    pressed = {} if interaction.source is None else {"interacted_message_id": str(interaction.source.id)}
    return pressed | {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": user(interaction.person),
        "authorizing_integration_owners": interaction.payload["authorizing_integration_owners"],
    }


def _payload(interaction: Interaction, data: Json, world: World) -> Json:
    here, person = interaction.channel, interaction.person
    context = {ChannelType.DM: 1, ChannelType.GROUP: 2}.get(here.type, 0)
    place: Json = {"user": user(person)}
    if context == 0:
        place = {
            "guild_id": str(world.guild_id),
            "guild": {"id": str(world.guild_id), "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "member": member(person, world) | {"permissions": str(int(person.permissions))},
        }
    if interaction.source is not None:
        place["message"] = interaction.source.payload()
    # who installed it: the guild, "0" in the bot's own DM, the person where the bot is not
    owners = ({"0": str(world.guild_id)}, {"0": "0"}, {"1": str(person.id)})[context]
    return place | {
        "id": str(interaction.id),
        "application_id": str(world.application_id),
        "type": int(interaction.kind),
        "token": interaction.token,
        "version": 1,
        "data": data,
        "channel_id": str(here.id),
        "channel": channel(here, world),
        "app_permissions": str(int(world.bot_permissions(here))),
        "locale": person.locale,
        "entitlements": [],
        "authorizing_integration_owners": owners,
        "context": context,
        "attachment_size_limit": interaction.upload_limit,
    }
