"""The REST API: from a request to its route, past faults, token and schema, to a handler of `routes` or `webhooks`."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from bot.loopback.faults import Effect, Fault, Faults
from bot.loopback.problems import (
    BAD_JSON,
    EMPTY_MESSAGE,
    INVALID_FORM,
    NOT_FOUND,
    SPEECH_BAD_CONTENT,
    SPEECH_BAD_FILES,
    SPEECH_BAD_METADATA,
    SPEECH_EDITED,
    TOO_LARGE,
    UNAUTHORIZED,
    ApiError,
)
from bot.loopback.routes import Routes
from bot.loopback.schema import Schema
from bot.loopback.webhooks import Webhooks
from bot.loopback.wire import Answer, Call, read_body
from bot.loopback.world import World

PREFIX = "/api/v10"
RST_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: closing sends a reset
_SPEECH = (SPEECH_BAD_CONTENT, SPEECH_BAD_FILES, SPEECH_BAD_METADATA, SPEECH_EDITED)
AVOIDABLE = {
    problem.code for problem in (INVALID_FORM, EMPTY_MESSAGE, TOO_LARGE, BAD_JSON, *_SPEECH)
}  # the client could know
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
WITHOUT_BOT_TOKEN = ("/interactions/", "/webhooks/")  # these carry their own token in the path


class Rest:
    """Serves the API. `closing` ends the requests that a fault left without an answer."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        routes: Routes,
        webhooks: Webhooks,
        *,
        token: str,
        schema: Schema | None,
    ) -> None:
        self.closing = asyncio.Event()
        self._world = world
        self._faults = faults
        self._token = token
        self._schema = schema
        self._handlers = routes.table() | webhooks.table()

    def add_to(self, application: web.Application) -> None:
        """Registers every route, and one that complains about all others."""
        for route in self._handlers:
            method, template = route.split(" ", 1)
            application.router.add_route(method, PREFIX + template, self._serve)
        application.router.add_route("*", PREFIX + "/{rest:.*}", self._unknown)

    async def _unknown(self, request: web.Request) -> web.Response:
        self._world.complain(f"unknown route {request.method} {request.path}")
        return _refusal(ApiError(NOT_FOUND)).response()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        resource = request.match_info.route.resource
        template = resource.canonical if resource is not None else ""
        route = f"{request.method} {template.removeprefix(PREFIX)}"
        fault = self._faults.take(route)
        self._world.changed.beat()
        if fault is not None and fault.effect is not Effect.LOST_ANSWER:
            return await self._fail(request, fault)
        answer = await self._answer(request, route)
        if fault is not None:
            return _cut(request)
        return answer.response()

    async def _answer(self, request: web.Request, route: str) -> Answer:
        try:
            self._check_token(request)
            json, files = await read_body(request)
            path = request.path.removeprefix(PREFIX)
            call = Call(
                route=route,
                path=path,
                params=dict(request.match_info),
                query=dict(request.query),
                json=json,
                files=files,
            )
            self._check_request(request.method, call)
            answer = await self._handlers[route](call)
            self._check_answer(request.method, call, answer)
        except ApiError as error:
            if error.body["code"] in AVOIDABLE:
                self._world.complain(f"{route}: {error}")
            return _refusal(error)
        except MALFORMED as error:  # the handlers trust the shape of a body; the schema check has words for it
            self._world.complain(f"{route}: 50035 malformed body ({error!r})")
            return _refusal(ApiError(INVALID_FORM))
        return answer

    def _check_token(self, request: web.Request) -> None:
        open_to_all = request.path.removeprefix(PREFIX).startswith(WITHOUT_BOT_TOKEN)
        if not open_to_all and request.headers.get("Authorization") != f"Bot {self._token}":
            raise ApiError(UNAUTHORIZED)

    def _check_request(self, method: str, call: Call) -> None:
        if self._schema is not None and call.json is not None:
            for problem in self._schema.request_problems(method, call.path, call.json):
                self._world.complain(f"{call.route}: {problem}")

    def _check_answer(self, method: str, call: Call, answer: Answer) -> None:
        if self._schema is not None and answer.status != 204:
            for problem in self._schema.answer_problems(method, call.path, answer.status, answer.body):
                self._world.complain(f"the loopback's own answer to {call.route}: {problem}")

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.effect is Effect.SILENCE:
            await self.closing.wait()
            return _cut(request)
        if fault.effect is Effect.RESET:
            return _cut(request)
        await request.read()  # else the client is still writing when the answer comes
        if fault.effect is Effect.RATE_LIMIT:
            return _rate_limited(fault).response()
        return Answer(body={"message": fault.message, "code": fault.code}, status=fault.status).response()


def _rate_limited(fault: Fault) -> Answer:
    headers = {"Retry-After": f"{fault.retry_after:.3f}"} | ({"Via": "1.1 google"} if fault.via else {})
    body = {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": False}
    return Answer(body=body, status=429, headers=headers)


def _refusal(error: ApiError) -> Answer:
    return Answer(body=error.body, status=error.status)


def _cut(request: web.Request) -> web.Response:
    """Resets the connection under the client; the response that aiohttp wants goes nowhere."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_AT_CLOSE)
        transport.abort()
    return web.Response(status=204)
