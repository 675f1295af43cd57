"""The C source -> a shared library, compiled for this very machine on first use and kept in the user's cache folder.

A machine without a compiler, a compiler that fails and a folder that cannot be written are `NoKernels`, never a stop.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import platformdirs

SOURCE = Path(__file__).with_name("transformer.c")
FLAGS = ("-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC", "-pthread")
MACHINES = (  # the first that the compiler knows; some for ARM know the last only
    ("-march=native", "-mprefer-vector-width=512"),  # what is left to the compiler is as wide as what is not
    ("-march=native",),
    ("-mcpu=native",),
)
COMPILERS = ("cc", "gcc", "clang")
PATIENCE = 120.0  # seconds; a slow machine takes five


class NoKernels(Exception):
    """There is no compiled library here. Its text says why."""


def default_folder() -> Path:
    """Where libraries are kept."""
    return platformdirs.user_cache_path("barkbot") / "native"


def build(folder: Path) -> Path:
    """The library's path, compiled now if it is not there. NoKernels.

    Its name holds a hash of all that it depends on (sources, compiler, flags, processor), and one of its content:
    loading a file that was cut short would kill the process. Several processes may build at once: each writes a file of
    its own and renames it.
    """
    compiler = find_compiler()
    name = f"transformer-{_key(compiler)}"
    try:
        for path in folder.glob(f"{name}-*.so"):
            if path.stem == f"{name}-{_digest(path.read_bytes())}":
                return path
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="building-") as scratch:
            fresh = Path(scratch) / "fresh.so"
            _compile(compiler, fresh)
            return fresh.replace(folder / f"{name}-{_digest(fresh.read_bytes())}.so")
    except OSError as error:
        raise NoKernels(f"{folder} cannot be used: {error.strerror}") from error


def find_compiler() -> list[str]:
    """The C compiler's command: CC of the environment, else the first one there is. NoKernels."""
    if chosen := shlex.split(os.environ.get("CC", "")):
        return chosen
    for name in COMPILERS:
        if path := shutil.which(name):
            return [path]
    raise NoKernels("there is no C compiler")


def _compile(compiler: Sequence[str], path: Path) -> None:
    said = ""
    for machine in MACHINES:
        done = _run([*compiler, *machine, *FLAGS, "-o", str(path), str(SOURCE), "-lm"])
        if done.returncode == 0 and path.is_file():
            return
        said = said or (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[0]
    raise NoKernels(f"{compiler[0]} failed: {said}")


def _key(compiler: Sequence[str]) -> str:
    sources = [file.read_bytes() for file in sorted(SOURCE.parent.glob("*.[ch]"))]
    version = _run([*compiler, "--version"]).stdout
    parts = [*sources, *(text.encode() for text in (*compiler, version, *FLAGS, *map(str, MACHINES), processor()))]
    return _digest(b"".join(hashlib.sha256(part).digest() for part in parts))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """What tells this processor's instructions from another's: a home folder may be shared by several machines."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    telling = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    return "\n".join([platform.machine(), platform.processor(), *sorted(telling)])


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 # the compiler the user has or names
            command, capture_output=True, text=True, errors="replace", check=False, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoKernels(f"{command[0]} cannot be run: {error}") from error
