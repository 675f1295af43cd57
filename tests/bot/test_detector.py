"""`barkbot verify FILE`, as somebody runs it in a terminal, beside a bot's folder."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot import doctor, papers, runner
from bot.app import DATABASE
from bot.config import Config, GuardSection, StoreSection
from bot.errors import ConfigError, Exit, StoreError
from bot.flow import made
from bot.store import connect
from synth import audio, credentials
from synth.credentials import Signer

ROOT = Path(__file__).parents[2]


def verify(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"BARKBOT_STORE__FOLDER": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bot", "verify", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100)


def config(folder: Path, **guard: str) -> Config:
    return Config(store=StoreSection(folder=folder), guard=GuardSection(**guard))


def test_a_clip_of_this_bot_is_known_and_nothing_is_written(tmp_path: Path) -> None:
    folder, clip = tmp_path / "store", tmp_path / "clip.flac"
    certificate, key = papers.prepare(config(folder))
    sound = np.sin(np.arange(24_000) / 10) / 2
    audio.write(
        clip, sound, 24_000, audio.Tags(voice="v", seed=1, model="m"), sign=Signer(Path(certificate), Path(key))
    )
    database = connect(folder / DATABASE)
    made.remember(database, 7, [made.digest(clip.read_bytes())], 1_700_000_000.0)
    database.close()
    content = (folder / DATABASE).read_bytes()

    done = verify(folder, str(clip))
    assert done.returncode == Exit.OK, done.stderr
    assert "I made this on 2023-11-14 22:13 UTC: it is the very file." in done.stdout
    assert "Content Credentials: valid and signed by me" in done.stdout
    assert "Watermark: none found, which proves nothing." in done.stdout
    assert (folder / DATABASE).read_bytes() == content

    done = verify(folder, str(clip), "--json")
    told = json.loads(done.stdout)
    assert told["made_here"] == {"at": "2023-11-14T22:13:20+00:00", "same_file": True}
    assert told["credential"]["own"]
    assert told["error"] is None


def test_without_a_bot_a_strangers_file_is_looked_at_all_the_same(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(24_000), 24_000)
    done = verify(tmp_path / "nowhere", str(tmp_path / "a.wav"))
    assert done.returncode == Exit.OK, done.stderr
    assert "no proof that a person speaks" in done.stdout
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("text.ogg", Exit.FAILED, "cannot read that as audio"), ("none.ogg", Exit.FAILED, "is no file")],
)
def test_what_cannot_be_looked_at_is_said_in_a_sentence(tmp_path: Path, name: str, code: Exit, said: str) -> None:
    (tmp_path / "text.ogg").write_text("no sound")
    done = verify(tmp_path, str(tmp_path / name))
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


class TestPapers:
    def test_a_pair_is_made_for_the_bot_alone(self, tmp_path):
        made_here = papers.prepare(config(tmp_path / "store"))
        assert papers.prepare(config(tmp_path / "store")) == made_here
        assert Path(made_here[0]) == papers.certificate(config(tmp_path / "store"))
        assert stat.S_IMODE(Path(made_here[1]).stat().st_mode) == 0o600

    def test_the_operators_own_is_taken_as_it_is(self, tmp_path):
        mine = config(tmp_path / "store", c2pa_certificate="a.pem", c2pa_key="b.pem")
        assert papers.prepare(mine) == ("a.pem", "b.pem")
        assert papers.certificate(mine) == Path("a.pem")
        assert not (tmp_path / "store").exists()

    def test_the_synth_process_is_told_where_they_lie_and_nothing_else(self, tmp_path):
        synth = runner.synth_of(config(tmp_path))
        key = (tmp_path / "c2pa" / "key.pem").read_text()
        assert (synth._options.certificate, synth._options.key) == papers.prepare(config(tmp_path))
        assert not any(line in repr(synth._options) for line in key.splitlines())

    @pytest.mark.parametrize("key", ["rules", "watermark_key_file"])
    async def test_the_doctor_finds_what_run_would_stumble_over(self, key, tmp_path):
        good = config(tmp_path)
        assert (await doctor._papers(good)).good
        missing = str(tmp_path / "nowhere")
        bad = good.model_copy(update={"guard": good.guard.model_copy(update={key: missing})})
        found = await doctor._papers(bad)
        assert not found.good
        assert missing in found.words

    async def test_the_doctor_tries_them(self, tmp_path):
        good = await doctor._signing(config(tmp_path))
        assert (good.good, "are signed with" in good.words) == (True, True)
        (tmp_path / "words.pem").write_text("no key")
        bad = config(
            tmp_path, c2pa_certificate=str(tmp_path / "c2pa/certificate.pem"), c2pa_key=str(tmp_path / "words.pem")
        )
        found = await doctor._signing(bad)
        assert (found.good, "no private key in PEM" in found.words) == (False, True)

    def test_half_a_pair_is_none(self, tmp_path):
        for half in ({"c2pa_key": "b.pem"}, {"c2pa_certificate": "a.pem"}):
            with pytest.raises(ConfigError, match="belong together"):
                papers.prepare(config(tmp_path, **half))

    def test_a_folder_that_does_not_serve_is_said(self, tmp_path):
        (tmp_path / "c2pa").mkdir()
        for name in ("certificate.pem", "key.pem"):
            (tmp_path / "c2pa" / name).write_text("no PEM")
        with pytest.raises(StoreError, match="made anew"):
            papers.prepare(config(tmp_path))

    def test_without_the_library_files_go_out_unsigned_and_it_is_said(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setitem(sys.modules, "c2pa", None)
        monkeypatch.setattr(sys, "path", [])
        monkeypatch.delitem(sys.modules, "c2pa")
        assert not credentials.installed()
        assert papers.prepare(config(tmp_path)) == ("", "")
        assert "c2pa-python is not installed" in caplog.text
        with pytest.raises(ConfigError, match="not installed"):
            papers.prepare(config(tmp_path, c2pa_certificate="a.pem", c2pa_key="b.pem"))
