"""The picture in docs/watermark.md: `python -m benchmarks.watermark_picture docs/watermark.png` (needs matplotlib)."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from benchmarks.attacks import RATE, Sound
from benchmarks.watermark import KEY, prepared
from synth.watermark import embed

WINDOW, HOP = 1024, 128
RANGE_DB = 80.0  # of the spectrograms
CHANGE_DB = 4.0
SECONDS = 3.0
COLOURS = 48


def main(path: Path) -> None:
    """Draw a clip, the same marked, and by how much each place was changed."""
    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415 - after the choice of Agg

    clip = next(prepared(Path(tempfile.gettempdir()) / "barkbot-watermark"))
    before, after = (_decibels(each)[: round(SECONDS * RATE / HOP)] for each in (clip, embed(clip, RATE, KEY)))
    top = before.max()
    audible = np.where(before > top - RANGE_DB, after - before, 0.0)
    panels = (
        ("without", before, "magma", (top - RANGE_DB, top)),
        ("with the watermark", after, "magma", (top - RANGE_DB, top)),
        ("the difference", audible, "RdBu_r", (-CHANGE_DB, CHANGE_DB)),
    )
    figure, rows = pyplot.subplots(len(panels), 1, figsize=(9, 8), sharex=True, constrained_layout=True)
    for axes, (title, levels, colours, (low, high)) in zip(rows, panels, strict=True):
        extent = (0, len(levels) * HOP / RATE, 0, RATE / 2000)
        picture = axes.imshow(levels.T, origin="lower", aspect="auto", extent=extent, cmap=colours, vmin=low, vmax=high)
        axes.set(title=title, ylabel="kHz")
        figure.colorbar(picture, ax=axes, label="dB")
    rows[-1].set_xlabel("seconds")
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=70)
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, optimize=True)  # a quarter of the bytes


def _decibels(sound: Sound) -> Sound:
    """(times, frequencies)."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(sound.astype("f8"), WINDOW // 2), WINDOW)[::HOP]
    return 20 * np.log10(np.abs(np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1])) + 1e-6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
