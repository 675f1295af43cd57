"""Handlers of the routes that take an interaction's token: the callback, the original reply, follow-ups."""

from __future__ import annotations

from bot.loopback.interactions import Callback, Interaction, Interactions
from bot.loopback.messages import Message, Messages
from bot.loopback.payloads import Json
from bot.loopback.problems import INVALID_FORM, UNKNOWN_WEBHOOK, ApiError
from bot.loopback.routes import Handler
from bot.loopback.rules import check_message, mentions_nobody
from bot.loopback.wire import NO_CONTENT, Answer, Call
from bot.loopback.world import World

CHOICES = 25  # of an autocomplete answer
MODAL_ROWS = 5
MODAL_TITLE = 45  # characters


class Webhooks:
    """What the bot does by an interaction's token."""

    def __init__(self, world: World, interactions: Interactions, messages: Messages) -> None:
        self._world = world
        self._interactions = interactions
        self._messages = messages

    def table(self) -> dict[str, Handler]:
        """Handlers by method and template."""
        base = "/webhooks/{application}/{token}"
        table: dict[str, Handler] = {
            "POST /interactions/{interaction}/{token}/callback": self._callback,
            f"POST {base}": self._follow_up,
        }
        for name in ("@original", "{message}"):  # two routes, so that a fault can mean the one or the other
            table[f"GET {base}/messages/{name}"] = self._get
            table[f"PATCH {base}/messages/{name}"] = self._edit
            table[f"DELETE {base}/messages/{name}"] = self._delete
        return table

    async def _callback(self, call: Call) -> Answer:
        kind, data = call.fields.get("type"), call.fields.get("data") or {}
        if not isinstance(kind, int) or not isinstance(data, dict):
            raise ApiError(INVALID_FORM, field="type", why="This field is required")
        if kind in (Callback.MESSAGE, Callback.UPDATE):
            self._check(call, data, create=kind == Callback.MESSAGE)
        _check_answer(kind, data)
        token = call.params["token"]
        interaction = self._interactions.acknowledge(call.id("interaction"), token, kind, data, call.files)
        if call.query.get("with_response") not in {"1", "true"}:
            return NO_CONTENT
        return Answer(body=_callback_body(interaction))

    async def _follow_up(self, call: Call) -> Answer:
        interaction = self._interaction(call)
        self._check(call, call.fields, create=True)
        return Answer(body=self._interactions.follow_up(interaction, call.fields, call.files).payload())

    async def _get(self, call: Call) -> Answer:
        return Answer(body=self._message(call, self._interaction(call)).payload())

    async def _edit(self, call: Call) -> Answer:
        interaction = self._interaction(call)
        message = self._message(call, interaction)
        # An edit of "is thinking" pings like a new message; other edits do not.
        self._check(call, call.fields, create=False, pings=message.loading)
        return Answer(body=self._messages.edit(message, call.fields, call.files).payload())

    async def _delete(self, call: Call) -> Answer:
        self._messages.delete(self._message(call, self._interaction(call)))
        return NO_CONTENT

    def _interaction(self, call: Call) -> Interaction:
        if call.params["application"] != str(self._world.application_id):
            raise ApiError(UNKNOWN_WEBHOOK)
        return self._interactions.by_token(call.params["token"])

    def _message(self, call: Call, interaction: Interaction) -> Message:
        return self._interactions.message(interaction, call.params.get("message", "@original"))

    def _check(self, call: Call, body: Json, *, create: bool, pings: bool = False) -> None:
        limit = self._interactions.upload_limit(call.params["token"])
        check_message(body, call.files, limit=limit, create=create)
        if (create or pings) and not mentions_nobody(body):
            self._world.complain(f"{call.route}: allowed_mentions.parse is not empty")


def _check_answer(kind: int, data: Json) -> None:
    """Lengths of a modal and of an autocomplete answer; ApiError 50035."""
    if kind == Callback.CHOICES and len(data.get("choices") or ()) > CHOICES:
        raise ApiError(INVALID_FORM, field="data.choices", why=f"Must be {CHOICES} or fewer in length.")
    if kind == Callback.MODAL:
        if not 1 <= len(data.get("components") or ()) <= MODAL_ROWS:
            raise ApiError(INVALID_FORM, field="data.components", why=f"Must be between 1 and {MODAL_ROWS}.")
        if not 1 <= len(data.get("title") or "") <= MODAL_TITLE:
            raise ApiError(INVALID_FORM, field="data.title", why=f"Must be between 1 and {MODAL_TITLE} in length.")


def _callback_body(interaction: Interaction) -> Json:
    about: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    answer, message = interaction.acknowledgement, interaction.original
    if answer is None or message is None:
        return {"interaction": about}
    about["response_message_id"] = str(message.id)
    about["response_message_loading"] = message.loading
    about["response_message_ephemeral"] = message.ephemeral
    body: Json = {"interaction": about}
    if answer.type in (Callback.MESSAGE, Callback.UPDATE):
        body["resource"] = {"type": int(answer.type), "message": message.payload()}
    return body
