"""Handlers of the routes that take the bot's token: itself, its commands, channels, messages, DMs, voice status, sounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.loopback import payloads
from bot.loopback.commands import Commands
from bot.loopback.messages import Message, Messages
from bot.loopback.payloads import Json
from bot.loopback.problems import BAD_JSON, UNKNOWN_CHANNEL, UNKNOWN_GUILD, UNKNOWN_USER, ApiError
from bot.loopback.rules import VOICE_MESSAGE, check_message, check_sound, mentions_nobody
from bot.loopback.wire import NO_CONTENT, Answer, Call
from bot.loopback.world import NOTHING, Channel, ChannelType, Permissions, World

Handler = Callable[[Call], Awaitable[Answer]]


class Routes:
    """What the bot does by its own token."""

    def __init__(
        self,
        world: World,
        commands: Commands,
        messages: Messages,
        gateway_url: Callable[[], str],
        dispatch: Callable[[str, Json], object],
    ) -> None:
        self._dispatch = dispatch
        self._world = world
        self._commands = commands
        self._messages = messages
        self._gateway_url = gateway_url

    def table(self) -> dict[str, Handler]:
        """Handlers by method and template."""
        commands = "/applications/{application}/commands"
        guild_commands = "/applications/{application}/guilds/{guild}/commands"
        own: dict[str, Handler] = {
            "GET /users/@me": self._me,
            "GET /oauth2/applications/@me": self._application,
            "GET /applications/@me": self._application,
            "GET /gateway": self._gateway,
            "GET /gateway/bot": self._gateway,
            "POST /users/@me/channels": self._open_dm,
            "GET /channels/{channel}": self._channel,
            "GET /channels/{channel}/messages": self._history,
            "POST /channels/{channel}/messages": self._create,
            "GET /channels/{channel}/messages/{message}": self._get,
            "PATCH /channels/{channel}/messages/{message}": self._edit,
            "DELETE /channels/{channel}/messages/{message}": self._delete,
            "POST /channels/{channel}/typing": self._typing,
            "PUT /channels/{channel}/voice-status": self._voice_status,
            "PATCH /guilds/{guild}/voice-states/@me": self._voice_state,
            "POST /guilds/{guild}/soundboard-sounds": self._sound,
        }
        for base in (commands, guild_commands):
            own[f"GET {base}"] = self._commands_of
            own[f"PUT {base}"] = self._sync
            own[f"POST {base}"] = self._upsert
            own[f"GET {base}/{{command}}"] = self._command
            own[f"PATCH {base}/{{command}}"] = self._patch_command
            own[f"DELETE {base}/{{command}}"] = self._delete_command
        return own

    async def _me(self, _: Call) -> Answer:
        return Answer(body=payloads.own_user(self._world.bot))

    async def _application(self, _: Call) -> Answer:
        return Answer(body=payloads.application(self._world))

    async def _gateway(self, call: Call) -> Answer:
        if not call.route.endswith("/bot"):
            return Answer(body={"url": self._gateway_url()})
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return Answer(body={"url": self._gateway_url(), "shards": 1, "session_start_limit": limit})

    # -- commands

    def _scope(self, call: Call) -> int | None:
        if call.params["application"] != str(self._world.application_id):
            raise ApiError(UNKNOWN_USER)
        guild = call.id("guild") if "guild" in call.params else None
        if guild not in (None, self._world.guild_id):
            raise ApiError(UNKNOWN_GUILD)
        return guild

    async def _commands_of(self, call: Call) -> Answer:
        return Answer(body=self._commands.all(self._scope(call)))

    async def _sync(self, call: Call) -> Answer:
        if not isinstance(call.json, list):
            raise ApiError(BAD_JSON)
        return Answer(body=self._commands.sync(self._scope(call), call.json))

    async def _upsert(self, call: Call) -> Answer:
        return Answer(body=self._commands.upsert(self._scope(call), call.fields), status=201)

    async def _command(self, call: Call) -> Answer:
        return Answer(body=self._commands.get(self._scope(call), call.id("command")))

    async def _patch_command(self, call: Call) -> Answer:
        scope = self._scope(call)
        before = self._commands.get(scope, call.id("command"))
        return Answer(body=self._commands.upsert(scope, before | call.fields))

    async def _delete_command(self, call: Call) -> Answer:
        self._commands.delete(self._scope(call), call.id("command"))
        return NO_CONTENT

    # -- channels and messages

    def _place(self, call: Call, needed: Permissions) -> Channel:
        channel = self._world.channel(call.id("channel"))
        self._world.require(channel, needed | Permissions.VIEW_CHANNEL)
        return channel

    def _message(self, call: Call, needed: Permissions = NOTHING) -> Message:
        return self._messages.get(call.id("message"), self._place(call, needed).id)

    async def _channel(self, call: Call) -> Answer:
        channel = self._place(call, NOTHING)
        build = payloads.thread if channel.type is ChannelType.THREAD else payloads.channel
        return Answer(body=build(channel, self._world))

    async def _open_dm(self, call: Call) -> Answer:
        person = self._world.person_by_id(int(call.fields["recipient_id"]))
        if person is None:
            raise ApiError(UNKNOWN_USER)
        return Answer(body=payloads.channel(self._world.direct_channel(person), self._world))

    async def _history(self, call: Call) -> Answer:
        channel = self._place(call, Permissions.READ_MESSAGE_HISTORY)
        return Answer(body=[message.payload() for message in self._messages.page(channel.id, call.query)])

    async def _create(self, call: Call) -> Answer:
        channel = self._place(call, _needed(self._world, call))
        check_message(call.fields, call.files, limit=self._world.upload_limit, create=True)
        if not mentions_nobody(call.fields):
            self._world.complain(f"{call.route}: allowed_mentions.parse is not empty")
        body = {key: value for key, value in call.fields.items() if key != "flags"}
        body["flags"] = (call.fields.get("flags") or 0) & ~(1 << 6)  # only interactions make ephemeral messages
        return Answer(body=self._messages.create(channel.id, self._world.bot, body, call.files).payload())

    async def _get(self, call: Call) -> Answer:
        return Answer(body=self._message(call, Permissions.READ_MESSAGE_HISTORY).payload())

    async def _edit(self, call: Call) -> Answer:
        message = self._message(call)
        check_message(call.fields, call.files, limit=self._world.upload_limit, create=False)
        return Answer(body=self._messages.edit(message, call.fields, call.files).payload())

    async def _delete(self, call: Call) -> Answer:
        self._messages.delete(self._message(call))
        return NO_CONTENT

    async def _typing(self, call: Call) -> Answer:
        self._place(call, Permissions.SEND_MESSAGES)
        return NO_CONTENT

    async def _voice_status(self, call: Call) -> Answer:
        self._place(call, Permissions.SET_VOICE_CHANNEL_STATUS).status = call.fields.get("status")
        self._world.changed.beat()
        return NO_CONTENT

    async def _voice_state(self, call: Call) -> Answer:
        """On a stage: step up, which takes a right, or ask for it."""
        state = self._world.voice_states.get(self._world.bot.id)
        if state is None:
            raise ApiError(UNKNOWN_CHANNEL)
        if call.fields.get("suppress") is False:
            self._world.require(self._world.channel(int(state["channel_id"])), Permissions.MUTE_MEMBERS)
        wanted: Json = {
            key: call.fields[key] for key in ("suppress", "request_to_speak_timestamp") if key in call.fields
        }
        state.update(wanted)
        self._dispatch("VOICE_STATE_UPDATE", state)
        self._world.changed.beat()
        return NO_CONTENT

    async def _sound(self, call: Call) -> Answer:
        self._world.require(self._world.general, Permissions.CREATE_GUILD_EXPRESSIONS)
        if call.id("guild") != self._world.guild_id:
            raise ApiError(UNKNOWN_GUILD)
        given = call.fields
        check_sound(given)
        sound: Json = {
            "name": given["name"],
            "sound_id": str(self._world.new_id()),
            "volume": given.get("volume") or 1.0,
            "emoji_id": given.get("emoji_id"),
            "emoji_name": given.get("emoji_name"),
            "guild_id": str(self._world.guild_id),
            "available": True,
            "user": payloads.user(self._world.bot),
        }
        self._world.sounds.append(sound)
        self._world.changed.beat()
        return Answer(body=sound, status=201)


def _needed(world: World, call: Call) -> Permissions:
    """What it takes to send this message in this channel."""
    in_thread = world.channel(call.id("channel")).type is ChannelType.THREAD
    needed = Permissions.SEND_MESSAGES_IN_THREADS if in_thread else Permissions.SEND_MESSAGES
    if (call.fields.get("flags") or 0) & VOICE_MESSAGE:
        return needed | Permissions.SEND_VOICE_MESSAGES
    if call.fields.get("embeds"):
        needed |= Permissions.EMBED_LINKS
    return needed | Permissions.ATTACH_FILES if call.files else needed
