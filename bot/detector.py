"""`barkbot verify FILE`: what `/bark verify` says, in a terminal, beside a bot that may be running or without any."""

from __future__ import annotations

import dataclasses
import datetime
import json
import sqlite3
from pathlib import Path
from typing import Any

from bot import config as configuration
from bot import papers
from bot.app import DATABASE
from bot.errors import BarkbotError, Exit, StoreError
from bot.flow.verify import MOST_BYTES, Verdict, Verifier, from_file, report
from bot.mark import known_keys


async def run(file: Path, *, path: Path | None, as_json: bool) -> int:
    """Print what is known of the file; FAILED where it is no audio. ConfigError, StoreError, BarkbotError."""
    config = configuration.load(path)
    database = config.store.folder / DATABASE
    verifier = Verifier(
        find=from_file(database), certificate=papers.certificate(config), keys=lambda: known_keys(config)
    )
    try:
        verdict = await verifier.look(_read(file), file.name)
    except sqlite3.Error as error:
        raise StoreError(f"{database} cannot be read: {error}.") from error
    print(json.dumps(told(file, verdict), indent=2) if as_json else _plain(report(verdict), verdict))
    return Exit.OK if verdict.findings else Exit.FAILED


def _read(file: Path) -> bytes:
    """A plain file's bytes, at most as many as are taken."""
    try:
        if not file.is_file():
            raise BarkbotError(f"{file} is no file.")
        with file.open("rb") as content:
            data = content.read(MOST_BYTES + 1)
    except OSError as error:
        raise BarkbotError(f"{file} cannot be read: {error.strerror}.") from error
    if len(data) > MOST_BYTES:
        raise BarkbotError(f"{file} is larger than {MOST_BYTES >> 20} MB: cut out the part in question.")
    return data


def told(file: Path, verdict: Verdict) -> dict[str, Any]:
    """The verdict for other programs."""
    known, findings = verdict.made, verdict.findings
    date = datetime.datetime.fromtimestamp(known.at, datetime.UTC).isoformat() if known else ""
    return {
        "file": str(file),
        "made_here": {"at": date, "same_file": known.same} if known else None,
        "error": str(verdict.unreadable) if verdict.unreadable else None,
        **(dataclasses.asdict(findings) if findings else {}),
    }


def _plain(words: str, verdict: Verdict) -> str:
    """Without what only Discord draws."""
    if verdict.made:
        when = round(verdict.made.at)
        date = datetime.datetime.fromtimestamp(when, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        words = words.replace(f"<t:{when}:f>", date)
    return words.replace("**", "")
