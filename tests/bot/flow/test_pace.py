"""The estimate follows what was measured, and the shown range covers most of it."""

import random

from bot.flow.pace import OVERHEAD, Pace


def test_it_learns_a_steady_machine() -> None:
    pace = Pace()
    for _ in range(100):
        pace = pace.learn("x" * 80, took=0.5 * (80 + OVERHEAD))
    assert abs(pace.estimate("x" * 180) - 0.5 * (180 + OVERHEAD)) < 0.01
    low, high = pace.span(100.0)
    assert low > 95
    assert high < 105


def test_the_range_covers_nine_of_ten_on_an_unsteady_machine() -> None:
    noise = random.Random(1)
    pace, inside = Pace(), 0
    for turn in range(1100):
        text = "x" * noise.randrange(10, 300)
        took = 0.1 * (len(text) + OVERHEAD) * noise.lognormvariate(0, 0.3)
        if turn >= 100:
            inside += took <= pace.span(pace.estimate(text))[1]
        pace = pace.learn(text, took)
    assert 850 <= inside <= 990
