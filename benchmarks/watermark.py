"""The watermark: how often it is found after what happens to clips, how often where it is not, and what it does to the sound.

The clips are the shipped model's, of 6 s and more, in all its voices; those made once are kept in the system's folder for
temporary files. Unmarked are these clips, the same with other people's marks, and noise with the modulations and the
spectrum of speech; each is asked for many keys, and each such question is one clip that could raise a false alarm.
BARKBOT_CLIPS sets how many clips there are.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.attacks import RATE, Sound, attacks
from benchmarks.audibility import difference
from benchmarks.report import heading
from synth.mark_search import FALSE_ALARM
from synth.pup.sentences import HELD_OUT
from synth.watermark import Embedder, detect, detect_each, embed

CLIPS = int(os.environ.get("BARKBOT_CLIPS", "150"))
SHORTEST = 6.0  # seconds
SENTENCES = 3  # in a clip
SEATS = 8
PROMISED = "Opus 64 kbps"  # what all clips go through; for the rest some will do
TABLE = 50
KEY = bytes(range(32))
QUESTIONS = 12_000  # about unmarked clips
NOISES = 100
SHORT, LONG = 6.0, 12.0  # seconds of noise
SYLLABLE = 0.1  # seconds from one to the next


def main() -> None:
    """Print the tables."""
    print(heading("numpy", "scipy"))
    clips = list(prepared(Path(tempfile.gettempdir()) / "barkbot-watermark"))
    seconds = [len(clip) / RATE for clip in clips]
    print(
        f"{len(clips)} clips of {min(seconds):.1f} to {max(seconds):.1f} s, median {np.median(seconds):.1f} s",
        flush=True,
    )
    marked = [embed(clip, RATE, KEY) for clip in clips]
    cost(clips)
    audibility(clips, marked)
    false_alarms(clips)
    table(marked)


def cost(clips: list[Sound]) -> None:
    """Milliseconds of work for a second of audio; streamed in pieces of 0.3 s."""
    seconds, began = sum(map(len, clips)) / RATE, time.process_time()
    for clip in clips:
        embed(clip, RATE, KEY)
    whole, began = time.process_time() - began, time.process_time()
    for clip in clips:
        embedder = Embedder(RATE, KEY)
        for start in range(0, len(clip), 7200):
            embedder.push(clip[start : start + 7200])
        embedder.end()
    print(
        f"marking: {1000 * whole / seconds:.2f} ms for a second, streamed {1000 * (time.process_time() - began) / seconds:.2f} ms"
    )


def audibility(clips: list[Sound], marked: list[Sound]) -> None:
    """Median and worst of each measure."""
    found = [difference(clip.astype("f8"), mark.astype("f8"), RATE) for clip, mark in zip(clips, marked, strict=True)]
    for name, worst in (
        *(("loudness", None), ("snr", min), ("segmental", min), ("spectral", max), ("mask", max), ("bands", max)),
        ("times", max),
    ):
        values = np.array([getattr(each, name) for each in found])
        end = worst(values) if worst else values[np.abs(values).argmax()]
        print(f"  {name:10} median {np.median(values):.3f}, worst {end:.3f}")


def false_alarms(clips: list[Sound]) -> None:
    """How many there are, and how p lies."""
    others = [embed(clip, RATE, b"somebody else's") for clip in clips]
    sounds = [*clips, *others, *(_noise(number) for number in range(NOISES))]
    keys = -(-QUESTIONS // len(sounds))
    asked = [[number.to_bytes(4, "big") + bytes([each]) for each in range(keys)] for number in range(len(sounds))]
    p = np.array([mark.p for sound, some in zip(sounds, asked, strict=True) for mark in detect_each(sound, RATE, some)])
    print(f"{len(p)} unmarked ({len(sounds)} sounds, {keys} keys each): {(p <= FALSE_ALARM).sum()} false alarms")
    print(
        f"  least p {p.min():.2g}; share of p under 0.01: {(p < 0.01).mean():.5f}, under 0.1: {(p < 0.1).mean():.4f}",
        flush=True,
    )


def table(marked: list[Sound]) -> None:
    """A line for each attack."""
    print(f"{'attack':28} found          score, least / median   greatest p")
    for name, attack in attacks().items():
        some = marked if name == PROMISED else marked[:TABLE]
        marks = [detect(attack(clip), RATE, KEY) for clip in some]
        scores = [mark.score for mark in marks]
        found = sum(mark.found for mark in marks)
        print(
            f"{name:28} {found:4} of {len(marks):4} {found / len(marks):7.1%}   {min(scores):5.1f} / {np.median(scores):5.1f}   "
            f"{max(mark.p for mark in marks):.1g}",
            flush=True,
        )


def _noise(number: int) -> Sound:
    """Bursts of a syllable's length whose spectrum falls as speech's does."""
    random = np.random.default_rng(number)
    samples = round(RATE * random.uniform(SHORT, LONG))
    spectrum = np.fft.rfft(random.normal(size=samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    carrier = np.fft.irfft(spectrum / (1 + (frequency / random.uniform(300, 1500)) ** 2), samples)
    places = np.arange(0, LONG + 1, SYLLABLE)
    syllables = np.interp(np.arange(samples) / RATE, places, random.exponential(size=len(places)))
    return (0.1 * carrier / carrier.std() * syllables).astype(np.float32)


def prepared(folder: Path) -> Iterator[Sound]:
    """All that are long enough, of those that are there and those that are made now."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers, count = iter(range(10 * CLIPS)), 0
    while count < CLIPS:
        group = [next(numbers) for _ in range(2 * SEATS)]
        if missing := [number for number in group if not (folder / f"{number}.npy").exists()]:
            _make(folder, missing)
        for clip in (np.load(folder / f"{number}.npy") for number in group):
            if len(clip) >= SHORTEST * RATE and count < CLIPS:
                count += 1
                yield clip


def _make(folder: Path, numbers: list[int]) -> None:
    """Speak, side by side, so many texts, and write them down unmarked."""
    import torch  # noqa: PLC0415 - seconds, and not needed where all clips are there

    from synth.batch import Batch  # noqa: PLC0415 - the same
    from synth.device import plan  # noqa: PLC0415 - the same
    from synth.engine import load_model, tokenized  # noqa: PLC0415 - the same
    from synth.mastering import finish  # noqa: PLC0415 - the same
    from synth.pipeline import Request, speak  # noqa: PLC0415 - the same

    batch = Batch(seats=SEATS)
    model = batch.share(load_model(plan("pup", "cpu", torch.get_num_threads(), "int8")))
    names = model.voices.names()

    def one(number: int) -> None:
        random, voice = np.random.default_rng(number), names[number % len(names)]
        text = ". ".join(random.choice(HELD_OUT, SENTENCES, replace=False)) + "."
        pieces, history = tokenized(model, text, voice), model.voices.get(voice)
        speech = speak(model, Request(pieces=pieces, voice=history, seed=number))
        np.save(folder / f"{number}.npy", finish([piece.waveform for piece in speech.pieces], RATE))

    tasks = [batch.start(functools.partial(one, number)) for number in numbers]
    while batch.busy:
        batch.turn()
    for task in tasks:
        task.result()
