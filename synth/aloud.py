"""`python -m synth --stream`: the bytes of an Ogg Opus file to where a player can follow them, a file or standard output."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from synth.audio import Tags
from synth.bark import Model, Request
from synth.errors import SynthError
from synth.growing import told
from synth.live import Part, live
from synth.progress import Watch

STANDARD_OUTPUT = Path("-")


def speak_aloud(
    model: Model, request: Request, tags: Tags, output: Path, watch: Watch, *, mark: bytes | None = None
) -> Part:
    """Speak, part by part, and write each at once; the last part. What `live` raises, DiskFull, CannotWrite, SynthError."""
    part = Part(data=b"", seconds=0.0)
    with _opened(output) as add, contextlib.closing(live(model, request, tags, watch=watch, mark=mark)) as parts:
        for part in parts:
            add(part.data)
    return part


@contextlib.contextmanager
def _opened(output: Path) -> Iterator[Callable[[bytes], None]]:
    """Writes bytes there. A file is there from the beginning, under its name, and removed if it does not become whole."""
    if output == STANDARD_OUTPUT:
        yield _to_standard_output
        return
    with told(output):
        file = output.open("wb")

    def add(data: bytes) -> None:
        with told(output):
            file.write(data)
            file.flush()

    try:
        with file:
            yield add
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _to_standard_output(data: bytes) -> None:
    """Past Python's buffer, so that nothing is left to be written when nobody listens any more."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]
    except BrokenPipeError as error:
        raise SynthError("Nobody listens to standard output any more.") from error
    except OSError as error:
        raise SynthError(f"Standard output cannot be written: {os.strerror(error.errno or 0)}.") from error
