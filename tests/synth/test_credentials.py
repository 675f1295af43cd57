"""Content Credentials in real files: signed as they are written, read back by C2PA's own library, and broken by any change."""

from __future__ import annotations

import datetime
import io
import socket
import stat
from pathlib import Path

import c2pa
import numpy as np
import pytest
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from synth import audio, chain, credentials
from synth.credentials import BadCredentials, Signer
from synth.decode import kind_of

RATE = 24_000
NOW = datetime.datetime.now(datetime.UTC)
TAGS = audio.Tags(voice="v2/en_speaker_6", seed=7, model="suno/bark")
SIGNED = [".mp3", ".flac", ".wav"]


def tone(seconds: float = 1.0) -> np.ndarray:
    return (0.3 * np.sin(np.arange(round(seconds * RATE)) / 10)).astype("f4")


def written(folder: Path, suffix: str, sign: Signer | None = None, **options: int) -> Path:
    path = folder / f"a{suffix}"
    audio.write(path, tone(), RATE, TAGS, sign=sign, **options)
    return path


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> tuple[Path, Path]:
    return chain.prepare(tmp_path_factory.mktemp("c2pa"), NOW)


@pytest.fixture(scope="module")
def sign(papers) -> Signer:
    return Signer(*papers)


class TestSigned:
    @pytest.mark.parametrize("suffix", SIGNED)
    def test_the_file_is_signed_as_ai_made_and_by_whom(self, tmp_path, papers, sign, suffix):
        data = written(tmp_path, suffix, sign).read_bytes()
        credential = credentials.read(data, suffix, papers[0].read_bytes())
        assert credential is not None
        assert (credential.valid, credential.own, credential.made_by_ai) == (True, True, True)
        assert credential.signer == "barkbot"
        assert credential.made_with.startswith("barkbot ")
        assert kind_of(data) == suffix[1:].upper()  # C2PA's tag in front of a FLAC makes it no MP3

    @pytest.mark.parametrize("suffix", SIGNED)
    def test_somebody_elses_signature_is_valid_and_not_ours(self, tmp_path, sign, suffix):
        data = written(tmp_path, suffix, sign).read_bytes()
        for others in (None, chain.make(NOW)[0]):
            credential = credentials.read(data, suffix, others)
            assert credential is not None
            assert (credential.valid, credential.own) == (True, False)
            assert credential.why == "signingCredential.untrusted"

    @pytest.mark.parametrize("suffix", SIGNED)
    def test_one_changed_bit_of_sound_breaks_it(self, tmp_path, papers, sign, suffix):
        data = bytearray(written(tmp_path, suffix, sign).read_bytes())
        data[len(data) // 2] ^= 1  # past the credential of an MP3 or FLAC, and before that of a WAV
        credential = credentials.read(bytes(data), suffix, papers[0].read_bytes())
        assert credential is not None
        assert not credential.valid
        assert not credential.own
        assert "dataHash.mismatch" in credential.why

    @pytest.mark.parametrize("suffix", SIGNED)
    def test_sound_and_tags_stay(self, tmp_path, sign, suffix):
        plain, _ = soundfile.read(written(tmp_path, suffix), dtype="float32")
        path = written(tmp_path, suffix, sign)
        signed, _ = soundfile.read(path, dtype="float32")
        assert np.abs(plain - signed).max() < 1e-6  # an MP3's decoder rounds by where its frames lie
        with soundfile.SoundFile(path) as file:
            stored = file.copy_metadata()
        assert stored["artist"] == TAGS.fields()["artist"].replace("/", " " if suffix == ".mp3" else "/")
        assert (stored["title"], stored["comment"]) == (TAGS.fields()["title"], TAGS.fields()["comment"])

    @pytest.mark.parametrize("suffix", SIGNED)
    def test_it_says_nothing_of_text_voice_and_people(self, tmp_path, sign, suffix):
        data = written(tmp_path, suffix, sign).read_bytes()
        with c2pa.Reader(credentials.TYPES[suffix], io.BytesIO(data)) as reader:
            report = reader.json()
        assert "trainedAlgorithmicMedia" in report
        assert "c2pa.created" in report
        assert all(word not in report for word in ("speaker", "suno", "seed", socket.gethostname()))

    @pytest.mark.parametrize("suffix", [".ogg", ".opus"])
    def test_ogg_is_written_as_it_was(self, tmp_path, sign, suffix):
        written(tmp_path, suffix, sign)
        assert sign(b"OggS", suffix) == b"OggS"
        assert credentials.read((tmp_path / f"a{suffix}").read_bytes(), suffix) is None

    def test_a_credential_counts_among_the_bytes_that_fit(self, tmp_path, sign):
        small = written(tmp_path, ".mp3", sign, max_bytes=9_000)
        assert small.stat().st_size <= 9_000
        with pytest.raises(audio.TooLarge):
            written(tmp_path, ".flac", sign, max_bytes=3_000)

    def test_nothing_is_left_where_signing_fails(self, tmp_path):
        def broken(_data: bytes, _suffix: str) -> bytes:
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            audio.write(tmp_path / "a.mp3", tone(), RATE, TAGS, sign=broken)
        assert list(tmp_path.iterdir()) == []


class TestRead:
    @pytest.mark.parametrize("suffix", SIGNED)
    def test_what_has_none_has_none(self, tmp_path, suffix):
        assert credentials.read(written(tmp_path, suffix).read_bytes(), suffix) is None

    @pytest.mark.parametrize("suffix", SIGNED)
    def test_no_bytes_bring_it_down(self, tmp_path, sign, suffix):
        data = written(tmp_path, suffix, sign).read_bytes()
        at = data.find(b"jumb")
        cut = [data[: len(data) // 3], data[:-100], data[: at + 40], b"", b"junk" * 100]
        chance = np.random.default_rng(0)
        for _ in range(100):
            broken = bytearray(data)
            broken[at + int(chance.integers(2000))] = int(chance.integers(256))
            cut.append(bytes(broken))
        for some in cut:
            credential = credentials.read(some, suffix)
            assert credential is None or isinstance(credential.valid, bool)

    def test_a_manifest_elsewhere_is_never_fetched(self, tmp_path, papers):
        """Else whoever uploads a file could send this machine to any address."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0)
            out = io.BytesIO()
            info = c2pa.C2paSignerInfo(b"es256", *(path.read_bytes() for path in papers), None)
            with c2pa.Signer.from_info(info) as signer, c2pa.Builder(credentials._statement()) as builder:
                builder.set_no_embed()
                builder.set_remote_url(f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa")
                builder.sign(signer, "audio/mpeg", io.BytesIO(written(tmp_path, ".mp3").read_bytes()), out)
            assert b"http://127.0.0.1" in out.getvalue()
            credential = credentials.read(out.getvalue(), ".mp3")
            assert credential is None or not credential.valid
            with pytest.raises(BlockingIOError):
                server.accept()


class TestChain:
    def test_it_is_made_once_for_the_owners_eyes_only(self, tmp_path):
        folder = tmp_path / "c2pa"
        paths = chain.prepare(folder, NOW)
        before = [path.read_bytes() for path in paths]
        assert [stat.S_IMODE(path.stat().st_mode) for path in (*paths, folder)] == [0o600, 0o600, 0o700]
        assert chain.prepare(folder, NOW) == paths
        assert [path.read_bytes() for path in paths] == before
        assert sorted(path.name for path in folder.iterdir()) == ["certificate.pem", "key.pem"]

    def test_it_is_made_anew_before_it_ends_or_where_half_of_it_is_gone(self, tmp_path):
        certificate, key = chain.prepare(tmp_path, NOW)
        first = certificate.read_bytes()
        chain.prepare(tmp_path, NOW + chain.VALID_FOR - datetime.timedelta(days=1))
        second = certificate.read_bytes()
        key.unlink()
        chain.prepare(tmp_path, NOW)
        assert len({first, second, certificate.read_bytes()}) == 3
        Signer(certificate, key)

    def test_the_authority_signs_one_certificate_and_its_key_is_gone(self):
        pem, secret = chain.make(NOW)
        leaf, root = x509.load_pem_x509_certificates(pem)
        leaf.verify_directly_issued_by(root)
        key = serialization.load_pem_private_key(secret, None)
        assert key.public_key() == leaf.public_key() != root.public_key()


def issued(private, folder: Path) -> tuple[Path, Path]:
    """An operator's certificate from an authority of their own, for a key of any kind."""
    authority = ec.generate_private_key(ec.SECP256R1())
    root = (
        chain._begun(chain.AUTHORITY, authority.public_key(), NOW)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(chain._usage(signs=False, certifies=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    leaf = (
        chain._begun("An Operator", private.public_key(), NOW)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(chain._usage(signs=True, certifies=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    certificate, key = folder / "own.pem", folder / "own.key"
    certificate.write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return certificate, key


class TestOperatorsOwn:
    @pytest.mark.parametrize(
        "private",
        [
            ec.generate_private_key(ec.SECP384R1()),
            rsa.generate_private_key(65537, 2048),
            ed25519.Ed25519PrivateKey.generate(),
        ],
        ids=["P-384", "RSA", "Ed25519"],
    )
    def test_keys_of_each_kind_serve(self, tmp_path, private):
        papers = issued(private, tmp_path)
        data = written(tmp_path, ".wav", Signer(*papers)).read_bytes()
        credential = credentials.read(data, ".wav", papers[0].read_bytes())
        assert credential is not None
        assert (credential.valid, credential.own, credential.signer) == (True, True, "An Operator")

    def test_what_does_not_serve_is_said_without_the_key(self, tmp_path, papers):
        other = chain.make(NOW)[1]
        words = tmp_path / "words.pem"
        words.write_bytes(b"no key")
        expired = tmp_path / "expired.pem"
        long_ago = NOW - 2 * chain.VALID_FOR
        pem, secret = chain.make(long_ago)
        expired.write_bytes(pem)
        keys = {}
        for name, content in {"other": other, "expired": secret}.items():
            keys[name] = tmp_path / f"{name}.key"
            keys[name].write_bytes(content)
        wrong = [
            (papers[0], tmp_path / "none.pem", "cannot be read"),
            (papers[0], words, "no private key in PEM"),
            (words, papers[1], "cannot be signed with"),
            (papers[0], keys["other"], "cannot be signed with"),
            (expired, keys["expired"], "cannot be signed with"),
        ]
        for certificate, key, said in wrong:
            with pytest.raises(BadCredentials, match=said) as raised:
                Signer(certificate, key)
            assert "PRIVATE KEY" not in str(raised.value)
            assert not any(line in str(raised.value) for line in secret.decode().splitlines()[1:-1])
