"""The files of member voices: encrypted, each with a key of its own that lies in the database.

A voice ends by its key: without it nobody can read the file, nor a copy of it that somebody made. AES-256-GCM; the voice's
id is bound to it, so no file can take another's place. In clear it lies only while a job is rendered, where it can in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from synth import private_file

NONCE = 12  # bytes; a key encrypts one file once
KEY = 32
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one; what is made there is looked at first


class Damaged(Exception):
    """A voice's file is not what was written."""


def seal(content: bytes, voice: int) -> tuple[bytes, bytes]:
    """A new key, and the content encrypted with it."""
    key, nonce = secrets.token_bytes(KEY), secrets.token_bytes(NONCE)
    return key, nonce + AESGCM(key).encrypt(nonce, content, str(voice).encode())


def unseal(sealed: bytes, key: bytes, voice: int) -> bytes:
    """The content. Raises Damaged."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], str(voice).encode())
    except (InvalidTag, ValueError) as error:
        raise Damaged(f"the file of member voice {voice} is damaged, or of another voice") from error


class Vault:
    """The folder of the sealed files, and one for what is in use. All methods read or write: to be called in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "member-voices"
        self._asked = folder
        self._in_use: Path | None = None

    def begin(self, living: Iterable[int]) -> None:
        """At the start: nothing is in use, and files of voices that have ended go."""
        for place in _places(self._asked):
            shutil.rmtree(place, ignore_errors=True)
        self.keep_only(living)

    def close(self) -> None:
        """At the end: nothing stays in clear."""
        if self._in_use is not None:
            shutil.rmtree(self._in_use, ignore_errors=True)
            self._in_use = None

    def keep_only(self, living: Iterable[int]) -> None:
        """Remove the files of all other voices."""
        if not self._folder.is_dir():
            return
        wanted = {self.path(voice).name for voice in living}
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def path(self, voice: int) -> Path:
        """Where a sealed file lies."""
        return self._folder / f"{voice}.sealed"

    def write(self, voice: int, content: bytes) -> bytes:
        """Seal a voice; its key. On the disk when this returns."""
        key, sealed = seal(content, voice)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        private_file.write(self.path(voice), sealed)
        return key

    def remove(self, voice: int) -> None:
        """The sealed file goes. Without its key nobody can read it in any case."""
        self.path(voice).unlink(missing_ok=True)

    def lay_open(self, place: Path, voice: int, key: bytes) -> None:
        """A voice in clear, in a file that only this user can read. Raises Damaged, OSError."""
        private_file.write(place, unseal(self.path(voice).read_bytes(), key, voice))

    def scratch(self, name: str) -> Path:
        """A place for something that shall not stay."""
        if self._in_use is None:
            self._in_use = _private_folder(self._asked)
        return self._in_use.resolve() / name


def _private_folder(store: Path) -> Path:
    """A folder that only this user can look into: in memory if that can be, always the same for one store."""
    place, fallback = _places(store)
    if MEMORY.is_dir():
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o700, exist_ok=True)
            looked_at = place.lstat()
            private = stat.S_ISDIR(looked_at.st_mode) and not looked_at.st_mode & 0o077
            if private and looked_at.st_uid == os.getuid():
                return place
    fallback.mkdir(parents=True, exist_ok=True, mode=0o700)
    return fallback


def _places(store: Path) -> tuple[Path, Path]:
    """Where that folder may be: in memory, in the store's folder."""
    return MEMORY / f"barkbot-{hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:16]}", store / "in-use"
