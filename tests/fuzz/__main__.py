"""The whole run: `python -m tests.fuzz [--inputs N] [--targets NAME ...] [--coverage]`, one line a target.

--coverage: inputs are led by what they reach, with atheris (pip install atheris; it has builds for few Pythons). Each target then
is a process of its own, as libFuzzer ends the one it runs in.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

if "--alone" in sys.argv:  # only what is imported from here on is watched: our own parsers, not torch
    import atheris  # type: ignore[import-not-found] # not on every machine

    with atheris.instrument_imports(include=["bot", "synth"]):
        import tests.fuzz.targets  # noqa: F401

from tests.fuzz.feed import feed, once
from tests.fuzz.targets import TARGETS, Target

INPUTS = 100_000


def main() -> int:
    """The exit code: whether all went well."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--targets", nargs="*", default=[], choices=[[], *(target.name for target in TARGETS)])
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # of --coverage: in this process
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # torch's, of damaged files
    chosen = [target for target in TARGETS if not options.targets or target.name in options.targets]
    if options.alone:
        _led(chosen[0], options.inputs)
    for target in chosen:
        if not options.coverage:
            print(feed(target, options.inputs, seed=options.seed), flush=True)
        elif failed := _apart(target, options.inputs):
            return failed
    return 0


def _apart(target: Target, inputs: int) -> int:
    command = [sys.executable, "-m", "tests.fuzz", "--alone", "--inputs", str(inputs), "--targets", target.name]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if line.startswith("stat::") or "DONE" in line]
    print(f"{target.name}: {' | '.join(told)}" if done.returncode == 0 else done.stderr, flush=True)
    return done.returncode


def _led(target: Target, inputs: int) -> None:
    """libFuzzer's run; it does not come back. -timeout: an input that takes longer is a failure."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        limits = ["-timeout=1", "-max_len=65536", "-rss_limit_mb=0", "-print_final_stats=1", f"-runs={inputs}"]
        atheris.Setup(["fuzz", *limits, folder], lambda data: once(target, data, target.name))
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
