"""What each memory profile takes and how fast it is: Bark with random weights, every cell in a process of its own.

Peak memory is the device's on CUDA (what torch had allocated), and on a CPU that of the process, less what it had with all
imported: what is read of a mapped file counts there, although the system can take it back. Seconds are those of one
request, on a GPU after a short one that warms up. `memory` does small, and large where there is a GPU; `memory-large` large on a CPU
with very short speech.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.random_bark import random_voice, save_random_bark
from benchmarks.report import heading, spread
from synth import device, room
from synth.bark import Request
from synth.engine import load_model
from synth.pipeline import speak

REPEATS = 3
SECONDS = {"cuda": 10.0, "cpu": 2.0}  # of speech
GB = 1e9


def main() -> None:
    """Print the table for small, and for large on a GPU."""
    kind = device.choose("auto").split(":")[0]
    table(kind, ["small", "large"] if kind == "cuda" else ["small"], SECONDS.get(kind, SECONDS["cpu"]))


def large() -> None:
    """Print the table for large."""
    table(device.choose("auto").split(":")[0], ["large"], 0.4)


def table(kind: str, sizes: list[str], seconds: float) -> None:
    """Print one row for each size, precision and profile; the rows in turn in every repeat."""
    print(heading("torch", "numpy", "safetensors"))
    print(f"{seconds:g} s of speech with a voice on {kind}\n")
    profiles = room.PROFILES if kind == "cuda" else ("resident", "embeddings")
    precisions = ("exact", "int8") if kind == "cpu" else ("exact",)
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / f"bark-{size}"
            _apart("save", size, folder)
            cells = [(precision, profile) for precision in precisions for profile in profiles]
            turns = [{cell: _apart("run", folder, *cell, seconds) for cell in cells} for _ in range(REPEATS)]
            runs = {cell: [turn[cell] for turn in turns] for cell in cells}
        for (precision, profile), rows in runs.items():
            print(f"{size}, {precision}, {profile} (planned {rows[0]['planned'] / GB:.2f} GB)")
            for word, unit in (("loading", "GB"), ("loaded", "GB"), ("peak", "GB")):
                print(f"  {word:8} {spread([row[word] / GB for row in rows], unit)}")
            print(f"  {'load':8} {spread([row['load'] for row in rows])}")
            print(f"  {'speech':8} {spread([row['speech'] for row in rows])}", flush=True)


def _apart(*words: object) -> dict[str, float]:
    """What a new process of this module prints."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", *map(str, words)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out) if out else {}  # type: ignore[no-any-return]


def run(folder: Path, precision: str, profile: str, seconds: float) -> dict[str, float]:
    """Bytes and seconds of loading and of one request."""
    plan = device.plan(str(folder), "auto", 0, precision, memory=profile)
    kind = plan.device.split(":")[0]
    torch.ones(1, device=plan.device)  # CUDA's context is not the model's
    before = _now(kind)
    began = time.perf_counter()
    model = load_model(plan)
    load, loading, loaded = time.perf_counter() - began, _peak(kind), _now(kind)
    request = Request(pieces=[list(range(20))], voice=random_voice(), seed=1, min_eos_p=None, max_seconds=seconds)
    if kind == "cuda":
        speak(model, dataclasses.replace(request, max_seconds=0.1))
    began = time.perf_counter()
    speak(model, request)
    return {
        "speech": time.perf_counter() - began,
        "load": load,
        "loading": loading - before,
        "loaded": loaded - before,
        "peak": _peak(kind) - before,
        "planned": room.needed(room.size_of(str(folder)), room.form_of(kind, plan.precision), profile),
    }


def _now(kind: str) -> int:
    """Bytes in use."""
    return torch.cuda.memory_allocated() if kind == "cuda" else _status("VmRSS")


def _peak(kind: str) -> int:
    """Bytes that were in use at most, since the last call."""
    if kind == "cuda":
        peak = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return peak
    peak = _status("VmHWM")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    return peak


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


if __name__ == "__main__":
    if sys.argv[1] == "save":
        save_random_bark(sys.argv[2], Path(sys.argv[3]))
    else:
        print(json.dumps(run(Path(sys.argv[2]), *sys.argv[3:5], float(sys.argv[5]))))
