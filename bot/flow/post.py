"""What is sent to Discord for a job, and what Discord's errors mean for it. The only file of the flow that speaks REST."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import enum
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import discord

from bot import texts
from bot.flow import voice_message
from bot.flow.job import Job
from bot.texts import say

ORIGINAL: Any = "@original"  # the deferred reply: Discord takes this word where discord.py expects an id
TRY_FOR = 60.0  # seconds for one request: an upload of 10 MB on a slow line
LOOK_THROUGH = 1000  # messages since the ask among which an answer is looked for: ten requests at most


class Place(NamedTuple):
    """Where a message is."""

    channel_id: int
    message_id: int


class Trouble(enum.Enum):
    """What an error means for the job."""

    DELETED = "the reply was deleted"
    TOKEN = "the interaction's token is no longer valid"  # noqa: S105 - a sentence
    UNKNOWN = "Discord has no reply to this interaction"
    TOO_LARGE = "the file is too large"
    FORBIDDEN = "not allowed, or the channel is gone"
    CLAIMED = "somebody else has answered, or it was too late"
    PASSING = "a passing fault"


# Discord's JSON error codes (opcodes and status codes)
_CODES = {
    10003: Trouble.FORBIDDEN,  # unknown channel
    10008: Trouble.DELETED,  # unknown message
    10013: Trouble.FORBIDDEN,  # unknown user
    10015: Trouble.UNKNOWN,  # unknown webhook: of an interaction that nobody answered yet
    10062: Trouble.CLAIMED,  # unknown interaction
    40005: Trouble.TOO_LARGE,  # request entity too large
    40060: Trouble.CLAIMED,  # already acknowledged
    50001: Trouble.FORBIDDEN,  # missing access
    50007: Trouble.FORBIDDEN,  # cannot send messages to this user
    50013: Trouble.FORBIDDEN,  # missing permissions
    50027: Trouble.TOKEN,  # invalid webhook token
    50083: Trouble.FORBIDDEN,  # the thread is archived: a new message may open it again, an edit does not
    160005: Trouble.FORBIDDEN,  # the thread is locked
}
_STATUSES = {401: Trouble.TOKEN, 403: Trouble.FORBIDDEN, 413: Trouble.TOO_LARGE}

ERRORS = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)


def trouble(error: BaseException) -> Trouble:
    """What this error (one of `ERRORS`) means for the job."""
    if not isinstance(error, discord.HTTPException):
        return Trouble.PASSING
    return _CODES.get(error.code) or _STATUSES.get(error.status, Trouble.PASSING)


def pause(error: discord.HTTPException) -> float:
    """Seconds to leave Discord alone after this error: 0, or after a 429 that discord.py did not wait out itself what it says.

    One without a `Via` header comes from the shield in front of Discord and counts against the whole machine.
    """
    if error.status != 429:
        return 0.0
    return float(error.response.headers.get("Retry-After", 60.0)) if error.response.headers.get("Via") else 600.0


class Post:
    """The messages of a job. Every method raises one of `ERRORS`; `trouble` says what it means.

    Where Discord asks to be left alone, all of them wait.
    """

    def __init__(self, client: discord.Client, mentions: Callable[[Job], bool] = lambda _: True) -> None:
        self._client, self._mentions = client, mentions  # whether an asker wants to be called
        self._quiet_until = 0.0  # on the loop's clock

    @contextlib.asynccontextmanager
    async def _request(self) -> AsyncIterator[None]:
        """One request: not before a pause is over, and not for ever."""
        now = asyncio.get_running_loop().time
        await asyncio.sleep(self._quiet_until - now())
        try:
            async with asyncio.timeout(TRY_FOR):
                yield
        except discord.HTTPException as error:
            self._quiet_until = max(self._quiet_until, now() + pause(error))
            raise

    def _reply(self, job: Job) -> discord.Webhook:
        if job.token is None:
            raise ValueError(f"{job!r} has no token")
        webhook = discord.Webhook.partial(job.application_id, job.token, client=self._client)
        webhook.type = discord.WebhookType.application  # an interaction's: only these may send what one person sees
        return webhook

    async def edit(
        self,
        job: Job,
        content: str,
        paths: Sequence[Path] = (),
        view: discord.ui.View | None = None,
        *,
        bare: bool = False,
    ) -> Place:
        """Replace what the reply says, its buttons, and with `paths` what it carries. As often as one likes: the result is the same.

        `bare`: what it carried goes.
        """
        async with self._request():
            kept = [] if bare else discord.utils.MISSING
            files = [attachment(job, path) for path in paths] or kept
            message = await self._reply(job).edit_message(ORIGINAL, content=content, attachments=files, view=view)
            return Place(job.channel_id, message.id)

    async def exists(self, job: Job) -> bool:
        """Whether Discord has the deferred reply, asked while the token lives."""
        try:
            async with self._request():
                await self._reply(job).fetch_message(ORIGINAL)
        except discord.HTTPException as error:
            if trouble(error) in (Trouble.DELETED, Trouble.UNKNOWN):
                return False
            raise
        return True

    async def find_reply(self, job: Job) -> bool:
        """The same, looked up in the channel after the token has died: messages name the interaction they answer."""
        async with self._request():
            place = await self._place(job, direct=False)
            async for message in place.history(limit=100, after=discord.Object(job.id), oldest_first=True):
                if message.interaction_metadata is not None and message.interaction_metadata.id == job.id:
                    return True
        return False

    async def delete(self, job: Job) -> None:
        """Take the reply away."""
        async with self._request():
            await self._reply(job).delete_message(ORIGINAL)

    async def whisper(self, job: Job, content: str) -> None:
        """A follow-up that only the asker sees. It cannot be repeated safely: Discord knows no nonce here."""
        async with self._request():
            await self._reply(job).send(content, ephemeral=True, wait=True)

    async def send(
        self,
        job: Job,
        content: str,
        paths: Sequence[Path],
        *,
        direct: bool = False,
        view: discord.ui.View | None = None,
    ) -> Place:
        """A message of its own, in the channel or to the asker alone. The nonce makes all tries within minutes one message."""
        called = [discord.Object(job.user_id)] if self._mentions(job) else False
        mentions = discord.AllowedMentions(everyone=False, roles=False, users=called)
        async with self._request():
            place = await self._place(job, direct=direct)
            files = [attachment(job, path) for path in paths] or discord.utils.MISSING
            buttons = discord.utils.MISSING if view is None else view
            message = await place.send(content, files=files, nonce=str(job.id), allowed_mentions=mentions, view=buttons)
            return Place(message.channel.id, message.id)

    async def tell(self, channel_id: int, content: str, view: discord.ui.View = discord.utils.MISSING) -> Place:
        """Words in a channel that belong to no job. They cannot be repeated safely."""
        async with self._request():
            message = await self._client.get_partial_messageable(channel_id).send(content, view=view)
            return Place(channel_id, message.id)

    async def write(self, user_id: int, content: str, view: discord.ui.View | None = None) -> Place:
        """The same to one person, in direct messages. Words that cannot be repeated safely."""
        async with self._request():
            channel = await self._client.create_dm(discord.Object(user_id))
            message = await (channel.send(content, view=view) if view else channel.send(content))
            return Place(channel.id, message.id)

    async def speak(self, job: Job, path: Path, *, channel_id: int | None, nonce: str) -> Place:
        """The audio as a voice message, beside the answer."""
        picture = await asyncio.to_thread(voice_message.draw, path)
        file = voice_message.VoiceFile(path, picture, filename=filename(path), description=alt_text(job))
        async with self._request():
            where = channel_id or job.channel_id
            return Place(where, await voice_message.send(self._client, where, file, nonce=nonce))

    async def add_sound(self, guild_id: int, name: str, path: Path, content_type: str) -> None:
        """The audio as a sound of a server. Not by `Guild.create_soundboard_sound`, which takes no Ogg."""
        content = base64.b64encode(await asyncio.to_thread(path.read_bytes)).decode()
        sound = f"data:{content_type};base64,{content}"
        async with self._request():
            await self._client.http.create_soundboard_sound(guild_id, reason=None, name=name, sound=sound, volume=1.0)

    async def take_away(self, channel_id: int, message_id: int) -> None:
        """Delete a message of ours by the bot's own right: interactions' tokens die."""
        async with self._request():
            await self._client.get_partial_messageable(channel_id).get_partial_message(message_id).delete()

    async def find(self, job: Job, *, direct: bool = False) -> Place | None:
        """Where the channel holds the answer already: a file of ours that carries the job's id."""
        async with self._request():
            place = await self._place(job, direct=direct)
            async for message in place.history(limit=LOOK_THROUGH, after=discord.Object(job.id)):
                if (
                    any(str(job.id) in attached.filename for attached in message.attachments)
                    and message.author.id == self._me()
                ):
                    return Place(message.channel.id, message.id)
        return None

    def _me(self) -> int:
        return self._client.user.id if self._client.user else 0

    async def _place(self, job: Job, *, direct: bool) -> discord.abc.Messageable:
        if not direct:
            return self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        return await self._client.create_dm(discord.Object(job.user_id))


def attachment(job: Job, path: Path) -> discord.File:
    """The audio as it is uploaded."""
    return discord.File(path, filename=filename(path), description=alt_text(job))


def filename(path: Path) -> str:
    """A name that says what it is; the file's own is the job's id, with the number of a further take."""
    return f"ai-speech-{path.name}"


def alt_text(job: Job) -> str:
    """What a file says to those who cannot hear it."""
    return say(texts.ALT_TEXT, voice=job.voices or say(texts.NO_VOICE), seconds=texts.clip_length(job.seconds or 0.0))
