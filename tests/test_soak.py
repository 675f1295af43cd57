"""The long suite (make soak): the chaos of test_crashes.py for minutes, and its control."""

from pathlib import Path

import pytest

from tests.bot.harness import answers
from tests.test_crashes import chaos, check, deferred

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_a_thousand_texts_and_100_kills(tmp_path: Path, seed: int) -> None:
    exchanges = await chaos(tmp_path, seed=seed, offered=1000, kills=100, people=30)
    acknowledged = [exchange for exchange in exchanges if deferred(exchange)]
    print(f"seed {seed}: {len(acknowledged)} of {len(exchanges)} acknowledged and answered once")
    for exchange in acknowledged:
        check(exchange)


async def test_the_same_without_the_nonce_rule_answers_somebody_twice(tmp_path: Path) -> None:
    """The control: the chaos above can show duplicates, if there are any to be seen."""
    exchanges = await chaos(tmp_path, seed=11, offered=1000, kills=100, people=30, deduplication=False)
    twice = [exchange for exchange in exchanges if len(answers(exchange.messages)) > 1]
    print(f"without the nonce rule: {len(twice)} of {len(exchanges)} answered twice")
    assert twice
