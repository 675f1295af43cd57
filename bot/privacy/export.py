"""A person's copy of what is kept about them: a zip with data.json and, as far as they fit, their voices and clips."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.privacy.holdings import HOLDINGS

LARGEST_EXACT = 2**53  # beyond it many readers of JSON round numbers, and ids are beyond it
ENTRY = 300  # bytes that a file's name costs in a zip, generously
RESERVE = 20_000  # bytes for the message around the file


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """The rows by kind, and the audio that is kept."""

    rows: Mapping[str, list[dict[str, Any]]]
    clips: tuple[Path, ...]


def collect(db: sqlite3.Connection, user: int) -> Copy:
    """Everything in one transaction."""
    rows = {}
    for holding in HOLDINGS:
        sql = f"SELECT {holding.columns} FROM {holding.table} WHERE {holding.mine}"
        rows[holding.what] = [dict(row) for row in db.execute(sql, {"user": user})]
    paths = db.execute(
        "SELECT clips.path FROM clips JOIN jobs ON jobs.id = clips.job WHERE user_id = ? ORDER BY job DESC", (user,)
    )
    return Copy(rows=rows, clips=tuple(Path(row["path"]) for row in paths))


def archive(
    copy: Copy, voices: Iterable[tuple[str, Callable[[], bytes]]], *, user: int, now: float, most: int
) -> bytes:
    """The zip, of at most `most` bytes; `voices` are names and ways to read them. Reads files: to be called in a thread."""
    files = [*voices, *((f"clips/{path.name}", path.read_bytes) for path in copy.clips)]
    said: dict[str, Any] = {
        "user": str(user),
        "made_at": datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat(timespec="seconds"),
        "times": "seconds since 1970-01-01 UTC",
        "files_left_out": [],
        "kept": {what: [_readable(row) for row in rows] for what, rows in copy.rows.items()},
    }
    everything = json.dumps({**said, "files_left_out": [name for name, _ in files]}, ensure_ascii=False)
    room = most - RESERVE - len(everything.encode())  # what is packed is smaller; audio is as large as it is
    chosen: list[tuple[str, bytes]] = []
    for name, read in files:
        try:
            content = read()
        except Exception:  # noqa: BLE001 - one file less, whatever the reason; the copy says which
            content = None
        if content is None or len(content) + ENTRY > room:
            said["files_left_out"].append(name)
            continue
        chosen.append((name, content))
        room -= len(content) + ENTRY
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.json", json.dumps(said, ensure_ascii=False, indent=1))
        for name, content in chosen:
            file.writestr(name, content)
    return packed.getvalue()


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for JSON: large numbers as words, options and settings as what they are."""
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int) and abs(value) > LARGEST_EXACT:
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if name in ("options", "value") and isinstance(value, str):
        return json.loads(value)
    return value
