"""The documents tell the truth: README's commands exist, its links lead somewhere, the notebook and the Dockerfile fit the code."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.strip().startswith("export")
]
INLINE = re.findall(r"`((?:make|\.venv/bin/barkbot|barkbot|docker) [^`]+)`", README)


def test_the_two_commands_are_there() -> None:
    assert "make demo" in COMMANDS
    assert "make test" in COMMANDS


@pytest.mark.parametrize("command", sorted({command for command in COMMANDS + INLINE if command.startswith("make ")}))
def test_make_knows_the_target(command: str) -> None:
    target = shlex.split(command)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    make = shutil.which("make")
    assert make is not None
    dry = [make, "--dry-run", *shlex.split(command)[1:]]
    done = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name",
    sorted({shlex.split(words)[1] for words in COMMANDS + INLINE if "barkbot " in words and "docker" not in words}),
)
def test_barkbot_knows_the_command(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", name, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert name in done.stdout


def test_say_in_the_readme_makes_the_file(tmp_path: Path) -> None:
    command = next(command for command in COMMANDS if " say " in command and "--help" not in command)
    arguments = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / arguments[arguments.index("-o") + 1]).stat().st_size > 1000


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_exit_codes_are_the_ones_in_the_readme() -> None:
    from bot.errors import Exit  # noqa: PLC0415 - beside its use

    told = {int(number): word for number, word in re.findall(r"(\d) \((\w+)", README.split("`barkbot` ends with")[1])}
    assert set(told) == {code.value for code in Exit if code < 100}


def test_the_notebook_is_clean_and_compiles() -> None:
    notebook = json.loads((ROOT / "notebooks" / "colab.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 3
    for cell in cells:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        ast.parse("".join(cell["source"]))
    source = "".join(part for cell in cells for part in cell["source"])
    assert re.search(r"userdata\.get\(.BARKBOT_TOKEN.\)", source)
    for variable in re.findall(r"BARKBOT_(\w+?)__(\w+)", source):
        section, key = (part.lower() for part in variable)
        assert key in tomllib.loads((ROOT / "config.example.toml").read_text().replace("# folder", "folder"))[section]


def test_the_image_is_built_from_what_is_there() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source}" in ignored
    assert "USER barkbot" in dockerfile
    assert "STOPSIGNAL SIGTERM" in dockerfile
    assert dockerfile.index("requirements.txt") < dockerfile.index("COPY bot bot")
