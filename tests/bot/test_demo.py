"""The demo, as somebody who has just cloned the repository runs it."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import soundfile

from bot.demo import parse
from bot.errors import Exit

ROOT = Path(__file__).parents[2]


def test_once_tells_the_story_and_ends_with_the_path(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", "--once", "hello there", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    path = Path(lines[-1])
    assert path.parent == tmp_path
    assert soundfile.info(path).subtype == "OPUS"
    for said in (
        "/bark say text: hello there",
        "thinking",
        "synth process     ready: pup",
        "AI-generated speech (Bark)",
        path.name,
    ):
        assert any(said in line for line in lines), said
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"), [("   ", "only alice sees   There is nothing to say"), ("", "Discord says")]
)
def test_once_with_a_text_that_is_refused_shows_the_words_and_fails(text: str, words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", "--once", text, "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1
    assert words in done.stdout


async def test_without_once_the_page_is_there_until_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", "--no-browser", "--out", str(tmp_path)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    demo = await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes)
    async with asyncio.timeout(100):
        while not (page := re.search(rb"its page +(http://127.0.0.1:[0-9]+/)", await demo.stdout.readline())):
            pass
        async with aiohttp.ClientSession() as session, session.get(page[1].decode()) as answer:
            assert "barkbot demo" in await answer.text()
        while b"and plays" not in await demo.stdout.readline():
            pass
        assert demo.returncode is None
        demo.send_signal(signal.SIGINT)
        rest, errors = await demo.communicate()
    assert demo.returncode == 0, errors
    assert rest.decode().splitlines()[-1] in [str(path) for path in tmp_path.iterdir()]  # noqa: ASYNC240
    assert b"Traceback" not in errors


def test_a_model_that_is_not_there_ends_the_story(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", "--once", "hello", "--out", str(tmp_path)]
    named = {**os.environ, "BARKBOT_MODEL__NAME": str(tmp_path / "nope")}
    done = subprocess.run(command, cwd=ROOT, env=named, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == Exit.MODEL
    assert done.stderr.splitlines()[-1].startswith(f"There is no model folder {tmp_path / 'nope'}.")
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "bot", "demo", "--port", port, "--out", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1
    assert done.stderr.startswith(f"The page cannot be served on port {port}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "99999", "--no-browser"], "The page cannot be served on port 99999: a port is a number"),
        (["--once", "hi", "--out", __file__], "is no folder: name another one with --out"),
    ],
)
def test_what_cannot_go_well_ends_in_a_sentence(arguments: list[str], words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode != 0
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("hello there", {"text": "hello there"}),
        (
            "/bark say text: hello there voice: v2/en_speaker_6 seed: 7",
            {"text": "hello there", "voice": "v2/en_speaker_6", "seed": 7},
        ),
        ("hello seed: 7", {"text": "hello", "seed": 7}),
        ("/bark say hello: world", {"text": "hello: world"}),
        ("text: a voice: b", {"text": "a", "voice": "b"}),
    ],
)
def test_a_typed_line_is_read_as_discord_shows_it(line: str, options: dict[str, object]) -> None:
    assert parse(line) == options
