"""Checking against a description, on a small one: what is caught, what is let through, and in which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.loopback.schema import Schema


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def json_body(schema: dict[str, object]) -> dict[str, object]:
    return {"content": {"application/json": {"schema": schema}}}


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    named = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}, "required": ["name"]}
    kinds = [
        {
            "type": "object",
            "properties": {"type": {"enum": [1]}, "text": {"type": "string"}},
            "required": ["type", "text"],
        },
        {"type": "object", "properties": {"type": {"enum": [2]}, "size": {"type": "integer"}}, "required": ["type"]},
    ]
    numbered = {"type": "object", "properties": {"id": reference("SnowflakeType")}}
    schemas = {
        "SnowflakeType": {"type": "string"},
        "Named": named,
        "Kinds": {"oneOf": kinds},
        "Numbered": numbered,
        "MessageAttachmentRequest": named,
        "ApplicationCommandUpdateRequest": named,
        "ApplicationCommandCreateRequest": named,
        "RichEmbed": named,
        "MessageEditRequestPartial": named,
        "IncomingWebhookUpdateRequestPartial": named,
        "IncomingWebhookUpdateForInteractionCallbackRequestPartial": named,
    }
    answers = {"200": json_body(reference("Named"))}
    paths = {
        "/dogs/@me": {"put": {"requestBody": json_body(reference("Kinds")), "responses": answers}},
        "/dogs/{dog}": {
            "put": {"requestBody": json_body(reference("Named")), "responses": answers},
            "post": {"requestBody": json_body(reference("Numbered")), "responses": answers},
            "delete": {"requestBody": json_body(reference("MessageEditRequestPartial")), "responses": answers},
        },
    }
    path = tmp_path / "description.json"
    path.write_text(json.dumps({"paths": paths, "components": {"schemas": schemas}}))
    return Schema(path)


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("PUT", "/dogs/7", {"name": "rex"}, ""),
        ("PUT", "/dogs/7", {"name": "bella"}, "name: 'bella' is too long"),
        ("PUT", "/dogs/7", {}, "'name' is a required property"),
        ("PUT", "/dogs/7", {"name": "rex", "nmae": "x"}, "'nmae' was unexpected"),
        ("PUT", "/dogs/@me", {"type": 2}, ""),
        ("PUT", "/dogs/@me", {"type": 2, "size": "big"}, "size: 'big' is not of type 'integer'"),
        ("PUT", "/dogs/@me", {"type": 1}, "'text' is a required property"),
        ("POST", "/dogs/7", {"id": 5}, ""),
        ("POST", "/dogs/7", {"id": "5"}, ""),
        ("POST", "/dogs/7", {"id": -5}, "id: "),
        ("DELETE", "/dogs/7", {"name": "rex", "tts": False}, ""),
        ("GET", "/dogs/7", {}, "GET /dogs/7 is not in the description"),
        ("PUT", "/cats/7", {}, "PUT /cats/7 is not in the description"),
    ],
)
def test_a_request_is_told_what_is_wrong_with_it(schema: Schema, method, path, body, problem):
    problems = schema.request_problems(method, path, body)
    assert bool(problems) == bool(problem)
    assert problem in "".join(problems)


def test_an_answer_may_hold_more_than_is_described_but_not_less(schema: Schema):
    assert schema.answer_problems("PUT", "/dogs/7", 200, {"name": "rex", "age": 3}) == []
    assert schema.answer_problems("PUT", "/dogs/7", 200, {"age": 3}) == ["body: 'name' is a required property"]
    assert schema.answer_problems("PUT", "/dogs/7", 418, {}) == ["PUT /dogs/{dog} never answers 418"]
