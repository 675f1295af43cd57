"""The files of kept voices: sealed where there is a data key, and lent out open for as long as a job needs them."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from pathlib import Path

from bot.vault import Sealed, Vault

log = logging.getLogger(__name__)

OPEN = ".open"  # the folder of opened copies; only this user can look into it


class Shelf:
    """A folder of files. The synth process reads files and knows no key: it gets a copy, which goes when the job is over."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder, self._vault = folder, vault
        self._open = folder / OPEN

    def path(self, name: str) -> Path:
        """Where a file lies."""
        return self._folder / name

    def prepare(self, wanted: set[str]) -> None:
        """At the start: no opened copies, no files that belong to nothing, and the rest under the current key."""
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._open, ignore_errors=True)
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)
                continue
            content = path.read_bytes()
            try:
                renewed = self._vault.renew(content, _place(path.name))
            except Sealed as error:  # one voice less; the database has looked at the key itself
                log.warning("a kept voice is lost: %s", error)
                continue
            if renewed is not content:
                write_synced(renewed, path)

    def put(self, content: bytes, name: str) -> None:
        """A file of it, on the disk when this returns. OSError."""
        write_synced(self._vault.seal(content, _place(name)), self.path(name))

    def read(self, name: str) -> bytes:
        """What is in a file. OSError, Sealed."""
        return self._vault.open(self.path(name).read_bytes(), _place(name))

    def lend(self, name: str, borrower: str) -> Path:
        """A path to read it from, until `give_back`. A file that is not there is found out by who reads it. Sealed."""
        if not self._vault.opening or not self.path(name).is_file():
            return self.path(name)
        self._open.mkdir(mode=0o700, exist_ok=True)
        copy = self._open / f"{borrower}-{name}"
        with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self.read(name))
        return copy

    def give_back(self, borrower: str) -> None:
        """It has been read: the opened copies go."""
        for copy in self._open.glob(f"{borrower}-*"):
            copy.unlink(missing_ok=True)


def _place(name: str) -> str:
    return f"voices/{name}"


def write_synced(content: bytes, target: Path) -> None:
    """A file that survives the loss of power: written aside, synced, renamed, and its folder synced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    try:
        with aside.open("wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems sync no folders
            os.fsync(folder)
    finally:
        os.close(folder)
