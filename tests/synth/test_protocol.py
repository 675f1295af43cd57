"""Every message survives the wire; nothing else passes for one."""

from __future__ import annotations

import dataclasses
import math
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.protocol import ExitCode, Failed, Leaving, Message, Progress, Ready, Reason, decode, encode


def finite(message: Message) -> bool:
    values = [getattr(message, field.name) for field in dataclasses.fields(message)]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]
    return all(math.isfinite(value) for value in values if isinstance(value, float))


MESSAGES = st.one_of(*(st.from_type(kind) for kind in typing.get_args(Message))).filter(finite)


@given(MESSAGES)
def test_what_is_encoded_decodes_to_the_same(message):
    again = decode(encode(message))
    assert again == message
    assert type(again) is type(message)


def test_enumerations_and_tuples_come_back_as_such():
    failed = decode(encode(Failed(job="a", reason=Reason.DISK_FULL)))
    leaving = decode(encode(Leaving(code=ExitCode.MODEL, sentence="s")))
    ready = decode(encode(Ready(model="m", device="cpu", voices=("a", "b"), memory=0, seconds=1.0)))
    assert failed.reason is Reason.DISK_FULL
    assert leaving.code is ExitCode.MODEL
    assert ready.voices == ("a", "b")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"7",
        b'"Ready"',
        b"{}",
        b'{"kind": "Exit"}',
        b'{"kind": ["Ready"]}',
        b'{"kind": "Cancel"}',
        b'{"kind": "Cancel", "job": "a", "more": 1}',
        b'{"kind": "Failed", "job": "a", "reason": "because"}',
        b'{"kind": "Leaving", "code": 1, "sentence": ""}',
        b'{"kind": "Ready", "model": "m", "device": "cpu", "voices": null, "memory": 0, "seconds": 1}',
        encode(Progress(job="a", stage="fine", done=0.5, total=1.0))[:-5],
        encode(Progress(job="a", stage="fine", done=math.nan, total=1.0)),
        encode(Progress(job="a", stage="fine", done=0.5, total=math.inf)),
        b'{"kind": "Progress", "job": 1, "stage": "fine", "done": 0.5, "total": 1.0}',
        b'{"kind": "Progress", "job": "a", "stage": "fine", "done": true, "total": 1.0}',
        b'{"kind": "Sound", "job": "a", "path": "/a.ogg", "bytes": 0.5, "seconds": 1.0}',
        b'{"kind": "Finished", "job": "a", "path": null, "seconds": 1, "took": 1, "cost": 1, "seed": 1, "model": "m"}',
        b'{"kind": "Ready", "model": "m", "device": "cpu", "voices": [1], "memory": 0, "seconds": 1}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_a_value_error(data):
    with pytest.raises(ValueError, match=r".*"):
        decode(data)


@given(st.binary())
def test_no_bytes_raise_anything_but_value_error(data):
    try:
        decode(data)
    except ValueError:
        return
    pytest.fail("random bytes were taken for a message")
