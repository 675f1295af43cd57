"""C2PA Content Credentials: a signed statement in the file that it is AI-generated. MP3, FLAC and WAV carry one, Ogg cannot.

The statement names the program and its version and says how the sound came to be: no text, no voice, no person. Nothing is
fetched and nothing is sent, neither by signing (no time stamp) nor by reading (no remote manifest, no revocation list).
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synth.errors import ModelError

TYPES = {".mp3": "audio/mpeg", ".flac": "audio/flac", ".wav": "audio/wav"}
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # the IPTC's term
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}  # the names of C2PA, 13.2.1


class BadCredentials(ModelError):
    """The key or the certificate that audio is to be signed with cannot be used."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """What a file's credential is worth. `signer` is what the certificate says, which anybody may write into their own."""

    valid: bool  # the signature fits, and nothing was changed since
    own: bool  # it was made with the certificate that was asked about
    signer: str
    made_by_ai: bool  # what it states
    made_with: str  # the program
    why: str = ""  # C2PA's words for what is wrong


def installed() -> bool:
    """Whether the library that this takes is there."""
    return importlib.util.find_spec("c2pa") is not None


class Signer:
    """Puts a credential into files. Raises BadCredentials where certificate and key do not serve."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """The paths of a PEM chain (the signer's own first) and of its private key, which stays in memory alone."""
        try:
            self._chain, self._key = certificate.read_bytes(), key.read_bytes()
        except OSError as error:
            raise BadCredentials(f"{error.filename} cannot be read, but audio is to be signed with it.") from error
        self._algorithm = _algorithm(self._key, key)
        try:
            self(_silence(), ".wav")
        except Exception as error:  # the library's own errors have one class for each of their many names
            raise BadCredentials(f"Audio cannot be signed with {certificate} and {key}: {error}") from error

    def __call__(self, data: bytes, suffix: str) -> bytes:
        """The file's bytes with a credential; as they are where the format carries none."""
        kind = TYPES.get(suffix.lower())
        if kind is None:
            return data
        import c2pa  # noqa: PLC0415 -- a library of 23 MB that only who signs or reads needs

        info = c2pa.C2paSignerInfo(self._algorithm, self._chain, self._key, None)
        out = io.BytesIO()
        with (
            c2pa.Context(c2pa.Settings.from_dict(OFFLINE)) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(_statement(), context) as builder,
        ):
            builder.sign(signer, kind, io.BytesIO(data), out)
        return out.getvalue()


def read(data: bytes, suffix: str, own: bytes | None = None) -> Credential | None:
    """The credential in a file's bytes, whoever sent them; None where there is none.

    `own`: a chain in PEM, down to its authority, to compare with. To be called in a process that may die.
    """
    kind = TYPES.get(suffix.lower())
    if kind is None:
        return None
    import c2pa  # noqa: PLC0415 -- as above

    settings: dict[str, Any] = OFFLINE | ({"trust": {"trust_anchors": own.decode()}} if own else {})
    try:
        with (
            c2pa.Context(c2pa.Settings.from_dict(settings)) as context,
            c2pa.Reader(kind, io.BytesIO(data), context=context) as reader,
        ):
            return _judged(json.loads(reader.json()), _serial(own) if own else None)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:  # it has one that cannot be read
        return Credential(valid=False, own=False, signer="", made_by_ai=False, made_with="", why=str(error)[:200])


def _judged(report: dict[str, Any], serial: str | None) -> Credential:
    manifest = report["manifests"][report["active_manifest"]]
    signature, generators = manifest.get("signature_info") or {}, manifest.get("claim_generator_info") or [{}]
    failures = report.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    return Credential(
        valid=report["validation_state"] in {"Valid", "Trusted"},
        # an authority signs certificates of many: it is this one only if its number is the same, too
        own=report["validation_state"] == "Trusted" and signature.get("cert_serial_number") == serial,
        signer=str(signature.get("common_name") or signature.get("issuer") or ""),
        made_by_ai=any(action.get("digitalSourceType") == SOURCE for action in _actions(manifest)),
        made_with=" ".join(str(generators[0].get(part, "")) for part in ("name", "version")).strip(),
        why=", ".join(sorted({str(failure.get("code")) for failure in failures})),
    )


def _actions(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for assertion in manifest.get("assertions", ()):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            yield from assertion.get("data", {}).get("actions", ())


def _statement() -> dict[str, Any]:
    program = {"name": "barkbot", "version": "unknown"}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        program["version"] = importlib.metadata.version("barkbot")
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE, "softwareAgent": program}
    return {
        "claim_generator_info": [program],
        "title": "AI-generated speech",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }


def _serial(chain: bytes) -> str:
    from cryptography import x509  # noqa: PLC0415 -- only where there is something to compare with

    return str(x509.load_pem_x509_certificates(chain)[0].serial_number)


def _algorithm(key: bytes, path: Path) -> bytes:
    """C2PA's name for what this private key signs with."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 -- only who signs needs it
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    try:
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:  # TypeError: it wants a password
        raise BadCredentials(f"{path} is no private key in PEM without a password.") from error
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in CURVES:
        return CURVES[private.curve.name].encode()
    if isinstance(private, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    raise BadCredentials(f"{path} is a key of a kind that C2PA does not know: use ECDSA (P-256), RSA or Ed25519.")


def _silence() -> bytes:
    """A short WAV to try the key on."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(160))
    return out.getvalue()
