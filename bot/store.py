"""The SQLite file of record: a connection that writes and one that reads, each on a thread. Its tables: schema.py.

Every job row is written with `synchronous=FULL`: a commit survives the loss of power. Each call is all or nothing, runs off
the event loop, and is finished even when the task that asked for it is cancelled.

The disk takes its time with each commit. So calls that have come together by the time the one before is written share a
transaction (`BEGIN IMMEDIATE`), each in a savepoint of its own; nobody hears of an outcome before it is on the disk. And
whoever only reads does not stand behind those who write: readers see what is committed.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import functools
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import filelock

from bot import audit, private, sealing
from bot.errors import StoreError, StoreLocked, StoreTooNew
from bot.schema import MIGRATIONS
from bot.vault import PLAIN, Vault

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

AGAIN = 2.0  # seconds between two tries to write down what must not be lost
Outcome = tuple[Any, BaseException | None]  # of a call: its value, or what it raised

MEMORY = ":memory:"  # what SQLite calls a database without a file
TOGETHER = 32  # calls that share one commit at most: the first of them waits for the last


def connect(path: Path, migrations: Sequence[str] = MIGRATIONS, vault: Vault = PLAIN) -> sqlite3.Connection:
    """Open (or make) the database, bring its schema up to date and its texts under the data key. Raises StoreError with words."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if str(path) != MEMORY:
            private.file(path)  # its write-ahead log gets the same rights
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
    if version == len(migrations):
        return
    # executescript commits first, so it is one script: all steps happen, or none. And the disk is waited for once
    steps = "\n".join(migrations[version:])
    connection.executescript(f"BEGIN EXCLUSIVE; {steps} PRAGMA user_version = {len(migrations)}; COMMIT;")
    log.info("database schema is now version %d", len(migrations))


@dataclasses.dataclass(frozen=True, slots=True)
class _Call:
    """One that waits for its transaction."""

    function: Callable[[sqlite3.Connection], Any]
    outcome: concurrent.futures.Future[Any] = dataclasses.field(default_factory=concurrent.futures.Future)


class Store:
    """The database behind an asyncio face: `await store.call(function, ...)` runs `function(connection, ...)`, all of it or nothing."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        reader: sqlite3.Connection,
        lock: filelock.BaseFileLock,
        again: float,
        vault: Vault = PLAIN,
    ) -> None:
        self.vault = vault  # for files that lie beside the database
        self._connection, self._reader = connection, reader
        self._lock = lock
        self._again = again
        self._waiting: collections.deque[_Call] = collections.deque()
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._reading = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-reader")

    @classmethod
    def open(cls, path: Path, *, again: float = AGAIN, vault: Vault = PLAIN) -> Self:
        """Open the database for this process alone. Raises StoreError, StoreLocked, StoreTooNew, Sealed."""
        lock = filelock.FileLock(path.with_suffix(".lock"), blocking=False)
        try:
            path.parent.mkdir(mode=private.FOLDER, parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout as error:
            raise StoreLocked(
                f"Another barkbot is using {path.parent}. Stop it, or set store.folder to another folder."
            ) from error
        except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
            raise _unusable(path, error) from error
        try:
            return cls(connect(path, vault=vault), _reader(path, vault), lock, again, vault)
        except StoreError:
            lock.release()
            raise

    async def call(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run all of it or nothing. It is finished (and its result lost) even if the caller is cancelled meanwhile."""
        call = _Call(lambda db: function(db, *args, **kwargs))
        self._waiting.append(call)
        self._thread.submit(self._work)
        outcome: T = await asyncio.shield(asyncio.wrap_future(call.outcome))
        return outcome

    async def insist(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what must be written down: while the disk is full or the file is locked it is tried again."""
        return await self._until_it_can(lambda: self.call(function, *args, **kwargs))

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Look at what is committed, without waiting for what is being written. While the file is locked it is tried again."""
        job = functools.partial(_glance, self._reader, function, *args, **kwargs)
        loop = asyncio.get_running_loop()
        return await self._until_it_can(lambda: asyncio.shield(loop.run_in_executor(self._reading, job)))

    async def _until_it_can(self, attempt: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await attempt()
            except sqlite3.OperationalError as error:
                log.error("the database cannot be used (%s); trying again in %g s", error, self._again)  # noqa: TRY400 - no traceback needed
                await asyncio.sleep(self._again)

    def _work(self) -> None:
        """Those that wait by now, as one transaction. Each call asks for this; most find that another's has taken them along."""
        calls = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
        if not calls:
            return
        try:
            outcomes = self._transaction(_each, [call.function for call in calls])
        except BaseException:  # noqa: BLE001 - nothing of it is done: each has its own once more, and its own error
            outcomes = [self._alone(call.function) for call in calls]
        for call, (value, problem) in zip(calls, outcomes, strict=True):
            if problem is None:
                call.outcome.set_result(value)
            else:
                call.outcome.set_exception(problem)

    def _alone(self, function: Callable[[sqlite3.Connection], Any]) -> Outcome:
        try:
            return self._transaction(function), None
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            return None, error

    def _transaction(self, function: Callable[..., T], *args: Any) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = function(self._connection, *args)
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
        self._reading.shutdown(wait=True)
        self._reader.close()
        self._thread.shutdown(wait=True)
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            log.warning("the write-ahead log stays for the next start: %s", error)
        finally:
            self._connection.close()
            self._lock.release()


def _reader(path: Path, vault: Vault) -> sqlite3.Connection:
    """A connection to a database that is up to date, and that cannot change it."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        sealing.attach(connection, vault)
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    return connection


def _glance(db: sqlite3.Connection, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """All that is read is of one moment."""
    db.execute("BEGIN")
    try:
        return function(db, *args, **kwargs)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY:  # trying again would not help
            raise sqlite3.ProgrammingError(f"{function} writes: it is for `call`") from error
        raise
    finally:
        db.execute("ROLLBACK")


def _each(db: sqlite3.Connection, functions: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Outcome]:
    """What came of each. One that fails is undone, the others stay. Raises where everything went with it: the disk is full."""
    outcomes: list[Outcome] = []
    for function in functions:
        db.execute("SAVEPOINT one")
        try:
            outcomes.append((function(db), None))
        except BaseException as error:
            if not db.in_transaction:
                raise
            db.execute("ROLLBACK TO one")
            outcomes.append((None, error))
        db.execute("RELEASE one")
    return outcomes


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
