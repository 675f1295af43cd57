"""Sound that is heard across the process border while it is made, against the file that is written at the end.

The shipped model in a synth process with one thread, each job both ways in turn: from the job's sending to the first
packets that the parent can read, and to the finished file; and how much louder or softer the streamed file is.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.report import heading, spread
from synth import worker
from synth.listener import Listener
from synth.mastering import TARGET_LUFS, gain_of
from synth.process import Synth
from synth.protocol import Job, Sound

REPEATS = 7
TEXT = "the quick brown fox jumps over the lazy dog"
SENTENCES = (
    TEXT,
    "hello there, this is barkbot.",
    "no.",
    "please come to the kitchen and bring seven plates with you tonight",
    "what a lovely morning. the birds are singing and the sun is warm.",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One job, in seconds since it was sent."""

    first: float  # until the first packets could be read
    heard: float  # of audio in them
    total: float
    audio: float
    loudness: float  # LUFS
    bytes: int


async def main() -> None:
    """Print the figures."""
    print(heading("soundfile", "numpy"))
    print(f"libsndfile {soundfile.__libsndfile_version__}; load {os.getloadavg()[0]:.1f}")
    options = worker.WorkerOptions(model="pup", device="cpu", threads=1, log_level="ERROR")
    synth = Synth(worker.main, options)
    async with asyncio.TaskGroup() as group:
        group.create_task(synth.run())
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                await compare_times(synth, Path(folder))
                await compare_loudness(synth, Path(folder))
        finally:
            await synth.close()


async def compare_times(synth: Synth, folder: Path) -> None:
    """One sentence, both ways in turn; one of each goes before, unmeasured."""
    runs: dict[bool, list[Run]] = {True: [], False: []}
    for turn in range(REPEATS + 1):
        for stream, taken in runs.items():
            run = await timed(synth, folder, TEXT, "pup_low", stream=stream)
            if turn:
                taken.append(run)
    print(f"{runs[True][0].audio:.2f} s of speech with a voice")
    print(f"  streamed  first {runs[True][0].heard:.2f} s of audio after {spread([run.first for run in runs[True]])}")
    print(f"            the whole file after {spread([run.total for run in runs[True]])}, {runs[True][0].bytes} bytes")
    print(f"  whole     the file after {spread([run.total for run in runs[False]])}, {runs[False][0].bytes} bytes")


async def compare_loudness(synth: Synth, folder: Path) -> None:
    """All sentences in all voices."""
    errors, differences = [], []
    for text in SENTENCES:
        for voice in synth.voices:
            streamed = await timed(synth, folder, text, voice, stream=True)
            whole = await timed(synth, folder, text, voice, stream=False)
            errors.append(streamed.loudness - TARGET_LUFS)
            differences.append(streamed.loudness - whole.loudness)
    print(f"{len(errors)} files: the streamed ones are {spread(errors, 'LU')} over the target of {TARGET_LUFS:g} LUFS")
    print(
        f"  and {spread(differences, 'LU')} over the whole ones; {np.abs(differences).mean():.2f} LU apart on average"
    )


async def timed(synth: Synth, folder: Path, text: str, voice: str, *, stream: bool) -> Run:
    """One job from its sending to its end."""
    job = Job(id="j", text=text, path=str(folder / "j.ogg"), seed=1, voice=voice, stream=stream)
    await synth.until_ready()
    began = time.perf_counter()
    first: list[tuple[float, float]] = []
    with contextlib.closing(Listener(job.path)) as listener:

        def hear(sound: Sound) -> None:
            if listener.hear(sound.bytes) and not first:
                first.append((time.perf_counter() - began, sound.seconds))

        await synth.render(job, on_sound=hear)
    total = time.perf_counter() - began
    data = await asyncio.to_thread(Path(job.path).read_bytes)
    samples, rate = soundfile.read(io.BytesIO(data))
    seconds = len(samples) / rate
    loudness = TARGET_LUFS - 20 * float(np.log10(gain_of(samples, rate)))
    at, heard = first[0] if first else (total, seconds)
    return Run(first=at, heard=heard, total=total, audio=seconds, loudness=loudness, bytes=len(data))
