"""A stranger's file is read in a process of its own, which has nothing to lose. Standard library only: the bot imports this.

A decoder is a large program in C that reads what strangers made. So it runs in a child that lives for one file: without
this process's environment, in a process group that is killed at the limit of time, with limits on memory, processor time,
files and the size of what it writes, and, where bubblewrap works, in namespaces of its own: no network, and of the disk
only Python and its packages, to read. The file comes in as an open descriptor, so that its name is never looked at;
what is made of it goes into a nameless file of bounded size. `bounded_tasks.py` is the child's half.

Without bubblewrap a decoder that is taken over could still read what this user may read; and if this user is root, lift
its own limits, except those of time and of what is taken from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import math
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

from synth.errors import NotAudio, TimedOut, TooBig, TooLong, Unreadable

__all__ = ["Bounds", "NotAudio", "TimedOut", "TooBig", "TooLong", "Unreadable", "command", "run", "run_async"]

MOST_BYTES = 16 << 20  # of a file; ten seconds of 32-bit samples at 192 kHz in two channels are 15 MB
HEADER = struct.Struct("<I")  # the length of the JSON that an answer begins with
TEXT_BYTES = 1 << 16  # of that JSON
HIGHEST_RATE = 192_000  # Hz, of a recording
PROBE_SECONDS = 20.0
ROOT = Path(__file__).resolve().parent
START = "import sys; sys.path.insert(0, sys.argv[1]); from synth.bounded_tasks import main; main(sys.argv[2])"
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # of the environment: where Python itself may need its libraries from


KINDS: dict[str, type[Unreadable]] = {kind.code: kind for kind in (NotAudio, TimedOut, TooLong, TooBig)}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What the child gets, and how much it may take."""

    task: str
    seconds: float  # of sound
    within: float  # seconds until it is killed
    memory: int  # bytes of address space
    max_bytes: int  # of the file
    max_out: int  # of what is made of it, without its JSON
    options: dict[str, Any]

    @classmethod
    def of(
        cls,
        task: str,
        *,
        seconds: float = 20.0,
        within: float = 20.0,
        memory: int = 1 << 30,
        max_bytes: int = MOST_BYTES,
        max_out: int | None = None,
        **options: Any,
    ) -> Self:
        """With what is usual; `max_out` None: as many bytes as `seconds` of sound at the option `rate` have."""
        return cls(
            task=task,
            seconds=seconds,
            within=within,
            memory=memory,
            max_bytes=max_bytes,
            max_out=_most(seconds, options) if max_out is None else max_out,
            options=options,
        )

    @property
    def largest(self) -> int:
        """Bytes of a whole answer, at most."""
        return HEADER.size + TEXT_BYTES + self.max_out

    def to_json(self) -> str:
        """For the child's command line."""
        return json.dumps(dataclasses.asdict(self))


def run(task: str, path: str | Path | bytes, **wanted: Any) -> dict[str, Any]:
    """What `task` (a name in `bounded_tasks.TASKS`) makes of a file, or of these bytes, within the bounds of `Bounds.of`.

    decode: options `rate` (Hz), `formats` (of OGG, MP3, FLAC, WAV), `cut` (leave out what is longer than `seconds` instead of
    refusing it) -> `data` (float32, mono, little-endian bytes), `rate`, `seconds`, `format`.
    Blocks: see `run_async`. Raises NotAudio, TooLong, TooBig, TimedOut.
    """
    bounds = Bounds.of(task, **wanted)
    with _opened(path, bounds.max_bytes) as source, tempfile.TemporaryFile() as answer:
        with subprocess.Popen(command(bounds), stdin=source, stdout=answer, **_apart()) as child:  # noqa: S603 -- our own command
            try:
                child.wait(bounds.within)
            except subprocess.TimeoutExpired as error:
                raise TimedOut(f"It was not read within {bounds.within:g} s.") from error
            finally:
                _kill(child.pid)
        return _answer(answer, bounds, child.returncode)


async def run_async(task: str, path: str | Path | bytes, **wanted: Any) -> dict[str, Any]:
    """As `run`, for an event loop, which is not held up. Cancelling this kills the child."""
    bounds = Bounds.of(task, **wanted)
    words = await asyncio.to_thread(command, bounds)  # the first one tries bubblewrap
    with _opened(path, bounds.max_bytes) as source, tempfile.TemporaryFile() as answer:
        child = await asyncio.create_subprocess_exec(*words, stdin=source, stdout=answer, **_apart())
        try:
            async with asyncio.timeout(bounds.within):
                code = await child.wait()
        except TimeoutError as error:
            raise TimedOut(f"It was not read within {bounds.within:g} s.") from error
        finally:
            _kill(child.pid)
            await asyncio.shield(child.wait())
        return _answer(answer, bounds, code)


def _most(seconds: float, options: dict[str, Any]) -> int:
    """Bytes of so much sound in float32."""
    return math.ceil(seconds * int(options.get("rate", HIGHEST_RATE))) * 4


def command(bounds: Bounds) -> list[str]:
    """What is started: this Python, isolated from environment and working folder, in bubblewrap where that works."""
    python = [sys.executable, "-I", "-B", "-c", START, str(ROOT.parent), bounds.to_json()]
    return [*_bubble(), *python]


@functools.cache
def _bubble() -> list[str]:
    """Bubblewrap's words in front of a command; none where it is not there, or may not make namespaces."""
    program = shutil.which("bwrap")
    if not program:
        return []
    words = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for place in _needed():
        words += ["--ro-bind", place, place]
    words += ["--symlink", "usr/lib", "/lib"] if Path("/lib").is_symlink() else []
    words += ["--symlink", "usr/lib64", "/lib64"] if Path("/lib64").is_symlink() else []
    words += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/"]
    trial = [*words, sys.executable, "-I", "-B", "-c", "import numpy, soundfile"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(trial, capture_output=True, timeout=PROBE_SECONDS, check=False, env=_environment())  # noqa: S603 -- the same
        if done.returncode == 0:
            return words
    return []


def _needed() -> list[str]:
    """The folders that Python, its packages and this one are in; none within another."""
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), str(ROOT)}
    paths |= {"/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache"}
    places = sorted({Path(path) for path in paths if Path(path).exists() and not Path(path).is_symlink()})
    return [str(place) for place in places if not any(other in place.parents for other in places)]


def _environment() -> dict[str, str]:
    """Nothing of this process's own but where libraries are. One thread: others would each take address space."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", **threads} | {
        name: os.environ[name] for name in KEPT if name in os.environ
    }


def _apart() -> dict[str, Any]:
    return {"stderr": subprocess.DEVNULL, "env": _environment(), "start_new_session": True, "cwd": "/"}


@contextlib.contextmanager
def _opened(path: str | Path | bytes, max_bytes: int) -> Iterator[IO[bytes]]:
    """The file, open to read: a plain one, of so many bytes at most."""
    if isinstance(path, bytes):
        if len(path) > max_bytes:
            raise TooBig(f"It has {len(path)} bytes; {max_bytes} are the most.")
        with tempfile.TemporaryFile() as file:
            file.write(path)
            file.seek(0)
            yield file
        return
    try:
        # A pipe would be waited for, and a device may do anything when it is opened.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise NotAudio(f"{path} cannot be opened: {error.strerror}.") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise NotAudio(f"{path} is no plain file.")
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if about.st_size > max_bytes:
            raise TooBig(f"It has {about.st_size} bytes; {max_bytes} are the most.")
        yield file


def _kill(pid: int) -> None:
    """The child's whole process group: also what it may have started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _answer(file: IO[bytes], bounds: Bounds, code: int) -> dict[str, Any]:
    """What the child wrote: JSON after its length, then bytes. What is no answer is a reader that died on this file."""
    file.seek(0)
    content = file.read(bounds.largest)
    if code in {-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL}:
        raise TimedOut("Its reader used up its time.")
    if code:
        raise NotAudio(f"Its reader died of it (exit code {code}).")
    try:
        (length,) = HEADER.unpack_from(content)
        found = json.loads(content[HEADER.size : HEADER.size + length])
        kind = KINDS.get(found.get("error", ""))
    except (struct.error, ValueError, AttributeError) as error:
        raise NotAudio("Its reader said what is no answer.") from error
    if "error" in found:
        raise (kind or NotAudio)(str(found.get("words", "")))
    return {**found, "data": content[HEADER.size + length :]}
