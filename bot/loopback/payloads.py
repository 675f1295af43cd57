"""Pure builders of what goes over the wire: the keys Discord documents as always present, with values of this world."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.loopback.world import Channel, Person, World

Json = dict[str, Any]

JOINED = "2024-01-01T00:00:00+00:00"
VERIFY_KEY = "00" * 32  # for interactions over HTTP, which are not emulated


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC with microseconds, as Discord writes it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="microseconds")


def user(person: Person) -> Json:
    """A user object."""
    return {
        "id": str(person.id),
        "username": person.name,
        "discriminator": "0",
        "global_name": None if person.bot else person.name.title(),
        "avatar": None,
        "bot": person.bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def own_user(person: Person) -> Json:
    """The bot's view of itself."""
    return user(person) | {"mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}


def application(world: World) -> Json:
    """The bot's application, as its owner sees it."""
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "description": "",
        "icon": None,
        "type": None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": VERIFY_KEY,
        "flags": 0,
        "flags_new": "0",
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(world.owner),
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "summary": "",
    }


def member(person: Person, world: World) -> Json:
    """A guild member, with the user inside."""
    return {
        "user": user(person),
        "nick": None,
        "avatar": None,
        "roles": [str(world.role_id)] if person.bot else [str(number) for number in person.roles],
        "joined_at": JOINED,
        "premium_since": None,
        "pending": False,
        "communication_disabled_until": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def channel(here: Channel, world: World) -> Json:
    """A guild channel, or a DM with its recipient."""
    shared = {"id": str(here.id), "type": int(here.type), "last_message_id": None, "flags": 0}
    if here.recipient is not None:
        other = world.person_by_id(here.recipient)
        return shared | {"recipients": [user(other)] if other else []}
    if here.type.name == "GROUP":
        people = [user(person) for person in world.people.values()]
        return shared | {"name": here.name, "icon": None, "owner_id": str(world.owner.id), "recipients": people}
    denied = {"id": str(world.bot.id), "type": 1, "allow": "0", "deny": str(int(here.denied))}
    return shared | {
        "guild_id": str(world.guild_id),
        "name": here.name,
        "position": 0,
        "nsfw": False,
        "parent_id": str(here.parent) if here.parent else None,
        "permission_overwrites": [denied] if here.denied else [],
        "bitrate": 64_000,  # of voice channels; the others do not mind
        "user_limit": here.limit,
    }


def thread(here: Channel, world: World) -> Json:
    """A public thread that the bot has joined."""
    return channel(here, world) | {
        "owner_id": str(world.owner.id),
        "message_count": 0,
        "total_message_sent": 0,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": JOINED,
            "locked": False,
        },
        "member": {"user_id": str(world.bot.id), "id": str(here.id), "join_timestamp": JOINED, "flags": 0},
    }


def role(role_id: int, name: str, permissions: int) -> Json:
    """A role without looks."""
    return {
        "id": str(role_id),
        "name": name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": str(permissions),
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def guild(world: World) -> Json:
    """The guild with everything the gateway sends at GUILD_CREATE."""
    people = [world.bot, *world.people.values()]
    default = world.owner.permissions
    threads = [here for here in world.channels.values() if here.type.name == "THREAD"]
    channels = [here for here in world.channels.values() if here.type.name in {"TEXT", "VOICE", "STAGE"}]
    fixed = {
        "icon": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "system_channel_flags": 0,
        "premium_tier": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "joined_at": JOINED,
    }
    empty = ("emojis", "stickers", "features", "presences", "stage_instances", "guild_scheduled_events")
    return fixed | {
        "id": str(world.guild_id),
        "name": "Kennel",
        "owner_id": str(world.owner.id),
        "roles": [
            role(world.guild_id, "@everyone", default),
            role(world.role_id, world.bot.name, world.bot.permissions),
            *(role(number, name, 0) for number, name in world.roles.items()),
        ],
        "large": False,
        "unavailable": False,
        "member_count": len(people),
        "members": [member(person, world) for person in people],
        "channels": [channel(here, world) for here in channels],
        "threads": [thread(here, world) for here in threads],
        "voice_states": list(world.voice_states.values()),
        "soundboard_sounds": [],
        **{key: [] for key in empty},
    }


def voice_state(
    person: Person,
    world: World,
    channel_id: int | None,
    session: str,
    *,
    self_mute: bool = False,
    self_deaf: bool = False,
) -> Json:
    """Where a person is in voice; channel None: nowhere. On a stage the bot begins as audience."""
    staged = channel_id is not None and world.channels[channel_id].type.name == "STAGE"
    return {
        "guild_id": str(world.guild_id),
        "channel_id": str(channel_id) if channel_id else None,
        "user_id": str(person.id),
        "member": member(person, world),
        "session_id": session,
        "deaf": False,
        "mute": False,
        "self_deaf": self_deaf,
        "self_mute": self_mute,
        "self_video": False,
        "suppress": staged and person.bot,
        "request_to_speak_timestamp": None,
    }


def numbered(components: list[Json]) -> list[Json]:
    """Components as Discord gives them back: each with an `id`, counted from 1 in reading order."""
    count = 0

    def number(component: Any) -> Any:
        nonlocal count
        if isinstance(component, list):
            return [number(part) for part in component]
        if not isinstance(component, dict) or "type" not in component:
            return component
        count += 1
        first = {"id": component.get("id") or count}
        inner = {key: number(component[key]) for key in ("components", "component", "accessory") if key in component}
        if chosen := component.get("default_values"):
            inner["default_values"] = [value | {"id": str(value["id"])} for value in chosen]
        return component | first | inner

    return [number(component) for component in components]
