"""Voices that people keep from results of Bark's own."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from bot import texts
from bot.flow.check import clean
from bot.texts import say


def keep(db: sqlite3.Connection, *, user_id: int, name: str, source: Path, folder: Path, now: float) -> str | None:
    """Keep the tokens in `source` as a voice of this person; why not, in words, or None."""
    name = clean(name, 32).strip()
    taken = db.execute("SELECT 1 FROM voices WHERE user_id = ? AND name = ?", (user_id, name)).fetchone()
    if taken or len(name) < 2:
        return say(texts.VOICE_NAME_TAKEN, name=name)
    number = db.execute(
        "INSERT INTO voices (user_id, name, path, made_at) VALUES (?, ?, '', ?) RETURNING id", (user_id, name, now)
    ).fetchone()["id"]
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / f"{number}.npz")
    db.execute("UPDATE voices SET path = ? WHERE id = ?", (f"{number}.npz", number))
    return None
