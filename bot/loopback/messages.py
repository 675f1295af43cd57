"""Messages and their attachments: create, edit, delete, history, and the nonce that makes creating idempotent."""

from __future__ import annotations

import dataclasses
import mimetypes
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from bot.loopback.payloads import Json, numbered, timestamp, user
from bot.loopback.problems import FOREIGN_MESSAGE, INVALID_FORM, SPEECH_EDITED, UNKNOWN_MESSAGE, ApiError
from bot.loopback.rules import EPHEMERAL, LOADING, VOICE_MESSAGE
from bot.loopback.wire import Upload
from bot.loopback.world import Person, World

NONCE_WINDOW = 300.0  # seconds; Discord says "the past few minutes"
NONCE_LENGTH = 25  # characters
PAGE, LARGEST_PAGE = 50, 100  # messages of one look into the history
_KEPT = ("description", "title", "duration_secs", "waveform")  # of what the client says about a file


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A stored file. `url` is downloadable as long as the loopback lives."""

    id: int
    filename: str
    url: str
    data: bytes
    content_type: str
    said: Mapping[str, Any]  # description, title, duration_secs, waveform where given

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)

    @property
    def description(self) -> str:
        """The alt text, empty where there is none."""
        return str(self.said.get("description") or "")

    def payload(self) -> Json:
        """The attachment object."""
        fixed = {"id": str(self.id), "filename": self.filename, "size": self.size, "content_type": self.content_type}
        return fixed | {"url": self.url, "proxy_url": self.url} | dict(self.said)


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Message:
    """A live message: it changes when the client edits it. `history` holds each text it ever had, oldest first."""

    id: int
    channel_id: int
    author: Person
    created_at: float  # seconds of the loopback's clock
    content: str = ""
    embeds: list[Json] = dataclasses.field(default_factory=list)
    components: list[Json] = dataclasses.field(default_factory=list)
    attachments: tuple[Attachment, ...] = ()
    flags: int = 0
    nonce: str | None = None
    reply_to: int | None = None
    edited_at: float | None = None
    deleted: bool = False
    only_for: Person | None = None  # who sees an ephemeral message
    pings: tuple[int, ...] = ()  # people who are called by it, as far as it says so one by one
    answers: Json | None = None  # the interaction_metadata of a message made by an interaction's token
    history: list[str] = dataclasses.field(default_factory=list)

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether it still says that the application is thinking."""
        return bool(self.flags & LOADING)

    def payload(self) -> Json:
        """The message object."""
        optional: Json = {"nonce": self.nonce} if self.nonce is not None else {}
        if self.answers is not None:
            optional["interaction_metadata"] = self.answers
        if self.reply_to is not None:
            optional["message_reference"] = {
                "type": 0,
                "channel_id": str(self.channel_id),
                "message_id": str(self.reply_to),
            }
        return optional | {
            "id": str(self.id),
            "type": 19 if self.reply_to else 0,  # REPLY or DEFAULT
            "channel_id": str(self.channel_id),
            "author": user(self.author),
            "content": self.content,
            "timestamp": timestamp(self.created_at),
            "edited_timestamp": None if self.edited_at is None else timestamp(self.edited_at),
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [attachment.payload() for attachment in self.attachments],
            "embeds": self.embeds,
            "components": self.components,
            "pinned": False,
            "flags": self.flags,
        }


class Messages:
    """All messages and files. `address` (http://127.0.0.1:PORT) is set once the server listens."""

    def __init__(self, world: World, *, nonce_deduplication: bool) -> None:
        self.address = ""
        self._world = world
        self._by_id: dict[int, Message] = {}
        self._by_channel: dict[int, list[Message]] = defaultdict(list)
        self._by_nonce: dict[str, list[Message]] = defaultdict(list)
        self._replies: dict[int, list[Message]] = defaultdict(list)  # by the message they reply to
        self._files: dict[int, Attachment] = {}
        self._deduplicate = nonce_deduplication

    def create(
        self,
        channel_id: int,
        author: Person,
        body: Json,
        files: Mapping[int, Upload] | None = None,
        *,
        only_for: Person | None = None,
    ) -> Message:
        """A new message, or the earlier one where the body asks for its nonce to be enforced."""
        nonce = None if body.get("nonce") is None else str(body["nonce"])
        if nonce is not None and len(nonce) > NONCE_LENGTH:
            raise ApiError(INVALID_FORM, field="nonce", why=f"Must be {NONCE_LENGTH} or fewer in length.")
        if body.get("enforce_nonce") and self._deduplicate and (earlier := self._same(channel_id, author, nonce)):
            return earlier
        now = self._world.clock()
        message = Message(id=self._world.new_id(), channel_id=channel_id, author=author, created_at=now, nonce=nonce)
        message.reply_to = int((body.get("message_reference") or {}).get("message_id") or 0) or None
        message.only_for = only_for
        message.pings = _pings(body)
        self._change(message, body, files or {})
        self._remember(message)
        return message

    def edit(self, message: Message, body: Json, files: Mapping[int, Upload]) -> Message:
        """The same message with what the body names replaced; what it leaves out stays."""
        if message.author is not self._world.bot:
            raise ApiError(FOREIGN_MESSAGE)
        if message.flags & VOICE_MESSAGE:
            raise ApiError(SPEECH_EDITED)
        self._change(message, body, files)
        message.flags &= ~LOADING
        message.edited_at = self._world.clock()
        self._world.changed.beat()
        return message

    def delete(self, message: Message) -> None:
        """Gone for the client; whoever holds the object still sees what it was."""
        message.deleted = True
        self._world.changed.beat()

    def get(self, message_id: int, channel_id: int | None = None) -> Message:
        """The message, if it exists (in that channel, and for everybody to see); ApiError 10008 if not."""
        message = self._by_id.get(message_id)
        if message is None or message.deleted:
            raise ApiError(UNKNOWN_MESSAGE)
        if channel_id is not None and (message.channel_id != channel_id or message.ephemeral):
            raise ApiError(UNKNOWN_MESSAGE)
        return message

    def in_channel(self, channel_id: int) -> list[Message]:
        """What everybody sees in a channel, oldest first."""
        return [message for message in self._by_channel[channel_id] if not message.deleted and not message.ephemeral]

    def seen_by(self, channel_id: int, person: Person) -> list[Message]:
        """What this person sees in a channel, oldest first: with the ephemeral ones for them."""
        return [
            message
            for message in self._by_channel[channel_id]
            if not message.deleted and (not message.ephemeral or message.only_for is person)
        ]

    def answering(self, nonce: str, reply_to: Message | None) -> list[Message]:
        """The bot's messages with this nonce, and those that reply to this message, oldest first."""
        replies = self._replies[reply_to.id] if reply_to is not None else []
        found = {message.id: message for message in [*self._by_nonce[nonce], *replies]}
        return [found[key] for key in sorted(found) if found[key].author is self._world.bot and not found[key].deleted]

    def page(self, channel_id: int, query: Mapping[str, str]) -> list[Message]:
        """A look into the history, newest first, with `limit` and one of `before`, `after`, `around`."""
        limit = min(int(query.get("limit", PAGE)), LARGEST_PAGE)
        found = self.in_channel(channel_id)
        if "after" in query:
            return [message for message in found if message.id > int(query["after"])][:limit][::-1]
        if "around" in query:
            found.sort(key=lambda message: abs(message.id - int(query["around"])))
            return sorted(found[:limit], key=lambda message: -message.id)
        newest = [message for message in found if message.id < int(query.get("before", 1 << 63))]
        return newest[::-1][:limit]

    def store_file(self, upload: Upload, said: Json) -> Attachment:
        """Keeps a file for download."""
        file_id = self._world.new_id()
        name = str(said.get("filename") or upload.filename)
        kept = {key: said[key] for key in _KEPT if said.get(key) is not None}
        guessed = mimetypes.guess_type(name)[0] or upload.content_type
        url = f"{self.address}/cdn/{file_id}/{name}"
        attachment = Attachment(id=file_id, filename=name, url=url, data=upload.data, content_type=guessed, said=kept)
        self._files[file_id] = attachment
        return attachment

    def file(self, file_id: int) -> Attachment | None:
        """A stored file."""
        return self._files.get(file_id)

    def _same(self, channel_id: int, author: Person, nonce: str | None) -> Message | None:
        since = self._world.clock() - NONCE_WINDOW
        for message in self._by_nonce[nonce] if nonce is not None else ():
            if (message.channel_id, message.author) == (channel_id, author) and message.created_at >= since:
                return message
        return None

    def _remember(self, message: Message) -> None:
        self._by_id[message.id] = message
        self._by_channel[message.channel_id].append(message)
        if message.nonce is not None:
            self._by_nonce[message.nonce].append(message)
        if message.reply_to is not None:
            self._replies[message.reply_to].append(message)
        self._world.changed.beat()

    def _change(self, message: Message, body: Json, files: Mapping[int, Upload]) -> None:
        if files or "attachments" in body:  # first: this may be refused, and then nothing changes
            message.attachments = self._attachments(message, body, files)
        if "content" in body:
            message.content = body["content"] or ""
        if "embeds" in body:
            message.embeds = [{"type": "rich"} | embed for embed in body["embeds"] or []]
        if "components" in body:
            message.components = numbered(body["components"] or [])
        if body.get("flags") is not None:
            message.flags = body["flags"] | (message.flags & EPHEMERAL)
        message.history.append(message.content)

    def _attachments(self, message: Message, body: Json, files: Mapping[int, Upload]) -> tuple[Attachment, ...]:
        """Listed ids of old files are kept, numbers of new files are stored; no list at all keeps the old ones."""
        listed = body.get("attachments")
        if listed is None:
            fresh = [self.store_file(upload, {}) for upload in files.values()]
            return (*message.attachments, *fresh)
        old = {attachment.id: attachment for attachment in message.attachments}
        result = []
        for entry in listed:
            number = int(entry["id"])
            if number in files:
                result.append(self.store_file(files[number], entry))
            elif number in old:
                result.append(old[number])
            else:
                raise ApiError(INVALID_FORM, field="attachments", why=f"{number} is no attachment of this message")
        return tuple(result)


def _pings(body: Json) -> tuple[int, ...]:
    """Who is both mentioned in the text and listed as one who may be called."""
    listed = (body.get("allowed_mentions") or {}).get("users") or []
    return tuple(int(number) for number in listed if f"<@{number}>" in (body.get("content") or ""))
