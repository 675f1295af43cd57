"""What Discord says about a message beyond the shape of its JSON: lengths, counts, sizes, which parts belong together."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Mapping
from typing import Any

from bot.loopback.payloads import Json
from bot.loopback.problems import (
    EMPTY_MESSAGE,
    INVALID_FORM,
    SPEECH_BAD_CONTENT,
    SPEECH_BAD_FILES,
    SPEECH_BAD_METADATA,
    TOO_LARGE,
    ApiError,
)
from bot.loopback.wire import Upload

CONTENT = 2000  # characters, for bots
EMBED_TEXT = 6000  # characters over all embeds of a message
EMBEDS = 10
FILES = 10
FILE_NOTE = 1024  # characters of alt text
REQUEST = 25 * 1024 * 1024  # bytes over all files of one request
ROWS = 5
WAVEFORM = 256  # points of a voice message's picture
SOUND_NAME = (2, 32)  # characters
SOUND_SIZE = 512_000  # bytes
SOUND_LENGTH = 5.2  # seconds
_SOUND = re.compile(r"data:audio/(ogg|mpeg|mp3);base64,([A-Za-z0-9+/=]+)")

EPHEMERAL = 1 << 6
LOADING = 1 << 7
VOICE_MESSAGE = 1 << 13
COMPONENTS_V2 = 1 << 15

_FILLS_A_MESSAGE = ("content", "embeds", "components", "sticker_ids", "poll", "message_reference")


def check_message(body: Json, files: Mapping[int, Upload], *, limit: int, create: bool) -> None:
    """Raises the ApiError (50035, 50006, 40005) with which Discord would refuse this message or edit.

    `limit` is the size of one file in bytes; `create` is false for edits, which may leave things out.
    """
    _check_sizes(files, limit)
    _check_text(body)
    _check_attachments(body, files)
    if len(body.get("components") or ()) > ROWS and not (body.get("flags") or 0) & COMPONENTS_V2:
        raise ApiError(INVALID_FORM, field="components", why=f"Must be {ROWS} or fewer in length.")
    if (body.get("flags") or 0) & VOICE_MESSAGE:
        _check_voice_message(body, files)
    if create and not files and not any(body.get(key) for key in _FILLS_A_MESSAGE):
        raise ApiError(EMPTY_MESSAGE)


def mentions_nobody(body: Json) -> bool:
    """Whether a message with text says that it pings nobody but the people it lists one by one.

    A rule of this project, not of Discord.
    """
    if not body.get("content"):
        return True
    allowed = body.get("allowed_mentions")
    return isinstance(allowed, dict) and allowed.get("parse") == []


def _check_sizes(files: Mapping[int, Upload], limit: int) -> None:
    sizes = [len(file.data) for file in files.values()]
    if any(size > limit for size in sizes) or sum(sizes) > REQUEST:
        raise ApiError(TOO_LARGE)


def _check_text(body: Json) -> None:
    if len(body.get("content") or "") > CONTENT:
        raise ApiError(INVALID_FORM, field="content", why=f"Must be {CONTENT} or fewer in length.")
    embeds = body.get("embeds") or []
    if len(embeds) > EMBEDS:
        raise ApiError(INVALID_FORM, field="embeds", why=f"Must be {EMBEDS} or fewer in length.")
    if sum(_embed_text(embed) for embed in embeds) > EMBED_TEXT:
        raise ApiError(INVALID_FORM, field="embeds", why=f"Embed size exceeds maximum size of {EMBED_TEXT}")


def _embed_text(embed: Json) -> int:
    fields = [text for field in embed.get("fields") or [] for text in (field.get("name"), field.get("value"))]
    corners = [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    return sum(len(text or "") for text in [embed.get("title"), embed.get("description"), *fields, *corners])


def _check_attachments(body: Json, files: Mapping[int, Upload]) -> None:
    listed = body.get("attachments")
    if listed is None:
        return
    if len(listed) > FILES:
        raise ApiError(INVALID_FORM, field="attachments", why=f"Must be {FILES} or fewer in length.")
    for index, entry in enumerate(listed):
        if len(entry.get("description") or "") > FILE_NOTE:
            raise ApiError(INVALID_FORM, field=f"attachments.{index}.description", why="Must be 1024 or fewer.")
    missing = set(files) - {int(entry["id"]) for entry in listed}
    if missing:
        raise ApiError(INVALID_FORM, field="attachments", why=f"files[{min(missing)}] has no entry")


def _check_voice_message(body: Json, files: Mapping[int, Upload]) -> None:
    listed = body.get("attachments") or []
    if len(listed) != 1 or len(files) != 1:
        raise ApiError(SPEECH_BAD_FILES)
    if any(body.get(key) for key in _FILLS_A_MESSAGE):
        raise ApiError(SPEECH_BAD_CONTENT)
    if not next(iter(files.values())).content_type.startswith("audio/"):
        raise ApiError(SPEECH_BAD_FILES, field="attachments", why="The content type of a voice message is audio/...")
    entry = listed[0]
    if not entry.get("duration_secs") or not 1 <= _points(entry.get("waveform")) <= WAVEFORM:
        raise ApiError(SPEECH_BAD_METADATA)


def _points(waveform: Any) -> int:
    try:
        return len(base64.b64decode(waveform or "", validate=True))
    except (binascii.Error, TypeError):
        return 0


def check_sound(body: Json) -> None:
    """Raises the ApiError (50035) with which Discord would refuse this sound for a soundboard."""
    if not SOUND_NAME[0] <= len(body["name"]) <= SOUND_NAME[1]:
        raise ApiError(INVALID_FORM, field="name", why="Must be between 2 and 32 in length.")
    given = _SOUND.fullmatch(body["sound"])
    if given is None:
        raise ApiError(INVALID_FORM, field="sound", why="Must be a data URI of an MP3 or Ogg file.")
    content = base64.b64decode(given[2])
    if len(content) > SOUND_SIZE or _seconds(content) > SOUND_LENGTH:
        raise ApiError(INVALID_FORM, field="sound", why="At most 512 kB and 5.2 seconds.")


def _seconds(content: bytes) -> float:
    import soundfile  # noqa: PLC0415 - the bot's own process has no need of it

    try:
        return float(soundfile.info(io.BytesIO(content)).duration)
    except soundfile.LibsndfileError:
        raise ApiError(INVALID_FORM, field="sound", why="This is no audio.") from None
