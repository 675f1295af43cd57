"""What a child gets from its parent at birth, and what is said of its death. The rest of a life: test_process.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from synth.life import how_it_ended

SCRIPT = """
import asyncio, os, sys
sys.path.insert(0, {root!r})
import this_is_heavy
from synth.process import JobFailed, Synth
from synth.protocol import Job
from tests.fakes.child import FakeOptions, main

async def ask():
    synth = Synth(main, FakeOptions())
    async with asyncio.TaskGroup() as group:
        group.create_task(synth.run())
        await synth.until_ready()
        print("BARKBOT_TOKEN" in open(f"/proc/{{synth.pid}}/environ").read(), os.environ["BARKBOT_TOKEN"])
        for name in ("this_is_heavy", "synth.worker"):
            try:
                await synth.render(Job(id="a", text=f"imported:{{name}}", path="/nowhere/a.ogg", seed=1))
            except JobFailed as failed:
                print(name, failed.detail)
        await synth.close()

if __name__ == "__main__":
    asyncio.run(ask())
"""


def test_the_child_gets_neither_the_main_module_nor_the_token_and_nothing_is_on_stderr(tmp_path):
    """A semaphore that leaked would be told there by Python's resource tracker."""
    (tmp_path / "this_is_heavy.py").touch()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=str(Path(__file__).parents[2])))
    environment = {**os.environ, "BARKBOT_TOKEN": "secret", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["False secret", "this_is_heavy False", "synth.worker True"]


def test_an_ending_is_told_by_its_name():
    assert [how_it_ended(code) for code in (0, 70, -9, 3, None)] == ["OK", "MODEL", "SIGKILL", "exit code 3", "unknown"]
    assert how_it_ended(-250) == "exit code -250"
