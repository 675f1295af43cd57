"""The border holds: the bot never loads torch, the synth package never loads discord, and both are cheap where they should be."""

import json
import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_the_bot_never_loads_torch() -> None:
    everything = "import bot.app, bot.runner, bot.demo, bot.doctor, bot.__main__"
    loaded = modules_after(everything)
    assert "discord" in loaded
    assert loaded.isdisjoint({"torch", "transformers", "numpy", "soundfile", "scipy"})


def test_synth_never_loads_discord() -> None:
    everything = (
        "import synth.pipeline, synth.worker, synth.checkpoint, synth.engine, synth.__main__, synth.audio, transformers"
    )
    loaded = modules_after(everything)
    assert "torch" in loaded
    assert loaded.isdisjoint({"discord", "aiohttp", "bot"})


@pytest.mark.parametrize(
    "statement",
    [
        "import synth",
        "import synth.protocol",
        "import synth.process, synth.bounded",
        "import synth.listener, synth.ogg",
        "import bot",
    ],
)
def test_cheap_imports_stay_cheap(statement: str) -> None:
    loaded = modules_after(statement)
    assert loaded.isdisjoint({"torch", "transformers", "numpy", "soundfile", "discord", "pydantic"})


def test_help_is_instant_enough() -> None:
    loaded = modules_after(
        "import bot.__main__ as command\ntry:\n    command.main(['--help'])\nexcept SystemExit: pass"
    )
    assert loaded.isdisjoint({"torch", "transformers", "numpy", "discord", "pydantic"})
