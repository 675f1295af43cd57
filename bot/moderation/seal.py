"""The key that signs the audit log's head: Ed25519, made at the first start, in a file that only the bot's user reads.

The signature says that this bot posted the head. It does not say that the log is true.
"""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.audit import Head
from synth import private_file

FILE = "audit-key.pem"


class Seal:
    """The key. Its public half is printed by `barkbot audit` and posted with each head."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def open(cls, folder: Path) -> Seal:
        """The key of this folder; made where there is none. OSError and ValueError where it cannot be read."""
        path = folder / FILE
        if not path.exists():
            _make(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path} holds no Ed25519 key")  # noqa: TRY004 - what is wrong is a file
        return cls(key)

    @property
    def public(self) -> str:
        """The public key, in base64."""
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def sign(self, head: Head) -> str:
        """The signature of `signed(head)`, in base64."""
        return base64.b64encode(self._key.sign(signed(head))).decode()


def signed(head: Head) -> bytes:
    """What is signed: the number of the last row and its hash."""
    return f"barkbot audit {head.seq} {head.hash}".encode()


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private_file.write(path, pem)
