"""What is chosen for which machine. CUDA's own answers are tested where there is a card (marker gpu)."""

from __future__ import annotations

import os

import pytest
import torch

from synth import device
from synth.errors import ModelError

GB = 10**9


def test_a_named_model_is_not_second_guessed_and_threads_are_kept():
    plan = device.plan("some/folder", "cpu", 3)
    assert (plan.model, plan.device, plan.threads) == ("some/folder", "cpu", 3)
    assert "some/folder on CPU (cpu, float32, 3 threads" in plan.line()


def test_the_plan_says_the_profile_and_the_seats_and_both_can_be_given():
    assert device.plan("pup", "cpu", 1).line().endswith("memory embeddings, 4 pieces at once")
    plan = device.plan("pup", "cpu", 1, memory="resident", seats=1)
    assert plan.line().endswith("memory resident, one piece at a time")


def test_int8_can_be_had_on_a_cpu_and_exact_is_the_default():
    plan = device.plan("pup", "cpu", 3, "int8")
    assert "(cpu, int8, 3 threads" in plan.line()
    assert device.dtype(plan.precision) == torch.float32, "what is loaded is rounded then"
    assert device.plan("pup", "cpu", 3).precision == "float32"


@pytest.mark.parametrize(
    ("where", "wish", "words"),
    [
        ("mps", "int8", "on mps use exact"),
        ("cpu", "int4", "on cpu use exact or int8"),
        ("mps", "int4", "on mps use exact"),
        ("cpu", "int3", "exact, int8 or int4"),
    ],
)
def test_a_precision_that_cannot_be_had_is_refused_with_what_can(where, wish, words):
    with pytest.raises(ModelError, match=words):
        device.precision_of(where, wish)


def test_on_cuda_all_is_loaded_in_half_precision():
    """bfloat16 nowhere, and narrow weights are rounded from it."""
    for wish, precision in (("exact", "float16"), ("int8", "int8"), ("int4", "int4")):
        assert device.precision_of("cuda:1", wish) == precision
        assert device.dtype(precision, "cuda:1") == torch.float16


def test_without_a_number_of_threads_every_usable_core_gets_one():
    assert device.plan("pup", "cpu", 0).threads == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("name", ["cuda:99", "cuda:-1", "cuda:x", "cuda:1:2", "tpu", "", "CPU"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(ModelError, match=r"use auto, or one of cpu"):
        device.choose(name)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="a machine without a GPU")
def test_auto_is_the_cpu_where_nothing_else_is():
    assert device.choose("auto") == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_auto_is_the_first_cuda_card_and_its_memory_is_known():
    assert device.choose("auto") == device.choose("cuda") == "cuda:0"
    assert device.free_memory("cuda:0") > GB
    assert device.plan("auto", "auto", 0).precision == "float16"
    assert device.healthy("cuda:0")


def linux(folder, available=None, limit=None, used=None):
    proc, cgroup = folder / "proc", folder / "cgroup"
    for made in (proc, cgroup):
        made.mkdir()
    if available is not None:
        (proc / "meminfo").write_text(f"MemTotal:  9999999 kB\nMemAvailable:  {available} kB\n")
    if limit is not None:
        (cgroup / "memory.max").write_text(f"{limit}\n")
        (cgroup / "memory.current").write_text(f"{used}\n")
    return proc, cgroup


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 0),
        ({"available": 2000}, 2_048_000),
        ({"available": 2000, "limit": "max", "used": 5}, 2_048_000),
        ({"available": 2000, "limit": 1_000_000, "used": 400_000}, 600_000),
        ({"available": 2000, "limit": 1_000_000, "used": 1_400_000}, 0),
        ({"available": 2000, "limit": 9_000_000_000, "used": 0}, 2_048_000),
    ],
)
def test_main_memory_is_what_linux_and_the_container_leave(tmp_path, files, free):
    assert device.free_main_memory(*linux(tmp_path, **files)) == free


def test_this_machine_has_some_memory_left():
    assert device.free_memory("cpu") > 0
    assert device.memory_in_use("cpu") > 10 * 2**20
    assert device.healthy("cpu")
