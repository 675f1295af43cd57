"""Voices that people kept from results, their favourites, and the rows of both. The functions take the connection of `Store.call`."""

from __future__ import annotations

import dataclasses
import functools
import re
import sqlite3
import unicodedata
from collections.abc import Callable
from typing import Self

from bot.shelf import Shelf

SHORTEST, LONGEST = 2, 32  # characters of a name
RECENT = 10  # voices of a person that count as recent
LOOK_BACK = 20_000  # jobs among which recent voices are looked for at the start


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A voice that a person kept. `guild_id`: the server that may use it too. A server's own has the server for its person."""

    id: int
    user_id: int
    guild_id: int | None
    name: str
    made_at: float

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        """The voice in a row of the table `voices`."""
        return cls(**{field.name: row[field.name] for field in dataclasses.fields(cls)})

    @property
    def key(self) -> str:
        """What it is called where its name may change. No name of a model's voice looks like this."""
        return f"#{self.id}"

    @property
    def of_server(self) -> bool:
        """Whether it is the server's own: no person can take it back."""
        return self.user_id == self.guild_id

    @property
    def file(self) -> str:
        """The name of its .npz: made of its id, never of what a person typed."""
        return f"{self.id}.npz"


def clean_name(typed: str) -> str:
    """A name as it is kept: letters, figures and a few marks, single spaces. Its length is not looked at."""
    text = unicodedata.normalize("NFKC", typed)
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s.'\u2019-]|_", " ", text)).strip(" .'\u2019-")


def everything(db: sqlite3.Connection) -> list[Kept]:
    """All kept voices, oldest first."""
    return [Kept.from_row(row) for row in db.execute("SELECT * FROM voices ORDER BY id")]


def keep(
    db: sqlite3.Connection, *, user_id: int, name: str, read: Callable[[], bytes], shelf: Shelf, now: float
) -> Kept:
    """A new voice: its row, and its own copy of what `read` gives, on the disk before the row counts. OSError without one."""
    row = db.execute(
        "INSERT INTO voices (user_id, name, path, made_at) VALUES (?, ?, '', ?) RETURNING *", (user_id, name, now)
    ).fetchone()
    voice = Kept.from_row(row)
    shelf.put(read(), voice.file)
    db.execute("UPDATE voices SET path = ? WHERE id = ?", (voice.file, voice.id))
    return voice


def rename(db: sqlite3.Connection, voice: int, user_id: int, name: str) -> Kept | None:
    """Another name; None if the person has no such voice."""
    sql = "UPDATE voices SET name = ? WHERE id = ? AND user_id = ? RETURNING *"
    row = db.execute(sql, (name, voice, user_id)).fetchone()
    return None if row is None else Kept.from_row(row)


def share(db: sqlite3.Connection, voice: int, user_id: int, guild_id: int | None) -> Kept | None:
    """Let a server use it, or nobody else; None if the person has no such voice."""
    sql = "UPDATE voices SET guild_id = ? WHERE id = ? AND user_id = ? RETURNING *"
    row = db.execute(sql, (guild_id, voice, user_id)).fetchone()
    return None if row is None else Kept.from_row(row)


def adopt(db: sqlite3.Connection, voice: Kept, guild_id: int, shelf: Shelf, now: float) -> Kept:
    """A server's own copy of a voice that was shared with it; the sharing ends. OSError without a file."""
    read = functools.partial(shelf.read, voice.file)
    copy = keep(db, user_id=guild_id, name=voice.name, read=read, shelf=shelf, now=now)
    db.execute("UPDATE voices SET guild_id = NULL WHERE id = ?", (voice.id,))
    row = db.execute("UPDATE voices SET guild_id = ? WHERE id = ? RETURNING *", (guild_id, copy.id)).fetchone()
    return Kept.from_row(row)


def delete(db: sqlite3.Connection, voice: int, user_id: int) -> bool:
    """Forget a voice, everywhere. False if the person has no such voice."""
    gone = db.execute("DELETE FROM voices WHERE id = ? AND user_id = ?", (voice, user_id)).rowcount == 1
    if gone:
        db.execute("DELETE FROM favourites WHERE voice = ?", (f"#{voice}",))
    return gone


def favour(db: sqlite3.Connection, user_id: int, key: str, now: float, *, on: bool) -> None:
    """Make a voice a favourite, or no longer."""
    if on:
        db.execute("INSERT OR IGNORE INTO favourites VALUES (?, ?, ?)", (user_id, key, now))
    else:
        db.execute("DELETE FROM favourites WHERE user_id = ? AND voice = ?", (user_id, key))


def favourites(db: sqlite3.Connection) -> dict[int, tuple[str, ...]]:
    """The keys of everybody's favourites, oldest first."""
    found: dict[int, tuple[str, ...]] = {}
    for row in db.execute("SELECT user_id, voice FROM favourites ORDER BY user_id, since"):
        found[row["user_id"]] = (*found.get(row["user_id"], ()), row["voice"])
    return found


def recents(db: sqlite3.Connection) -> dict[int, tuple[str, ...]]:
    """The names of the voices that everybody used last, newest first, among the latest jobs."""
    sql = (
        "SELECT user_id, voice, max(id) AS latest FROM (SELECT id, user_id, voice FROM jobs ORDER BY id DESC LIMIT ?)"
        " WHERE voice IS NOT NULL GROUP BY user_id, voice ORDER BY user_id, latest DESC"
    )
    found: dict[int, tuple[str, ...]] = {}
    for row in db.execute(sql, (LOOK_BACK,)):
        found[row["user_id"]] = (*found.get(row["user_id"], ()), row["voice"])[:RECENT]
    return found
