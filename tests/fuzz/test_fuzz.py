"""No parser crashes on hostile input, or hangs: a few inputs here, 100,000 for each in the long suite and in `make fuzz`."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.damage import LARGEST, damaged
from tests.fuzz.feed import HANG, Bad, feed, once
from tests.fuzz.targets import TARGETS, Target

FEW, MANY = 200, 100_000  # inputs
BROKE = [("pickle", 2168, 2)]  # found by the long suite


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target of the configuration reads the environment, too."""
    monkeypatch.delenv("BARKBOT_LOG__LEVEL", raising=False)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")  # torch's, of a damaged file
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_input_neither_crashes_nor_hangs(target: Target) -> None:
    assert feed(target, FEW).inputs == FEW


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize(("name", "number", "seed"), BROKE)
def test_what_once_broke_one_does_no_more(name: str, number: int, seed: int) -> None:
    (target,) = (each for each in TARGETS if each.name == name)
    once(target, damaged(target.seeds, random.Random(seed * 1_000_003 + number)), name)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=500))
def test_neither_does_anything_else(target: Target, data: bytes) -> None:
    once(target, data, "Hypothesis")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_seed_is_well_formed(target: Target) -> None:
    """What is damaged was something: a target that refuses its seeds would be tried on nothing."""
    for seed in target.seeds:
        with_others = target.name in {"settings", "index"}  # two kinds of documents share these
        assert with_others or not once(target, seed, "a seed")[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_hundred_thousand(target: Target) -> None:
    print(feed(target, MANY, seed=2))


def test_an_input_can_be_made_again() -> None:
    seeds = [b"hello", b'{"a": [1, 2]}']
    once_, again = ([damaged(seeds, random.Random(number)) for number in range(200)] for _ in range(2))
    assert once_ == again
    assert len(set(once_)) > 150
    assert max(map(len, once_)) <= LARGEST


def test_a_target_that_breaks_is_found_out() -> None:
    def breaks(data: bytes) -> None:
        if b"9" in data:
            raise KeyError("9")

    with pytest.raises(Bad, match=r"broken \d+ of seed 1: KeyError"):
        feed(Target(name="broken", seeds=[b"1234567890"], run=breaks), 50)


def test_a_target_that_hangs_is_found_out() -> None:
    def hangs(_: bytes) -> None:
        start = time.process_time()
        while time.process_time() - start <= HANG:
            pass

    with pytest.raises(Bad, match=r"took \d+\.\d s"):
        once(Target(name="slow", seeds=[], run=hangs), b"", "slow")
