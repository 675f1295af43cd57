"""What a person can do on the page, as values, and doing it as that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.loopback.commands import CommandType, Option, Refused
from bot.loopback.exchange import DidNotRespond, Exchange
from bot.loopback.messages import Message
from bot.loopback.payloads import Json
from bot.loopback.server import Loopback
from bot.loopback.user import User
from bot.loopback.world import Channel
from bot.page.radio import Radio
from bot.page.scene import Scene

SILENT = "The application did not respond"  # Discord's words, for commands
FAILED = "This interaction failed"  # and for components
FORM_FAILED = "Something went wrong. Try again."  # and for modals
LONGEST = 2000  # characters of a person's own message
MODALS = 20  # open ones that one page may have

Value = bool | int | float | str


class Deed(BaseModel):
    """Anything that comes from the page; ids travel as strings there."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    number: int  # the page's own, to tell the answers apart


class Use(Deed):
    """A slash command."""

    do: Literal["use"]
    channel: int
    path: list[str] = Field(min_length=1, max_length=3)
    options: dict[str, Value]


class Complete(Deed):
    """Typing in an option with autocompletion."""

    do: Literal["complete"]
    channel: int
    path: list[str] = Field(min_length=1, max_length=3)
    options: dict[str, Value]
    focused: str
    typed: str


class Menu(Deed):
    """A command of a message's context menu."""

    do: Literal["menu"]
    name: str
    message: int


class Press(Deed):
    """A button."""

    do: Literal["press"]
    message: int
    custom_id: str


class Choose(Deed):
    """A select menu."""

    do: Literal["choose"]
    message: int
    custom_id: str
    values: list[str]


class Submit(Deed):
    """A modal, filled in."""

    do: Literal["submit"]
    modal: int
    values: dict[str, str | list[str]]


class Write(Deed):
    """A plain message."""

    do: Literal["write"]
    channel: int
    content: str = Field(min_length=1, max_length=LONGEST)


class Join(Deed):
    """Into the voice channel."""

    do: Literal["join"]
    channel: int


class Leave(Deed):
    """Out of it."""

    do: Literal["leave"]


AnyDeed = Use | Complete | Menu | Press | Choose | Submit | Write | Join | Leave
DEEDS: TypeAdapter[AnyDeed] = TypeAdapter(Annotated[AnyDeed, Field(discriminator="do")])


class Hands:
    """Does one person's deeds; `files` are what their page has uploaded. An answer is JSON; `error` in it is for their eyes."""

    def __init__(
        self, discord: Loopback, user: User, scene: Scene, radio: Radio, files: Mapping[str, tuple[str, bytes]]
    ) -> None:
        self._discord, self._user, self._scene, self._radio, self._files = discord, user, scene, radio, files
        self._modals: dict[int, Exchange] = {}

    async def do(self, deed: AnyDeed) -> Json:
        """What came of it, once the bot has answered first; Refused where Discord's client would not let a person do it."""
        user, otherwise = self._user, FAILED
        match deed:
            case Use():
                exchange = user.use(deed.path, self._values(deed), self._here(deed.channel))
                otherwise = SILENT
            case Menu():
                exchange = await user.use_on_message(deed.name, self._message(deed.message))
                otherwise = SILENT
            case Press():
                exchange = await user.press(self._message(deed.message), deed.custom_id)
            case Choose():
                exchange = await user.choose(self._message(deed.message), deed.custom_id, deed.values)
            case Submit():
                return await self._submit(deed)
            case Complete():
                return await self._choices(deed)
            case _:
                return self._without_the_bot(deed)
        return await self._first_answer(exchange, otherwise)

    def _without_the_bot(self, deed: Write | Join | Leave) -> Json:
        match deed:
            case Write():
                self._user.write(deed.content, channel=self._here(deed.channel).id)
            case Join():
                self._radio.tune(self._user.join_voice(self._here(deed.channel).id))
            case Leave():
                self._user.leave_voice()
        self._discord.world.changed.beat()
        return {}

    async def _first_answer(self, exchange: Exchange, otherwise: str) -> Json:
        try:
            await exchange.acknowledged()
        except DidNotRespond:
            return {"error": otherwise}
        answer: Json = {"interaction": str(exchange.id)}  # the page finds the reply by it
        if exchange.modal is None:
            return answer
        self._modals[exchange.id] = exchange
        while len(self._modals) > MODALS:
            del self._modals[next(iter(self._modals))]
        return answer | {"modal": exchange.modal | {"number": str(exchange.id)}}

    async def _choices(self, deed: Complete) -> Json:
        values = self._values(deed)
        try:
            found = await self._user.suggestions(
                deed.path, values, (deed.focused, deed.typed), self._here(deed.channel)
            )
        except DidNotRespond:
            return {"error": "Loading options failed"}
        return {"choices": found}

    async def _submit(self, deed: Submit) -> Json:
        exchange = self._modals.get(deed.modal)
        if exchange is None:
            return {"error": FORM_FAILED}
        answer = await self._first_answer(await self._user.submit(exchange, deed.values), FORM_FAILED)
        if "error" not in answer:
            self._modals.pop(deed.modal, None)
        return answer

    def _values(self, deed: Use | Complete) -> dict[str, Any]:
        """Option values as the person's side of the loopback takes them: people, channels and files are not plain."""
        command = self._discord.commands.find(
            deed.path[0], CommandType.CHAT, self._here(deed.channel), self._user.person
        )
        for word in deed.path[1:]:
            command = next((one for one in command.get("options") or [] if one["name"] == word), {})
        kinds = {option["name"]: option["type"] for option in command.get("options") or []}
        return {name: self._value(kinds.get(name), value) for name, value in deed.options.items()}

    def _value(self, kind: int | None, value: Value) -> Any:
        if kind == Option.USER:
            return self._discord.world.person_by_id(int(value))
        if kind == Option.CHANNEL:
            return self._here(int(value)).id
        if kind == Option.ATTACHMENT:
            if str(value) not in self._files:
                raise Refused("The file did not arrive. Choose it again.")
            return self._files[str(value)]
        return value

    def _here(self, channel_id: int) -> Channel:
        here = self._scene.channel(channel_id)
        if here is None:
            raise Refused("There is no such channel.")
        return here

    def _message(self, message_id: int) -> Message:
        message = self._scene.message(message_id)
        if message is None:
            raise Refused("This message is not there any more.")
        return message
