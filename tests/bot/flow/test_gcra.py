"""The limit's arithmetic: against pyrate-limiter's, and what must hold whatever happens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrate_limiter import Rate
from pyrate_limiter.abstracts.algorithm import GCRA

from bot.flow import gcra
from bot.flow.gcra import Gauge, Quota

TICK = 0.125  # seconds: a sum of these is exact
YEAR = 365 * 86_400.0
# short ones, after which something is left, and now and then a long one
PAUSES = st.one_of(st.integers(0, 16), st.integers(0, 16), st.integers(0, 400)).map(lambda ticks: ticks * TICK)
COSTS = st.integers(1, 8)


@given(st.sampled_from([1, 2, 4, 8]), st.integers(4, 16), st.lists(st.tuples(PAUSES, COSTS), max_size=60))
def test_it_decides_and_waits_as_pyrate_limiter_does(
    per_second: int, burst: int, asks: list[tuple[float, int]]
) -> None:
    oracle, rates = GCRA(), [Rate(per_second, 1000, burst)]
    state, gauge, now = oracle.initial(rates), Gauge(), 1000.0
    quota = Quota(rate=float(per_second), burst=float(burst))
    for pause, cost in asks:
        now += pause
        state, decision = oracle.step(rates, state, int(now * 1000), cost)
        wait = gcra.wait(gauge, quota, now, cost)
        assert decision.allowed == (wait == 0)
        if wait == 0:
            gauge = gcra.spent(gauge, quota, now, cost)
        elif decision.retry_after_ms is None:
            assert math.isinf(wait)
        else:
            assert decision.retry_after_ms == math.ceil(wait * 1000)


FLOATS = st.floats(0.01, 50)


@given(st.floats(0.1, 2), st.floats(4, 12), st.lists(st.tuples(st.floats(0, 4), st.floats(0.1, 4)), max_size=60))
def test_no_stretch_of_time_has_more_than_the_burst_and_what_leaks_in_it(
    rate: float, burst: float, asks: list[tuple[float, float]]
) -> None:
    quota, gauge, now = Quota(rate=rate, burst=burst), Gauge(), 5.0
    admitted: list[tuple[float, float]] = []
    for pause, cost in asks:
        now += pause
        if gcra.wait(gauge, quota, now, cost) == 0:
            gauge = gcra.spent(gauge, quota, now, cost)
            admitted.append((now, cost))
    for first, (began, _) in enumerate(admitted):
        total = 0.0
        for at, cost in admitted[first:]:
            total += cost
            assert total <= burst + rate * (at - began) + 1e-3


@given(FLOATS, FLOATS, st.lists(FLOATS, max_size=10), st.floats(0, 100), FLOATS)
def test_after_the_wait_that_is_told_it_is_allowed_and_not_much_sooner(
    rate: float, burst: float, before: list[float], pause: float, cost: float
) -> None:
    quota, gauge = Quota(rate=rate, burst=burst), Gauge()
    for spent in before:
        gauge = gcra.spent(gauge, quota, 0.0, spent)
    wait = gcra.wait(gauge, quota, pause, cost)
    if math.isinf(wait):
        assert cost > burst
    else:
        assert gcra.wait(gauge, quota, pause + wait, cost) == 0
        assert wait < 1e-3 or gcra.wait(gauge, quota, pause + wait * 0.99, cost) > 0


@given(st.floats(0, 2 * YEAR), st.floats(0, 2 * YEAR), FLOATS)
def test_a_clock_that_was_set_costs_nobody_more_than_the_burst_takes_to_leak(
    now: float, then: float, burst: float
) -> None:
    quota = Quota(rate=0.5, burst=burst)
    gauge = gcra.spent(Gauge(at=now), quota, now, burst)
    assert gcra.wait(gauge, quota, then, burst) <= burst / quota.rate + 1e-6
    gauge = gcra.leaked(gauge, quota, then)  # once it is kept, time goes on from there
    assert gcra.wait(gauge, quota, then + burst / quota.rate + 1, burst) == 0


def test_what_is_left_and_when_all_of_it_is_back() -> None:
    quota, gauge = Quota(rate=0.5, burst=60.0), Gauge(level=40.0, at=100.0)
    assert gcra.left(gauge, quota, 100.0) == 20.0
    assert gcra.left(gauge, quota, 120.0) == 30.0
    assert gcra.empty_in(gauge, quota, 120.0) == 60.0
    assert gcra.left(Gauge(level=99.0, at=100.0), quota, 100.0) == 0.0


@pytest.mark.parametrize("cost", [60.0, 60.0 + gcra.SLACK / 2])
def test_a_whole_burst_is_allowed_in_spite_of_rounding(cost: float) -> None:
    assert gcra.wait(Gauge(), Quota(rate=0.1, burst=60.0), 1.7e9, cost) == 0
