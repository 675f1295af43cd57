"""The little of MLS (RFC 9420) that a voice gateway needs, which never knows a secret of the group.

It signs proposals from outside of the group, checks key packages, reads which proposals a commit carries out, and cuts a
welcome to one newcomer.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

VERSION = 1  # mls10
CIPHER_SUITE = 2  # MLS_128_DHKEMP256_AES128GCM_SHA256_P256
PUBLIC_MESSAGE, KEY_PACKAGE = 1, 5  # wire formats
MEMBER, EXTERNAL = 1, 2  # kinds of sender
PROPOSAL, COMMIT = 2, 3  # kinds of content
ADD, REMOVE = 1, 3  # kinds of proposal
REFERENCE = 2  # a proposal in a commit is a reference, not the proposal itself
BASIC = 1  # the kind of credential
FROM_KEY_PACKAGE, FROM_COMMIT = 1, 3  # what a leaf was made for
FOR_EVER = struct.pack(">QQ", 0, 2**64 - 1)  # the lifetime that DAVE asks of a key package
ID = struct.Struct(">Q")  # user ids and group ids (the channel's) on the wire
_SHA256 = ec.ECDSA(hashes.SHA256())


class Malformed(ValueError):
    """These bytes are not what they should be."""


def vector(data: bytes) -> bytes:
    """Bytes behind their length, which takes 1, 2 or 4 bytes (section 2.1.2)."""
    size = len(data)
    if size < 1 << 6:
        return bytes([size]) + data
    if size < 1 << 14:
        return struct.pack(">H", size | 1 << 14) + data
    return struct.pack(">I", size | 1 << 31) + data


class Reader:
    """Takes values off the front of `data`; Malformed where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if self.at + count > len(self.data):
            raise Malformed("ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size))

    def vector(self) -> bytes:
        """What `vector` made."""
        first = self.number(1)
        if first >> 6 == 3:
            raise Malformed("a length of no known size")
        rest = self.take((1 << (first >> 6)) - 1)
        return self.take(int.from_bytes(bytes([first & 0x3F]) + rest))

    def expect(self, size: int, *values: int) -> int:
        """An integer that can only be one of these."""
        value = self.number(size)
        if value not in values:
            raise Malformed(f"{value} where {values} were possible")
        return value

    @property
    def rest(self) -> bytes:
        """What has not been taken."""
        return self.data[self.at :]


def _labelled(label: str, content: bytes) -> bytes:
    return vector(f"MLS 1.0 {label}".encode()) + vector(content)


def _reference(label: str, value: bytes) -> bytes:
    return hashlib.sha256(_labelled(f"{label} Reference", value)).digest()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class KeyPackage:
    """What a person offers in order to be added."""

    raw: bytes
    user_id: int
    reference: bytes

    @classmethod
    def parse(cls, data: bytes) -> KeyPackage:
        """Reads and verifies it, with the header of an MLSMessage (as specified) or without (as libdave and davey send it)."""
        header = struct.pack(">HH", VERSION, KEY_PACKAGE)
        raw = data.removeprefix(header)
        reader = Reader(raw)
        reader.expect(2, VERSION)
        reader.expect(2, CIPHER_SUITE)
        reader.vector()  # init key
        key, identity, lifetime = _read_leaf(reader)
        reader.vector()  # extensions
        signed = raw[: reader.at]
        signature = reader.vector()
        if reader.rest or len(identity) != ID.size or lifetime != FOR_EVER:
            raise Malformed("a key package with another identity, lifetime or length than DAVE's")
        _verify(key, signature, _labelled("KeyPackageTBS", signed))
        return cls(raw=raw, user_id=ID.unpack(identity)[0], reference=_reference("KeyPackage", raw))


def _read_leaf(reader: Reader) -> tuple[bytes, bytes, bytes]:
    """Signature key, identity and lifetime of a LeafNode."""
    reader.vector()  # encryption key
    key = reader.vector()
    reader.expect(2, BASIC)
    identity, lifetime = reader.vector(), b""
    for _ in range(5):  # capabilities
        reader.vector()
    source = reader.number(1)
    if source == FROM_KEY_PACKAGE:
        lifetime = reader.take(len(FOR_EVER))
    elif source == FROM_COMMIT:
        reader.vector()  # parent hash
    reader.vector()  # extensions
    reader.vector()  # signature
    return key, identity, lifetime


def _verify(key: bytes, signature: bytes, signed: bytes) -> None:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key).verify(signature, signed, _SHA256)
    except (InvalidSignature, ValueError) as error:
        raise Malformed("a wrong signature") from error


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A signed proposal: `raw` travels, commits name it by `reference`. One of `adds` and `removes` is set."""

    raw: bytes
    reference: bytes
    adds: KeyPackage | None = None
    removes: int | None = None  # leaf


class ExternalSender:
    """The gateway's own key, and what it signs with it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def package(self) -> bytes:
        """An ExternalSender struct: public key and credential."""
        point = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return vector(point) + struct.pack(">H", BASIC) + vector(b"loopback voice gateway")

    def add(self, group_id: int, epoch: int, package: KeyPackage) -> Proposal:
        """Proposes a newcomer."""
        raw, reference = self._sign(group_id, epoch, struct.pack(">H", ADD) + package.raw)
        return Proposal(raw=raw, reference=reference, adds=package)

    def remove(self, group_id: int, epoch: int, leaf: int) -> Proposal:
        """Proposes that a member goes."""
        raw, reference = self._sign(group_id, epoch, struct.pack(">HI", REMOVE, leaf))
        return Proposal(raw=raw, reference=reference, removes=leaf)

    def _sign(self, group_id: int, epoch: int, proposal: bytes) -> tuple[bytes, bytes]:
        sender = struct.pack(">BI", EXTERNAL, 0)  # the only external sender of the group
        content = (
            vector(ID.pack(group_id)) + struct.pack(">Q", epoch) + sender + vector(b"") + bytes([PROPOSAL]) + proposal
        )
        head = struct.pack(">HH", VERSION, PUBLIC_MESSAGE)
        signature = vector(self._key.sign(_labelled("FramedContentTBS", head + content), _SHA256))
        return head + content + signature, _reference("Proposal", head[2:] + content + signature)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """A member's commit: `raw` travels, `references` name the proposals it carries out, in its order."""

    raw: bytes
    group_id: int
    epoch: int
    leaf: int  # of the member who made it
    references: tuple[bytes, ...]

    @classmethod
    def parse(cls, data: bytes) -> tuple[Commit, bytes]:
        """The commit at the front of `data`, and the welcome behind it (empty if nobody is added)."""
        reader = Reader(data)
        reader.expect(2, VERSION)
        reader.expect(2, PUBLIC_MESSAGE)
        group_id = reader.vector()
        epoch = reader.number(8)
        reader.expect(1, MEMBER)
        leaf = reader.number(4)
        reader.vector()  # authenticated data
        reader.expect(1, COMMIT)
        references = _read_references(reader.vector())
        if reader.expect(1, 0, 1):  # an update path
            _read_leaf(reader)
            reader.vector()
        for _ in ("signature", "confirmation tag", "membership tag"):
            reader.vector()
        if len(group_id) != ID.size:
            raise Malformed("a group id that is no channel's")
        raw = data[: reader.at]
        commit = cls(raw=raw, group_id=ID.unpack(group_id)[0], epoch=epoch, leaf=leaf, references=references)
        return commit, reader.rest


def _read_references(proposals: bytes) -> tuple[bytes, ...]:
    reader, references = Reader(proposals), []
    while reader.rest:
        reader.expect(1, REFERENCE)
        references.append(reader.vector())
    return tuple(references)


def welcome_for(welcome: bytes, reference: bytes) -> bytes:
    """A welcome with the secrets of only the newcomer whose key package has this reference."""
    reader = Reader(welcome)
    suite = reader.take(2)
    secrets, rest = Reader(reader.vector()), reader.rest
    while secrets.rest:
        start = secrets.at
        newcomer = secrets.vector()
        secrets.vector()  # kem output
        secrets.vector()  # ciphertext
        if newcomer == reference:
            return suite + vector(secrets.data[start : secrets.at]) + rest
    raise Malformed("a welcome without this newcomer")
