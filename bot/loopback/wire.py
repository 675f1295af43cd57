"""One REST call as plain values: what a handler gets and gives, and how that travels over aiohttp."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from bot.loopback.problems import BAD_JSON, NOT_FOUND, ApiError

# discord.py compares the header with ==, and Discord adds no charset.
JSON_TYPE = "application/json"
FILE_PART = re.compile(r"files\[(\d+)\]")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One file part of a multipart request."""

    filename: str
    content_type: str
    data: bytes


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A REST request: `params` are the parts of the path, `files` the numbered parts `files[n]`."""

    route: str  # method and template, as in "PATCH /channels/{channel}/messages/{message}"
    path: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)
    json: Any = None
    files: Mapping[int, Upload] = dataclasses.field(default_factory=dict)

    def id(self, name: str) -> int:
        """A snowflake out of the path; ApiError 404 if it is none."""
        if not self.params[name].isdecimal():
            raise ApiError(NOT_FOUND)
        return int(self.params[name])

    @property
    def fields(self) -> dict[str, Any]:
        """The body where it must be an object; ApiError 50109 if it is something else."""
        if not isinstance(self.json, dict):
            raise ApiError(BAD_JSON)
        return self.json


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a handler gives back. 204 has no body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def response(self) -> web.Response:
        """The same for aiohttp."""
        if self.status == 204:
            return web.Response(status=204)
        headers = {"Content-Type": JSON_TYPE, **self.headers}
        return web.Response(body=json.dumps(self.body).encode(), status=self.status, headers=headers)


NO_CONTENT = Answer(status=204)


async def read_body(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    """The JSON of a request and its files; ApiError 50109 where it is no JSON, or a part has a name Discord ignores."""
    if request.content_type == "multipart/form-data":
        return await _read_parts(await request.multipart())
    text = await request.read()
    return (_parse(text) if text else None), {}


async def _read_parts(parts: MultipartReader) -> tuple[Any, dict[int, Upload]]:
    body: Any = {}
    files: dict[int, Upload] = {}
    async for part in parts:
        if not isinstance(part, BodyPartReader):
            raise ApiError(BAD_JSON)
        data = bytes(await part.read(decode=False))
        numbered = FILE_PART.fullmatch(part.name or "")
        if part.name == "payload_json":
            body = _parse(data)
        elif numbered:
            content_type = part.headers.get("Content-Type", "application/octet-stream")
            files[int(numbered[1])] = Upload(filename=part.filename or "", content_type=content_type, data=data)
        else:
            raise ApiError(BAD_JSON, field=str(part.name), why="a part is payload_json or files[n]")
    return body, files


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise ApiError(BAD_JSON) from None
