"""Checks bodies against Discord's published OpenAPI description (3.1, so its schemas are JSON Schema 2020-12).

The description says nowhere that further keys are forbidden, so a misspelt key would pass. For requests every object
that lists its properties is therefore closed here.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.loopback.payloads import Json

# What discord.py 2.7 sends although the description of July 2026 does not have it:
INTEGER_SNOWFLAKES = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}]}
_KEPT_FILE = ("proxy_url", "size", "url", "spoiler", "height", "width", "content_type")
EXTRA_KEYS = {
    "MessageAttachmentRequest": _KEPT_FILE,  # an edit that keeps a file repeats all that is known of it
    "ApplicationCommandUpdateRequest": ("nsfw",),  # documented, absent from the description
    "ApplicationCommandCreateRequest": ("nsfw",),
    "RichEmbed": ("flags",),  # discord.py says flags: 0
    "MessageEditRequestPartial": ("tts",),  # discord.py says tts: false in edits, too
    "IncomingWebhookUpdateRequestPartial": ("tts",),
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": ("tts",),
}
_DATA_KEYWORDS = {"enum", "const", "default", "examples"}  # their values are data, not schemas


class Schema:
    """The description in one file; `path` is read at once, each operation's validator is built when first needed."""

    def __init__(self, path: Path) -> None:
        self._spec: Json = json.loads(path.read_text(encoding="utf-8"))
        self._routes = sorted(map(_compiled, self._spec["paths"]), key=lambda route: route[1].count("{"))

    def request_problems(self, method: str, path: str, body: Any) -> list[str]:
        """What is wrong with a request body, in words; empty if nothing is."""
        found = self._operation(method, path)
        if found is None:
            return [f"{method} {path} is not in the description"]
        template, operation = found
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return [f"{method} {template} takes no JSON"]
        place = ("paths", template, method.lower(), "requestBody", "content", "application/json", "schema")
        return self._problems(place, body, closed=True)

    def answer_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """The same for an answer that is no error; more keys than the description lists are welcome."""
        found = self._operation(method, path)
        if found is None:
            return [f"{method} {path} is not in the description"]
        template, operation = found
        if str(status) not in operation["responses"]:
            return [f"{method} {template} never answers {status}"]
        place = ("paths", template, method.lower(), "responses", str(status), "content", "application/json", "schema")
        return self._problems(place, body, closed=False)

    def _operation(self, method: str, path: str) -> tuple[str, Json] | None:
        for pattern, template in self._routes:
            operation = self._spec["paths"][template].get(method.lower())
            if operation is not None and pattern.fullmatch(path):
                return template, operation
        return None

    def _problems(self, place: tuple[str, ...], body: Any, *, closed: bool) -> list[str]:
        validator = self._validator(place, closed)
        return sorted({text for error in validator.iter_errors(body) for text in _words(error)})

    @functools.cache  # noqa: B019 - one Schema lives as long as its Loopback
    def _validator(self, place: tuple[str, ...], closed: bool) -> Any:  # noqa: FBT001 - cached by position
        try:
            from jsonschema import Draft202012Validator  # noqa: PLC0415 - of the tests alone
        except ImportError as error:
            raise RuntimeError(
                "Checking against the API description needs jsonschema: pip install jsonschema"
            ) from error
        root = self._closed if closed else self._spec
        pointer = "#/" + "/".join(quote(part.replace("~", "~0").replace("/", "~1")) for part in place)
        return Draft202012Validator({"$ref": pointer, "components": root["components"], "paths": root["paths"]})

    @functools.cached_property
    def _closed(self) -> Json:
        spec = copy.deepcopy(self._spec)
        spec["components"]["schemas"]["SnowflakeType"] = INTEGER_SNOWFLAKES
        for name, keys in EXTRA_KEYS.items():
            spec["components"]["schemas"][name]["properties"].update({key: {} for key in keys})
        _close(spec["components"]["schemas"])
        _close(spec["paths"])
        return spec


def _compiled(template: str) -> tuple[re.Pattern[str], str]:
    parts = re.split(r"\{[^}]+\}", template)
    return re.compile("[^/]+".join(map(re.escape, parts))), template


def _close(schema: Any, *, part_of_all: bool = False) -> None:
    """Forbids unlisted keys, in place; parts of an allOf stay open, since the others list the rest.

    (Named schemas with properties are parts of an allOf only in the multipart variants, which are not used here.)
    """
    if isinstance(schema, list):
        for item in schema:
            _close(item, part_of_all=part_of_all)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict) and not part_of_all and "additionalProperties" not in schema:
        schema["unevaluatedProperties"] = False
    for key, value in schema.items():
        if key == "properties":
            for inner in value.values():
                _close(inner)
        elif key not in _DATA_KEYWORDS:
            _close(value, part_of_all=key == "allOf")


def _words(error: Any) -> list[str]:
    """One sentence an error; of a union only the branch that was closest to fitting."""
    if error.validator in {"oneOf", "anyOf"} and error.context:
        branches: dict[int, list[Any]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        return [text for inner in min(branches.values(), key=_distance) for text in _words(inner)]
    where = ".".join(map(str, error.absolute_path)) or "body"
    return [f"{where}: {error.message[:200]}"]


def _distance(errors: list[Any]) -> tuple[bool, int]:
    """A branch of another type is far, else fewer errors are nearer."""
    other_type = any(
        error.validator in {"type", "enum", "const"} and (not error.path or error.path[-1] == "type")
        for error in errors
    )
    return other_type, len(errors)
