"""The benchmarks' arithmetic is that of a real clip, and their command line answers in sentences."""

import collections
import importlib
import subprocess
import sys

import pytest
from torch import nn

from benchmarks import random_bark, speed, work
from benchmarks.listed import BENCHMARKS, USUAL
from synth.bark import Model
from synth.pipeline import speak
from synth.stream import stream


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Model:
    """Bark's vocabularies and windows, in networks of next to nothing."""
    monkeypatch.setitem(random_bark.SIZES, "tiny", (1, 1, 16))
    return random_bark.ours(random_bark.theirs("tiny"), "tiny")


def counted(model: Model) -> collections.Counter[str]:
    """How often each network is called with something new: a prompt, or a fine pass."""
    calls: collections.Counter[str] = collections.Counter()

    def watch(name: str, network: nn.Module) -> None:
        network.register_forward_pre_hook(lambda *_: calls.update([name]))

    for name in random_bark.NETWORKS:
        watch(name, getattr(model, name))
    return calls


def test_a_computed_clip_has_the_parts_of_a_real_one(tiny: Model) -> None:
    calls = counted(tiny)
    piece = speak(tiny, work.request(speed.SECONDS)).pieces[0]
    counts = speed.parts(speed.SECONDS)
    assert counts["semantic 277"] + counts["semantic 757"] == len(piece.semantic) == 499
    assert 60 * counts["window"] + counts.get("coarse 903", 0) == piece.coarse.size == 1500
    assert calls == {"semantic": 1, "coarse": counts["window"], "fine": counts["fine pass"]}
    assert piece.fine.shape[1] == speed.frames(speed.SECONDS)


def test_the_first_audio_has_the_parts_that_its_floor_counts(tiny: Model) -> None:
    calls = counted(tiny)
    steps: collections.Counter[str] = collections.Counter()
    chunks = stream(tiny, work.request(speed.SECONDS), lambda stage, *_: steps.update([stage]))
    next(chunks)
    chunks.close()
    counts = speed.first_parts()
    assert calls == {"semantic": 1, "coarse": counts["window"], "fine": counts["fine pass"]}
    assert steps["semantic"] == counts["semantic 277"]


def test_every_name_is_a_benchmark() -> None:
    for words, _ in BENCHMARKS.values():
        module, function, *size = words.split()
        assert callable(getattr(importlib.import_module(f"benchmarks.{module}"), function))
        assert set(size) <= set(random_bark.SIZES)
    assert set(USUAL) < set(BENCHMARKS)


def test_an_unknown_name_is_answered_with_all_that_there_are() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("There is no benchmark nonsense.\n")
    assert all(f"\n  {name} " in done.stderr for name in BENCHMARKS)
