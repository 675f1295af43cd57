"""Models and voices that lie about themselves: refused in words, before they cost memory or time, and nothing of theirs runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from synth.checkpoint import load
from synth.errors import ModelError
from synth.flight import Flight, JobFailed
from synth.protocol import Finished, Job, Reason
from tests.fuzz import seeds
from tests.synth import folders
from tests.synth.oracle import SMALL

ROOM = 300e6  # bytes more than before: far less than any of these asks for


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "model"
    folders.save_model(folder, SMALL)
    return folder


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to lie in; whatever it says, it has cost little time and memory."""
    before, began = psutil.Process().memory_info().rss, time.process_time()
    yield Path(shutil.copytree(honest, tmp_path / "model"))
    assert psutil.Process().memory_info().rss - before < ROOM
    assert time.process_time() - began < 5


def lie(folder: Path, section: str, **values: Any) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text("utf-8"))
    content[f"{section}_config"] |= values
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("semantic", {"num_layers": 10**9}),
        ("semantic", {"hidden_size": 10**6, "num_heads": 1}),
        ("coarse_acoustics", {"input_vocab_size": 10**12}),
        ("coarse_acoustics", {"num_layers": 500}),
        ("fine_acoustics", {"n_codes_total": 10**7}),
        ("fine_acoustics", {"block_size": -1}),
        ("codec", {"codebook_size": 1 << 22}),
        ("codec", {"num_filters": 1 << 20}),
        ("codec", {"num_lstm_layers": 10**9}),
        ("codec", {"num_residual_layers": 10**9}),
        ("codec", {"hidden_size": 1 << 21}),
        ("codec", {"upsampling_ratios": [2] * 1000}),
        ("codec", {"target_bandwidths": [1e12]}),
        ("codec", {"target_bandwidths": []}),
        ("codec", {"kernel_size": 1 << 20}),
        ("codec", {"sampling_rate": 0}),
    ],
)
def test_a_config_that_asks_for_more_than_there_is(folder: Path, section: str, values: dict[str, Any]) -> None:
    lie(folder, section, **values)
    with pytest.raises(ModelError):
        load(str(folder))


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}},
        {"a": {"dtype": "F32", "shape": [1 << 33, 1 << 33], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [48, 56]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
        {"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}},
        {
            "a": {"dtype": "F32", "shape": [14], "data_offsets": [0, 56]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        },
        {f"semantic.{'x' * 1000}": {"dtype": "F32", "shape": [14], "data_offsets": [0, 56]}},
        [],
    ],
)
def test_a_header_of_tensors_that_lies(folder: Path, header: Any) -> None:
    (folder / "model.safetensors").write_bytes(seeds.with_header(json.dumps(header).encode()))
    with pytest.raises(ModelError):
        load(str(folder))


@pytest.mark.parametrize("length", [0, 7, 1 << 31, 1 << 62, (1 << 64) - 1])
def test_a_header_whose_length_lies(folder: Path, length: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ModelError):
        load(str(folder))


def test_pickles_are_read_by_a_torch_that_can() -> None:
    """Older ones have holes in the reader that is meant to run nothing: CVE-2025-32434, CVE-2026-24747."""
    assert tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 10)


async def test_a_synth_process_does_not_choose_what_is_sent(tmp_path: Path) -> None:
    """What lies where it says it wrote to would be posted: only the place that it was given counts."""
    result: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
    job = Job(id="1", text="x", path=str(tmp_path / "1.ogg"), seed=1)
    flight = Flight(job=job, on_progress=lambda _: None, on_sound=lambda _: None, result=result)
    flight.end(Finished(job="1", path="/etc/passwd", seconds=1.0, took=1.0, cost=1.0, seed=1, model="x"))
    with pytest.raises(JobFailed) as failed:
        await result
    assert failed.value.reason is Reason.INTERNAL
