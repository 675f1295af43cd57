"""Whose key is answered, and when."""

import asyncio

from bot.commands.keys import Keys


async def let_through(keys: Keys, *people: int) -> tuple[list[int], list[tuple[int, bool]]]:
    """The turns of the loop in which each key heard of itself, and what it heard, for keys that came together."""
    loop, turns, heard = asyncio.get_running_loop(), [], []
    turn = 0

    def count() -> None:
        nonlocal turn
        turn += 1
        if len(heard) < len(people):
            loop.call_soon(count)

    async def key(person: int) -> None:
        answer = await keys.turn(person)
        turns.append(turn)
        heard.append((person, answer))

    async with asyncio.TaskGroup() as tasks:
        loop.call_soon(count)
        for person in people:
            tasks.create_task(key(person))
    return turns, heard


async def test_one_key_a_turn_so_that_others_come_in_between() -> None:
    turns, heard = await let_through(Keys(), *range(10))
    assert heard == [(person, True) for person in range(10)]
    assert turns == list(range(turns[0], turns[0] + 10))


async def test_of_each_person_the_newest_is_answered_in_the_place_of_their_first() -> None:
    _, heard = await let_through(Keys(), 1, 2, 1, 3, 1)
    assert [person for person, answered in heard if answered] == [1, 2, 3]
    assert heard.count((1, False)) == 2


async def test_a_key_that_is_gone_keeps_nobody_waiting() -> None:
    keys = Keys()
    gone = asyncio.ensure_future(keys.turn(1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await keys.turn(2)
    assert await keys.turn(1)  # and nothing is left of it
    assert keys._waiting == {}
