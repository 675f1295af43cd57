"""Where a model runs, which one fits there, and how that is told in one line. torch is imported when asked, not before."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synth import room
from synth.errors import ModelError, OutOfMemory

if TYPE_CHECKING:
    import torch

PRECISIONS = ("exact", "int8", "int4")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What was decided at the start."""

    model: str
    device: str  # cpu, cuda:0, mps
    precision: str  # float32, float16, int8 or int4
    threads: int
    free: int  # bytes on the device, 0 where unknown
    label: str  # the device in words
    memory: str = "resident"  # or another profile of `synth.room`
    seats: int = 1  # pieces in work at once

    def line(self) -> str:
        """The decision, for the log."""
        left = f"{self.free / 1e9:.1f} GB free" if self.free else "free memory unknown"
        threads = f", {self.threads} threads" if self.device == "cpu" else ""
        pieces = f"{self.seats} pieces at once" if self.seats > 1 else "one piece at a time"
        return (
            f"model {self.model} on {self.label} ({self.device}, {self.precision}{threads}, {left}), "
            f"memory {self.memory}, {pieces}"
        )


def plan(
    model: str, device: str, threads: int, precision: str = "exact", *, memory: str = "auto", seats: int = 0
) -> Plan:
    """Decide what is "auto": the device, the model, its profile, and (0) threads and seats; `precision` of `PRECISIONS`.

    ModelError for a device that is not there, or that cannot compute in that precision or profile.
    """
    where = choose(device)
    kind = where.split(":", maxsplit=1)[0]
    precision, free = precision_of(where, precision), free_memory(where)
    model, memory = room.choose(kind, precision, free, free_main_memory(), model=model, memory=memory)
    fitting = room.seats(kind, precision, free, model=model, memory=memory)
    return Plan(
        model=model,
        memory=memory,
        seats=1 if memory == "stages" else seats or fitting,
        device=where,
        precision=precision,
        threads=threads or usable_cores(),
        free=free,
        label=label(where),
    )


def choose(device: str) -> str:
    """A torch device that is there, from "auto", "cpu", "cuda", "cuda:1" or "mps"; ModelError says what is not."""
    import torch  # noqa: PLC0415 -- seconds

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = device.partition(":")
    if kind == "cpu" or (kind == "mps" and torch.backends.mps.is_available()):
        return kind
    count = torch.cuda.device_count() if kind == "cuda" else 0
    number = int(index) if index.isdecimal() else 0 if not index else -1
    if 0 <= number < count:
        return f"cuda:{number}"
    there = ["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
    raise ModelError(f"There is no device {device!r} here: use auto, or one of {', '.join(there)}.")


def precision_of(device: str, wish: str = "exact") -> str:
    """Exact is float16 on CUDA, float32 elsewhere; int8 and int4 have narrow weights. ModelError.

    bfloat16 is faster nowhere that float16 is not, its 8 bits of mantissa would change more tokens than float16's 11,
    and torch claims it for cards that only emulate it (before compute capability 8.0). A CPU's half precision is slower
    than its float32.
    """
    kind = device.split(":", maxsplit=1)[0]
    if wish not in PRECISIONS:
        raise ModelError(f"There is no precision {wish!r}: use {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}.")
    if wish == "int8" and kind not in ("cpu", "cuda"):
        raise ModelError(f"The precision int8 is for the CPU and for CUDA; on {device} use exact.")
    if wish == "int4" and kind != "cuda":
        raise ModelError(
            f"The precision int4 is for CUDA; on {device} use {'exact or int8' if kind == 'cpu' else 'exact'}."
        )
    if wish != "exact":
        return wish
    return "float16" if kind == "cuda" else "float32"


def free_memory(device: str) -> int:
    """Bytes that can still be had on the device, 0 where that is not known."""
    import torch  # noqa: PLC0415 -- seconds

    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    if device == "mps":
        return int(torch.mps.recommended_max_memory())
    return free_main_memory()


def free_main_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of main memory that can be had, within a container's limit if there is one; 0 where Linux does not say."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return 0
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    try:
        limit, used = ((cgroup / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    return free if limit == "max" else min(free, max(0, int(limit) - int(used)))


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def label(device: str) -> str:
    """The device's own name."""
    if device.startswith("cuda"):
        import torch  # noqa: PLC0415 -- seconds

        return torch.cuda.get_device_name(device)
    return {"mps": "Apple GPU"}.get(device, "CPU")


def memory_in_use(device: str) -> int:
    """Bytes that torch holds on the device; for the CPU, those of the process; 0 where unknown."""
    if device.startswith("cuda"):
        import torch  # noqa: PLC0415 -- seconds

        return int(torch.cuda.memory_reserved(device))
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@contextlib.contextmanager
def memory_told() -> Iterator[None]:
    """Running out of memory, whichever way torch puts it, as OutOfMemory: only CUDA's allocator has a class for it."""
    import torch  # noqa: PLC0415 -- seconds

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        known = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not known and not any(words in str(error) for words in ("out of memory", "allocate memory")):
            raise
        raise OutOfMemory("There is not enough memory on the device for this text. Try a shorter one.") from error


def healthy(device: str) -> bool:
    """Whether the device still computes. After some CUDA errors it does not, in this process, ever again."""
    if not device.startswith("cuda"):
        return True
    import torch  # noqa: PLC0415 -- seconds

    try:
        return bool((torch.ones(2, device=device) + 1).sum().item() == 2 * 2)
    except torch.OutOfMemoryError:
        return True
    except RuntimeError:  # torch.AcceleratorError is one
        return False


def dtype(precision: str, device: str = "cpu") -> torch.dtype:
    """What weights are loaded as; narrow ones are rounded later, and on CUDA the rest stays float16."""
    import torch  # noqa: PLC0415 -- seconds

    return torch.float16 if precision == "float16" or device.startswith("cuda") else torch.float32
