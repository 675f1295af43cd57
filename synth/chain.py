"""A key and a chain of certificates of this bot's own, to sign audio with where its operator has none from elsewhere.

An authority is made, it signs one certificate, and its key is thrown away: nobody can sign another in its name. Viewers
show such a signature as valid, but of somebody whom they do not know.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from synth import private_file

ORGANISATION = "barkbot (self-made certificate)"
NAME, AUTHORITY = "barkbot", "barkbot authority"
CERTIFICATE_FILE, KEY_FILE = "certificate.pem", "key.pem"
VALID_FOR = datetime.timedelta(
    days=3650
)  # nobody stamps the time on a clip: a signature is worth no more than its certificate
RENEWED_BEFORE = datetime.timedelta(days=30)
EARLIER = datetime.timedelta(days=1)  # clocks differ


def prepare(folder: Path, now: datetime.datetime) -> tuple[Path, Path]:
    """Certificate chain and key in `folder`, made there if there are none or they end soon. OSError, ValueError."""
    certificate, key = folder / CERTIFICATE_FILE, folder / KEY_FILE
    if not (key.is_file() and certificate.is_file() and _lasts(certificate, now)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        chain, secret = make(now)
        private_file.write(key, secret)
        private_file.write(certificate, chain)  # last: with it the pair is whole
    return certificate, key


def make(now: datetime.datetime) -> tuple[bytes, bytes]:
    """A new chain (the certificate, then its authority's) and its key, as PEM."""
    authority, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = (
        _begun(AUTHORITY, authority.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=False, certifies=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    leaf = (
        _begun(NAME, signer.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True, certifies=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)  # C2PA, 14.5.1
        .add_extension(issuer, critical=False)
        .sign(authority, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = signer.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return leaf.public_bytes(encoding) + root.public_bytes(encoding), secret


def _begun(name: str, key: ec.EllipticCurvePublicKey, now: datetime.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_called(name))
        .issuer_name(_called(AUTHORITY))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _called(name: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        key_cert_sign=certifies,
        crl_sign=certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _lasts(certificate: Path, now: datetime.datetime) -> bool:
    leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return leaf.not_valid_after_utc > now + RENEWED_BEFORE
