"""A seed and a source of chance -> a damaged input. No library: it must run where atheris does not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

LARGEST = 1 << 16  # bytes of an input
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 1023, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1)
PIECES = (
    *(b"\0", b"\xff\xff\xff\xff", b"\r\n", b"\x1b[31m", "\u202e\u2066".encode(), b"\xed\xa0\x80", b"\\ud800"),
    *(b"../../", b"/etc/passwd", b"C:\\", b"%s%n{0.__class__}", b"'; DROP TABLE jobs; --", b"@everyone <@&1>"),
    *(
        b"](https://",
        b"```",
        b"||",
        b"[" * 200,
        b"{" * 200,
        b'{"a":' * 60,
        b"9" * 500,
        b"-1",
        b"1e999",
        b"NaN",
        b"null",
    ),
    *(b"OggS\0", b"PK\x03\x04", b"PK\x01\x02", b"\x93NUMPY\x01\0", b"(True, False)", b"|O8", b"\x80\x02cos\nsystem\n"),
    *(b'"data_offsets":[0,18446744073709551615]', b'"shape":[4294967296,4294967296]', b"bark:delete:1", b":::::"),
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 1e308, float("nan"), float("inf"), 1 << 31, 1 << 63, 1 << 70, 10**400),
    *("", "x", "\0", "\ud800", "../../x", "/etc/passwd", "9" * 30, "x" * 5000, [], {}, [[]], {"a": {}}, ["x"] * 50),
)


def damaged(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """One input, at most `LARGEST` long; now and then a seed as it is."""
    data = chance.choice(seeds)
    if data[:1] in b"{[" and chance.random() < 0.5:
        return _odd_json(data, chance)
    data = bytearray(data)
    for _ in range(int(8 ** chance.random())):
        chance.choice(_WAYS)(data, chance)
    return bytes(data[:LARGEST])


def _place(data: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(data) + 1)


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _byte(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _number(data: bytearray, chance: random.Random) -> None:
    size, place = chance.choice((1, 2, 4, 8)), _place(data, chance)
    value = (chance.choice(NUMBERS) + chance.choice((-1, 0, 1))) % (1 << 8 * size)
    data[place : place + size] = value.to_bytes(size, chance.choice(("little", "big")))


def _piece(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    data[place : place + chance.choice((0, 0, 4))] = chance.choice(PIECES)


def _cut(data: bytearray, chance: random.Random) -> None:
    start, end = sorted((_place(data, chance), _place(data, chance)))
    if chance.random() < 0.5:
        del data[start:end]
    else:
        del data[end:]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = _place(data, chance)
    part = bytes(data[start : start + chance.choice((1, 4, 16, 64))])
    data[start:start] = part * chance.choice((1, 2, 10, 200))


def _swap(data: bytearray, chance: random.Random) -> None:
    start, to = _place(data, chance), _place(data, chance)
    part = data[start : start + chance.randrange(1, 65)]
    data[to : to + len(part)] = part


_WAYS: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _byte, _number, _piece, _cut, _repeat, _swap)


def _odd_json(data: bytes, chance: random.Random) -> bytes:
    """The same document with some values that do not belong there, or a key less."""
    try:
        content = json.loads(data)
    except ValueError:
        return data
    for _ in range(int(4 ** chance.random())):
        content = _odd(content, chance)
    return json.dumps(content).encode()[:LARGEST]


def _odd(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value or chance.random() < 0.15:
        return chance.choice(ODD)
    if isinstance(value, list):
        place = chance.randrange(len(value))
        return [*value[:place], _odd(value[place], chance), *value[place + 1 :]]
    key = chance.choice(list(value))
    if chance.random() < 0.1:
        return {name: inner for name, inner in value.items() if name != key}
    if chance.random() < 0.1:
        return value | {"": chance.choice(ODD), "x" * 200: 1}
    return value | {key: _odd(value[key], chance)}
