"""Encryption at rest: texts and keys are sealed with the operator's data key before they are written, and opened when read.

AES-256-GCM with a random nonce. What is sealed says which key sealed it, and is bound to its place (table, column and row): moved
to another row it does not open. Without a data key everything is kept as it is. Who reads and writes through it: sealing.py.

A key is 32 bytes in base64: BARKBOT_DATA_KEY, or the file that BARKBOT_DATA_KEY_FILE names. BARKBOT_DATA_KEY_OLD (or _OLD_FILE) is
the one before: what it sealed is sealed anew at the start; with the old one alone it is opened for good.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot import secret
from bot.errors import ConfigError, StoreError

VARIABLE, OLD = "BARKBOT_DATA_KEY", "BARKBOT_DATA_KEY_OLD"
KEY = 32  # bytes
NONCE = 12  # bytes: a key may seal 2^32 things before two nonces are likely to be the same (NIST SP 800-38D, 8.3)
NAME = 4  # bytes that tell keys apart
# U+001F is white space, which flow/script.py takes out of every text: nothing that anybody typed begins like this
MARK = "\x1fsealed:"
MARKED = MARK.encode()

Value = TypeVar("Value", str, bytes)


class Sealed(StoreError):
    """Something cannot be opened: it was sealed with another key, belongs elsewhere or was changed."""


class Vault:
    """Seals with one key, opens with that and the one before. Without `key` what is sealed anew is left open."""

    def __init__(self, key: bytes | None = None, old: bytes | None = None) -> None:
        """Keys of 32 bytes."""
        self._current = None if key is None else _name(key)
        self._ciphers = {_name(each): AESGCM(each) for each in (key, old) if each is not None}

    @property
    def sealing(self) -> bool:
        """Whether what is written is sealed."""
        return self._current is not None

    @property
    def opening(self) -> bool:
        """Whether anything sealed could be read."""
        return bool(self._ciphers)

    def seal(self, value: Value, place: str) -> Value:
        """For the disk. `place`: table, column and row, as `jobs.text/17`."""
        if self._current is None:
            return value
        nonce = os.urandom(NONCE)
        plain = value.encode() if isinstance(value, str) else value
        sealed = self._current + nonce + self._ciphers[self._current].encrypt(nonce, plain, place.encode())
        return MARK + base64.b64encode(sealed).decode() if isinstance(value, str) else MARKED + sealed

    def open(self, value: Value, place: str) -> Value:
        """As it was; what is not sealed stays as it is. Raises Sealed."""
        if not is_sealed(value):
            return value
        try:
            body = base64.b64decode(value[len(MARK) :]) if isinstance(value, str) else value[len(MARKED) :]
            nonce, sealed = body[NAME : NAME + NONCE], body[NAME + NONCE :]
            plain = self._ciphers[body[:NAME]].decrypt(nonce, sealed, place.encode())
            return plain.decode() if isinstance(value, str) else plain
        except (KeyError, InvalidTag, ValueError) as error:
            raise Sealed(
                f"{place} cannot be opened with this data key. Set {VARIABLE} to the key that it was sealed with; to change"
                f" the key, set {VARIABLE} to the new one and {OLD} to the one before."
            ) from error

    def renew(self, value: Value, place: str) -> Value:
        """Under the current key, or open where there is none; the same object where nothing is to be done. Raises Sealed."""
        plain = self.open(value, place)
        sealed_by = self._sealed_by(value)
        return value if sealed_by == self._current else self.seal(plain, place)

    def wrap(self, key: bytes, place: str) -> bytes:
        """Another part's key, for the disk."""
        return self.seal(key, place)

    def unwrap(self, wrapped: bytes, place: str) -> bytes:
        """The key again. Raises Sealed."""
        return self.open(wrapped, place)

    def _sealed_by(self, value: str | bytes) -> bytes | None:
        if not is_sealed(value):
            return None
        if isinstance(value, bytes):
            return value[len(MARKED) :][:NAME]
        return base64.b64decode(value[len(MARK) :])[:NAME]


PLAIN = Vault()


def is_sealed(value: object) -> bool:
    """Whether `seal` made this."""
    return value.startswith(MARK) if isinstance(value, str) else isinstance(value, bytes) and value.startswith(MARKED)


def _name(key: bytes) -> bytes:
    """What tells a key from others, and nothing of the key."""
    return hashlib.sha256(b"barkbot data key" + key).digest()[:NAME]


def take() -> Vault:
    """The vault of the keys in the environment, which are taken out of it. Raises ConfigError, without repeating a key."""
    return Vault(_taken(VARIABLE), _taken(OLD))


def _taken(variable: str) -> bytes | None:
    text, file = secret.take(variable).strip(), os.environ.pop(f"{variable}_FILE", "").strip()
    if not text and file:
        try:
            text = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The file {file} of {variable}_FILE cannot be read: {type(error).__name__}.") from error
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY:
        raise ConfigError(f"{variable} is no data key: {KEY} bytes in base64. README.md says how to make one.")
    return key
