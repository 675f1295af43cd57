"""The objects behind the ids that a select menu of people, roles or channels was answered with."""

from __future__ import annotations

from bot.loopback.commands import Refused
from bot.loopback.payloads import Json, channel, member, role, user
from bot.loopback.world import World

USERS, ROLES, MENTIONABLES, CHANNELS = 5, 6, 7, 8  # types of component
FILLED_BY_DISCORD = (USERS, ROLES, MENTIONABLES, CHANNELS)


def resolved(world: World, menu: Json, values: list[str]) -> Json:
    """The `resolved` of the interaction; Refused where the menu would not offer one of these."""
    found: dict[str, Json] = {}
    for value in values:
        number = int(value)
        for group, payload in _groups(world, menu, number).items():
            found.setdefault(group, {})[value] = payload
        if not any(value in group for group in found.values()):
            raise Refused(f"{menu['custom_id']} has no {value}")
    return found


def _groups(world: World, menu: Json, number: int) -> Json:
    kind, person = menu["type"], world.person_by_id(number)
    if kind in (USERS, MENTIONABLES) and person is not None:
        partial = {key: part for key, part in member(person, world).items() if key != "user"}
        return {"users": user(person), "members": partial | {"permissions": str(int(person.permissions))}}
    if kind in (ROLES, MENTIONABLES) and number in world.roles:
        return {"roles": role(number, world.roles[number], 0)}
    if kind == CHANNELS and number in world.channels:
        here = world.channels[number]
        types = menu.get("channel_types")
        if here.recipient is None and (not types or int(here.type) in types):
            return {"channels": channel(here, world) | {"permissions": str(int(world.bot_permissions(here)))}}
    return {}
