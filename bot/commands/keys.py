"""Who types: their keys wait until commands, presses and forms have had their turn, and only each person's newest counts."""

from __future__ import annotations

import asyncio


class Keys:
    """One key is let through in each turn of the event loop. Whoever pressed a command in between waits for one key, not for all."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[bool]] = {}  # person -> of their newest key; who waits longest is first

    async def turn(self, user_id: int) -> bool:
        """Wait for this key's turn. False where its person has typed on meanwhile: nobody looks at its choices any more."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._let_one_through)  # in the next turn: all keys that have arrived by now are noted
        older = self._waiting.get(user_id)
        if older is not None and not older.done():
            older.set_result(False)
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting[user_id] = turn  # in the place of the older one
        return await turn

    def _let_one_through(self) -> None:
        user_id = next(iter(self._waiting))
        turn = self._waiting.pop(user_id)
        if not turn.done():
            turn.set_result(True)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._let_one_through)
