"""The image and what it is built from: nobody's rights, nothing secret, nothing written but where it may be."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.security.life import lived

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'
UNTESTED = {
    "S101",
    "S105",
    "S106",
    "S603",
    "S608",
    "S311",
}  # what tests may do: assert, tokens of a loopback Discord, plain SQL
ALLOWED = {  # of the security rules, what the program may do where, and why it is harmless: pyproject.toml says it beside each
    "synth/**": {"S311"},
    "benchmarks/**": {"S311"},
    "benchmarks/memory.py": {"S603"},
    "bot/loopback/faults.py": {"S311"},
    "bot/schema.py": {"S608"},
    "bot/flow/clips.py": {"S608"},
    "bot/flow/stage.py": {"S608"},
    "bot/flow/queue.py": {"S608"},
    "bot/moderation/bans.py": {"S608"},
    "bot/sealing.py": {"S608"},
    "bot/privacy/*.py": {"S608"},
    "bot/consent/*.py": {"S608"},
    "tests/**": UNTESTED,
}


def able() -> bool:
    """Whether this machine lets its users have a file system of their own."""
    unshare = shutil.which("unshare")
    probe = ["-rm", "sh", "-c", "mount -o remount,bind,ro / && ! touch /.written"]
    return unshare is not None and subprocess.run([unshare, *probe], check=False, capture_output=True).returncode == 0


def test_the_image_runs_as_nobody_and_keeps_one_folder() -> None:
    stages = DOCKERFILE.split("FROM ")
    (final,) = [stage for stage in stages if "ENTRYPOINT" in stage]
    assert final.index("USER barkbot") < final.index("ENTRYPOINT")
    assert "USER root" not in DOCKERFILE
    assert re.search(r"useradd --uid (?!0\b)\d{5}", final)
    assert "install -d -m 700 -o barkbot" in final
    written = re.findall(r"\b(?:BARKBOT_STORE__FOLDER|HF_HOME|XDG_CACHE_HOME|TRITON_CACHE_DIR)=(\S+)", DOCKERFILE)
    assert len(written) == 4
    assert all(place.startswith("/data") for place in written)
    for flag in ("--read-only", "--tmpfs /tmp", "--cap-drop ALL", "no-new-privileges"):
        assert flag in DOCKERFILE


def test_no_layer_can_hold_a_secret() -> None:
    """Nothing is copied but what is named, no file of a token is, and no token is an argument of the build."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[ignored.index("*") :][0] == "*"
    assert not any(
        "config.toml" in line or ".env" in line or ".git" in line for line in ignored if line.startswith("!")
    )
    assert not re.search(r"^(?:ARG|ENV) .*(?:TOKEN|SECRET|PASSWORD|KEY)", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"COPY +\.( |$)|ADD ", DOCKERFILE)
    assert "/config.toml" in (ROOT / ".gitignore").read_text(encoding="utf-8")


@pytest.mark.skipif(not able(), reason="no user namespaces here: the bot cannot be given a read-only file system")
def test_the_bot_lives_on_a_read_only_file_system(tmp_path: Path) -> None:
    place = tmp_path / "data"
    (place / "tmp").mkdir(parents=True)
    homes = {"HOME": "/nonexistent", "TMPDIR": str(place / "tmp"), "XDG_CACHE_HOME": str(place / "cache")}
    before = ["unshare", "-rm", "sh", "-c", READ_ONLY, str(place)]
    life = asyncio.run(lived(place, before, PYTHONDONTWRITEBYTECODE="1", **homes))
    assert life.code == 0
    assert "Read-only file system" not in life.said


# -- what it is built from


def test_all_that_is_installed_is_pinned_and_so_is_audited() -> None:
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {named(re.split(r"[\[<>=; ]", each)[0]) for each in wanted} - {"barkbot"}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {named(line.partition("==")[0]): line for line in lines if "==" in line}
    assert names <= pinned.keys()
    assert [
        line for line in lines if line and not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)
    ] == []


def named(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_make_audit_fails_for_what_it_cannot_look_up() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"pip-audit --strict .*--requirement constraints\.txt", makefile)


def test_the_security_rules_of_ruff_are_on_and_their_exceptions_are_those() -> None:
    lint = PROJECT["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [code for code in lint["ignore"] if re.fullmatch(r"S\d+", code)] == []
    found = {
        where: {code for code in codes if re.fullmatch(r"S\d*", code)}
        for where, codes in lint["per-file-ignores"].items()
    }
    assert {where: codes for where, codes in found.items() if codes} == ALLOWED
