"""The vault and the database: columns that are sealed when they are written and open when a row is read.

    writing   INSERT ... VALUES (sealed('jobs.text/' || :id, :text))
    reading   every row that a connection of the store hands out is open; it has to hold the row's key beside the column
    in SQL    unsealed('jobs.text/' || id, text), as far as it opens

A new column that holds what people wrote goes into COLUMNS; the pass at the start seals what was written before, or with the
key before.
"""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable
from typing import Any

from bot.vault import MARK, OLD, VARIABLE, Sealed, Vault, is_sealed

log = logging.getLogger(__name__)

# Column -> (table, the column that names its rows). No two tables may call a sealed column the same.
COLUMNS: dict[str, tuple[str, str]] = {
    "text": ("jobs", "id"),
    "token": ("jobs", "id"),
    "held": ("questions", "id"),
    "words": ("complaints", "id"),
    "key": ("voice_keys", "voice"),
}
FACT = "data key"  # a sealed word among the facts: whether the key is the right one shows even where nothing else is sealed


def place(column: str, key: object) -> str:
    """The place of a sealed value."""
    return f"{COLUMNS[column][0]}.{column}/{key}"


def attach(db: sqlite3.Connection, vault: Vault) -> None:
    """From now on SQL on this connection knows the vault, and rows are handed out open."""
    db.create_function("sealed", 2, lambda where, value: None if value is None else vault.seal(value, where))
    db.create_function("unsealed", 2, functools.partial(_unsealed, vault))
    db.row_factory = _rows(vault) if vault.opening else sqlite3.Row


def _unsealed(vault: Vault, where: str, value: Any) -> Any:
    try:
        return None if value is None else vault.open(value, where)
    except Sealed:  # one row that was tampered with: who reads it gets the error, sums over all rows go on
        return value


def _rows(vault: Vault) -> Callable[[sqlite3.Cursor, tuple[Any, ...]], sqlite3.Row]:
    def row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> sqlite3.Row:
        if not any(map(is_sealed, values)):
            return sqlite3.Row(cursor, values)
        names = [column[0] for column in cursor.description]
        keys = dict(zip(names, values, strict=True))

        def plain(name: str, value: Any) -> Any:
            if name not in COLUMNS or not is_sealed(value):
                return value
            return vault.open(value, place(name, keys[COLUMNS[name][1]]))

        return sqlite3.Row(cursor, tuple(map(plain, names, values)))

    return row


def prepare(db: sqlite3.Connection, vault: Vault) -> None:
    """At the start: everything is under the current key afterwards, or open where there is none. Raises Sealed with words."""
    db.row_factory = None
    db.execute("BEGIN IMMEDIATE")
    try:
        _check(db, vault)
        changed = sum(_renew(db, vault, column) for column in COLUMNS)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    if changed:  # what stood there before must not be found in the file, not even where it is free
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log.info(
            "%d texts and tokens are %s now",
            changed,
            "sealed with the data key" if vault.sealing else "no longer sealed",
        )


def _check(db: sqlite3.Connection, vault: Vault) -> None:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (FACT,)).fetchone()
    if row is not None and not vault.opening:
        raise Sealed(
            f"The texts in this database are encrypted, and there is no data key. Set {VARIABLE} to the key that they were"
            f" sealed with; to end the encryption, set it as {OLD} alone."
        )
    before = None if row is None else row[0]
    if before is not None:
        vault.open(before, FACT)
    if before is None or vault.renew(before, FACT) != before:
        db.execute("DELETE FROM facts WHERE name = ?", (FACT,))
        if vault.sealing:
            db.execute("INSERT INTO facts VALUES (?, ?)", (FACT, vault.seal("a word", FACT)))


def _renew(db: sqlite3.Connection, vault: Vault, column: str) -> int:
    """Bring one column under the current key; how many rows that were."""
    table, key = COLUMNS[column]
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
        return 0  # a database in the state of an earlier version
    wanted = f"{column} IS NOT NULL AND {column} <> ''"
    if not vault.opening:  # then nothing is to be done, unless something is sealed all the same: opening it says so
        wanted += f" AND substr({column}, 1, {len(MARK)}) = '{MARK}'"
    count = 0
    for number, value in db.execute(f"SELECT {key}, {column} FROM {table} WHERE {wanted}").fetchall():
        renewed = vault.renew(value, place(column, number))
        if renewed != value:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (renewed, number))
            count += 1
    return count
