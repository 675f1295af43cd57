"""What each form and each memory profile takes and how fast it is: Bark with random weights, every cell in its own process.

Peak memory is the device's on CUDA (what torch had allocated), and on a CPU that of the process, less what it had with all
imported: what is read of a mapped file counts there, although the system can take it back. Its floor is the bytes of the
weights. Seconds are those of one request, on a GPU after a short one that warms up; on a CPU large has very short speech.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from transformers import BarkModel

from benchmarks import work
from benchmarks.floors import form_of
from benchmarks.forms import THEIRS, kinds, progress, short_of, weight_bytes
from benchmarks.random_bark import save_random_bark, with_generation
from benchmarks.report import heading, short
from synth import checkpoint, device, room
from synth.engine import load_model
from synth.pipeline import speak

REPEATS = {"small": 2, "large": 1}
SECONDS = {("small", "cpu"): 2.0, ("large", "cpu"): 0.4}  # of speech; ten where it is not said
SAVING = 2.2  # times the weights: they are put together for the file
GB = 1e9


def main(size: str) -> None:
    """Print the tables of one size."""
    for kind in kinds():
        table(size, kind)


def table(size: str, kind: str) -> None:
    """Print one row for each form and profile; the rows in turn in every repeat."""
    seconds = SECONDS.get((size, kind), 10.0)
    print(heading("torch", "transformers", "numpy", "safetensors"))
    print(f"Bark {size} on {kind}, {seconds:g} s of speech with a voice; GB\n")
    if missing := short_of(SAVING * weight_bytes(size, "cpu"), "cpu"):
        print(f"left out: {missing}\n")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / f"bark-{size}"
        progress(f"{size}: writing its file")
        _apart("save", size, folder)
        turns = [{cell: measured(kind, folder, *cell, seconds) for cell in cells(kind)} for _ in range(REPEATS[size])]
    print(
        "| form, profile | loading | loaded | peak | weights | planned | load | speech |\n|---|---|---|---|---|---|---|---|"
    )
    for cell in cells(kind):
        rows = [turn[cell] for turn in turns]
        figures = [short([row[word] / GB for row in rows]) for word in ("loading", "loaded", "peak")]
        figures += [f"{rows[0][word] / GB:.2f}" if rows[0][word] else "" for word in ("weights", "planned")]
        figures += [f"{short([row[word] for row in rows])} s" for word in ("load", "speech")]
        print(f"| {', '.join(cell)} | {' | '.join(figures)} |")
    print(flush=True)


def cells(kind: str) -> list[tuple[str, str]]:
    """Forms and profiles."""
    others, narrow = [(THEIRS, "resident"), ("eager", "resident")], ("int8", "int4")
    if kind == "cuda":
        profiles = [("exact", profile) for profile in room.PROFILES]
        return [*others, *profiles, *((name, "resident") for name in narrow)]
    return [*others, *((name, profile) for name in ("exact", "int8") for profile in ("resident", "embeddings"))]


def measured(kind: str, folder: Path, form: str, profile: str, seconds: float) -> dict[str, float]:
    """What `run` says, in a process of its own."""
    progress(f"{folder.name} on {kind}: {form}, {profile}")
    return _apart("run", folder, kind, form, profile, seconds)


def _apart(*words: object) -> dict[str, float]:
    """What a new process of this module prints."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", *map(str, words)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out) if out else {}  # type: ignore[no-any-return]


def run(folder: Path, kind: str, form: str, profile: str, seconds: float) -> dict[str, float]:
    """Bytes and seconds of loading and of one request."""
    torch.ones(1, device=kind)  # CUDA's context is not the model's
    before = _now(kind)
    began = time.perf_counter()
    say = loaded_as(form, folder, kind, profile)
    load, loading, loaded = time.perf_counter() - began, _peak(kind), _now(kind)
    if kind == "cuda":
        say(0.1)()
    began = time.perf_counter()
    say(seconds)()
    size, numbers = room.size_of(str(folder)), form_of(kind, form)
    return {
        "speech": time.perf_counter() - began,
        "load": load,
        "loading": loading - before,
        "loaded": loaded - before,
        "peak": _peak(kind) - before,
        "weights": sum(room.weights(size, numbers, table=profile == "resident").values()) + room.CODEC,
        "planned": room.needed(size, numbers, profile) if form not in (THEIRS, "eager") else 0,
    }


def loaded_as(form: str, folder: Path, kind: str, profile: str) -> Callable[[float], work.Work]:
    """What makes speech of so many seconds, in that form."""
    torch.set_num_threads(device.usable_cores())
    dtype = torch.float32 if kind == "cpu" else torch.float16
    if form == THEIRS:
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        bark = with_generation(BarkModel.from_pretrained(folder, dtype=dtype).eval().to(kind))
        bark.codec_model.float()
        return lambda seconds: work.their_clip(bark, seconds)
    if form == "eager":
        model = checkpoint.load(str(folder), device=kind, dtype=dtype)
    else:
        model = load_model(device.plan(str(folder), kind, 0, form, memory=profile, seats=1))
    return lambda seconds: lambda: speak(model, work.request(seconds, greedy=False))


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
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started it has the word for that
    if sys.argv[1] == "save":
        save_random_bark(sys.argv[2], Path(sys.argv[3]))
    else:
        print(json.dumps(run(Path(sys.argv[2]), *sys.argv[3:6], float(sys.argv[6]))))
