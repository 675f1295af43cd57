"""`barkbot audit`: computes the chain of the audit log anew, without stopping the bot, and prints what there is."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot import audit
from bot import config as configuration
from bot.errors import BarkbotError, Exit, StoreError
from bot.moderation.seal import FILE, Seal

DATABASE = "barkbot.sqlite3"  # as bot/app.py has it, which would bring all of discord.py
SEEN = re.compile(r"(\d+):([0-9a-f]{64})")


def run(config: Path | None, *, since: str | None, seen: str | None) -> int:
    """Print the rows since a date, what the check found, and the head; `seen`: a head that was posted, as `row:hash`."""
    folder = configuration.load(config).store.folder
    with _opened(folder / DATABASE) as db:
        verdict = audit.verify(db, posted=_head(seen))
        if since is not None:
            for row in audit.rows(db, since=_moment(since)):
                print(_line(row))
    if verdict.broken is not None:
        print(f"BROKEN at row {verdict.broken}: it was changed, or rows are missing.")
        return Exit.FAILED
    print(f"whole: {verdict.head.seq} rows" + (", through the head that was seen" if seen else ""))
    if verdict.head.seq:
        print(f"head: {verdict.head.seq}:{verdict.head.hash} of {_date(verdict.head.at)}")
    if (folder / FILE).exists():
        print(f"public key: {_public_key(folder)}")
    return Exit.OK


def _public_key(folder: Path) -> str:
    try:
        return Seal.open(folder).public
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder / FILE} cannot be read as the key that signs the log's head. Put a backup in its place, or remove it: "
            f"the bot makes a new one."
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, only to be read: the bot may hold it."""
    if not path.exists():
        raise StoreError(f"There is no database at {path} yet. Start the bot once, or set store.folder.")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            db.execute("BEGIN")  # one moment for all that is read
            yield db
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error


def _head(seen: str | None) -> audit.Head | None:
    if seen is None:
        return None
    found = SEEN.fullmatch(seen.strip())
    if found is None:
        raise BarkbotError("A head is given as it was posted: the number of the row, a colon, 64 hexadecimal digits.")
    return audit.Head(seq=int(found[1]), hash=found[2])


def _moment(since: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(since)
    except ValueError:
        raise BarkbotError(f"“{since}” is no date. Write it like this: 2026-01-31, or 2026-01-31T18:00.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def _date(at: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a row that was changed may say any time
        return str(at)


def _facts(details: str) -> dict[str, Any]:
    """Those of a row; of one that was changed they may be anything."""
    try:
        facts = json.loads(details)
    except (ValueError, RecursionError):  # a number of thousands of figures, brackets within brackets
        facts = None
    return facts if isinstance(facts, dict) else {"details": details}


def _line(row: audit.Row) -> str:
    return json.dumps(
        _facts(row.details)  # first, so that none of them passes for what follows
        | {
            "seq": row.seq,
            "at": _date(row.at),
            "kind": row.kind,
            "subject": row.subject,
            "hash": row.hash,
        }
    )
