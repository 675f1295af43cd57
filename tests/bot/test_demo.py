"""The demo, as somebody who has just cloned the repository runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from bot.demo import parse

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


def test_once_with_a_text_that_is_refused_shows_the_words_and_fails(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", "--once", "   ", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1
    assert "only alice sees   There is nothing to say" in done.stdout


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
