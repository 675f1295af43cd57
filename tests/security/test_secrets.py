"""What must not be told: a whole life of the bot, at the level of log that tells most, is searched for secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config, log
from bot.errors import ConfigError
from synth.life import _is_secret
from synth.lines import LONGEST, Lines, shown
from tests.security.life import FORGED, HUB, SECRETS, TEXT, Lived, lived

EVENT = re.compile(r"(\d\d:\d\d:\d\d [A-Z]+ +[\w.]+: |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ synth [\w.]+: |    )")
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw" + ".GabcDe." + "x" * 38


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return asyncio.run(lived(tmp_path_factory.mktemp("life") / "data"))


def test_no_token_and_no_text_is_in_the_log_of_a_full_run_at_debug(life: Lived) -> None:
    assert life.code == 0
    assert "DEBUG" in life.said
    assert "Traceback" in life.said  # it was a run in which things went wrong
    assert "is refused" in life.said
    assert len(set(life.interaction_tokens)) == 8
    for secret in (
        life.bot_token,
        life.bot_token.rpartition(".")[2],
        *life.interaction_tokens,
        *SECRETS.values(),
        TEXT,
    ):
        assert secret not in life.said


def test_every_event_of_that_run_is_a_line_that_nobody_could_forge(life: Lived) -> None:
    lines = life.said.splitlines()
    begin = next(number for number, line in enumerate(lines) if EVENT.match(line))
    odd = [
        line for line in lines[begin:] if not EVENT.match(line) and not line.startswith(("Connected as", "  https://"))
    ]
    assert odd == []
    assert "\\n23:59:59 ERROR   root: forged" in life.said
    assert not re.search(r"^23:59:59", life.said, re.MULTILINE)
    assert "\x1b" not in life.said
    assert FORGED not in life.said


def test_the_synth_process_inherits_no_secret(life: Lived) -> None:
    for secret in (life.bot_token, *SECRETS.values()):
        assert secret not in life.child_environment
        assert secret not in life.child_arguments
    assert HUB["HF_TOKEN"] in life.child_environment  # fetching a model that is not free for all needs it
    assert "PATH=" in life.child_environment


def test_the_token_cannot_be_read_in_the_bots_own_environment(life: Lived) -> None:
    assert "BARKBOT_TOKEN=" in life.own_environment  # where it was
    assert life.bot_token not in life.own_environment


def test_what_the_bot_writes_is_for_its_user_alone(life: Lived) -> None:
    assert {Path(name).suffix for name in life.modes} >= {".sqlite3", ".ogg", ".npz"}
    assert {name: oct(mode) for name, mode in life.modes.items() if mode & 0o077} == {}


def test_files_of_an_earlier_version_are_closed(tmp_path: Path) -> None:
    from bot import private  # noqa: PLC0415 - beside its use

    for make, path in ((private.folder, tmp_path / "a" / "folder"), (private.file, tmp_path / "file")):
        make(path)
        assert path.stat().st_mode & 0o077 == 0
        path.chmod(0o755)
        make(path)
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "name", ["BARKBOT_TOKEN", "barkbot_token_file", "MY_PASSWORD", "GITHUB_TOKEN", "SSH_PRIVATE_KEY"]
)
def test_names_of_secrets(name: str) -> None:
    assert _is_secret(name, "x")


def test_other_names_and_a_token_by_another_name() -> None:
    for name in ("PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES", "HF_HOME", "HF_TOKEN", "OMP_NUM_THREADS", "KEYBOARD"):
        assert not _is_secret(name, "x")
        assert _is_secret(name, TOKEN)


def test_taking_a_secret_leaves_nothing_of_it() -> None:
    code = (
        "from bot.secret import take; import os; value = take('CANARY'); data = open('/proc/self/environ', 'rb').read();"
        "print(value, b'sing' in data, 'CANARY' in os.environ, repr(take('CANARY')), b'AFTER=well' in data)"
    )
    environment = {"CANARY": "sing sing", "AFTER": "well", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "sing sing False False '' True"


# -- lines


@given(st.text(max_size=200), st.text(max_size=200))
def test_one_event_is_one_line_of_printable_text(message: str, error: str) -> None:
    for exc_info in (None, (ValueError, ValueError(error), None)):
        record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (message,), exc_info)
        first, *more = Lines("%(levelname)s %(message)s").format(record).split("\n")
        assert first.isprintable()
        assert first.startswith("INFO ")
        assert all(line.startswith("    ") and line.isprintable() for line in more)
        assert bool(more) is bool(exc_info)


def test_a_line_is_not_endless() -> None:
    assert len(shown("x" * 10_000)) == LONGEST


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_token_is_taken_out_wherever_it_stands(before: str, after: str) -> None:
    line = log.redact(f"{before} {TOKEN} {after}")
    assert TOKEN not in line
    assert "[token]" in line


@pytest.mark.parametrize(
    "content", [f'[model]\nname = "{TOKEN}"\n', f'[log]\nlevel = "{TOKEN}"\n', f"[broken {TOKEN}\n"]
)
def test_a_token_in_the_wrong_place_is_not_repeated(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert TOKEN not in str(caught.value)


def test_nor_is_one_in_the_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARKBOT_LOG__LEVEL", TOKEN)
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert TOKEN not in str(caught.value)
    assert "BARKBOT_LOG__LEVEL" in os.environ
