"""The SQLite file of record: one connection on one thread, and transactions. Its tables: schema.py.

Every job row is written with `synchronous=FULL`: a commit survives the loss of power. Each call is one transaction
(`BEGIN IMMEDIATE`), runs off the event loop, and is finished even when the task that asked for it is cancelled.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import filelock

from bot import audit, sealing
from bot.errors import StoreError, StoreLocked, StoreTooNew
from bot.schema import MIGRATIONS
from bot.vault import PLAIN, Vault

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

AGAIN = 2.0  # seconds between two tries to write down what must not be lost


def connect(path: Path, migrations: Sequence[str] = MIGRATIONS, vault: Vault = PLAIN) -> sqlite3.Connection:
    """Open (or make) the database, bring its schema up to date and its texts under the data key. Raises StoreError with words."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is gone from the file: keys are
        _check(connection, path)
        _migrate(connection, path, migrations)
        sealing.prepare(connection, vault)
        sealing.attach(connection, vault)
        connection.create_function("pseudonym", 2, audit.called)
    except sqlite3.OperationalError as error:  # locked, full, read-only: the file itself may be well
        connection.close()
        raise _unusable(path, error) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(
            f"{path} is damaged ({error}). Move it away to begin anew, or put a backup in its place."
        ) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} cannot be used: {error}. Make room there, end the program that holds it, or set store.folder to another folder."
    )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError(f"{path} is damaged ({verdict}). Move it away to begin anew, or put a backup in its place.")


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StoreTooNew(
            f"{path} was written by a newer barkbot (schema {version}, this one knows {len(migrations)}). Update barkbot."
        )
    for number, script in enumerate(migrations[version:], start=version + 1):
        # executescript commits first, so the whole step is one script: all of it happens, or none
        connection.executescript(f"BEGIN EXCLUSIVE; {script} PRAGMA user_version = {number}; COMMIT;")
        log.info("database schema is now version %d", number)


class Store:
    """The database behind an asyncio face: `await store.call(function, ...)` runs `function(connection, ...)` as one transaction."""

    def __init__(
        self, connection: sqlite3.Connection, lock: filelock.BaseFileLock, again: float, vault: Vault = PLAIN
    ) -> None:
        self.vault = vault  # for files that lie beside the database
        self._connection = connection
        self._lock = lock
        self._again = again
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    @classmethod
    def open(cls, path: Path, *, again: float = AGAIN, vault: Vault = PLAIN) -> Self:
        """Open the database for this process alone. Raises StoreError, StoreLocked, StoreTooNew, Sealed."""
        lock = filelock.FileLock(path.with_suffix(".lock"), blocking=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout as error:
            raise StoreLocked(
                f"Another barkbot is using {path.parent}. Stop it, or set store.folder to another folder."
            ) from error
        except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
            raise _unusable(path, error) from error
        try:
            return cls(connect(path, vault=vault), lock, again, vault)
        except StoreError:
            lock.release()
            raise

    async def call(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run one transaction. It is finished (and its result lost) even if the caller is cancelled meanwhile."""
        job = functools.partial(self._transaction, function, *args, **kwargs)
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, job))

    async def insist(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what must be written down: while the disk is full or the file is locked it is tried again."""
        while True:
            try:
                return await self.call(function, *args, **kwargs)
            except sqlite3.OperationalError as error:
                log.error("the database cannot be written (%s); trying again in %g s", error, self._again)  # noqa: TRY400 - no traceback needed
                await asyncio.sleep(self._again)

    def _transaction(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = function(self._connection, *args, **kwargs)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk ends the transaction by itself, a refused COMMIT does not
                self._connection.execute("ROLLBACK")
            raise
        return result

    async def fold(self) -> None:
        """Fold the write-ahead log into the file: what was deleted is in neither then."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, self._fold))

    def _fold(self) -> None:
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            log.warning("the write-ahead log is folded later: %s", error)

    def close(self) -> None:
        """Let pending transactions finish, fold the write-ahead log into the file, release the lock."""
        self._thread.shutdown(wait=True)
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            log.warning("the write-ahead log stays for the next start: %s", error)
        finally:
            self._connection.close()
            self._lock.release()


def remember(db: sqlite3.Connection, name: str, value: Any) -> None:
    """Keep a small thing over restarts."""
    db.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value)),
    )


def recall(db: sqlite3.Connection, name: str, default: Any = None) -> Any:
    """What `remember` kept, or the default."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return default if row is None else json.loads(row["value"])
