"""A crowd at a loopback Discord: people who type voices letter by letter, ask, press buttons and fill in forms."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Sequence

from bot.loopback.commands import Refused
from bot.loopback.exchange import DidNotRespond, Exchange
from bot.loopback.interactions import ACKNOWLEDGE_WITHIN
from bot.loopback.server import Loopback
from bot.loopback.user import User

KEY = (0.1, 0.3)  # seconds between two keys: somebody who types quickly, and somebody who looks for the letters
# Seconds between two requests for choices while somebody types. Discord documents none; its client is known to hold back what
# is typed on at once, and `bot/commands/brake.py` counts on two requests a second. FLOOD: each key is a request.
CLIENT, FLOOD = 0.4, 0.0
READ = (0.5, 2.0)  # seconds in which the choices are looked at before another word is typed
ASKS = 0.15  # of the words typed end in an ask
WORDS = (
    "german 8",
    "en speaker 3",
    "woman japanese",
    "voice 2",
    "french",
    "v2/es",
    "polish man",
    "speker 5",
    "deutsch",
)
SENTENCE = "The dog barks, the bot answers, and nobody waits long."


class Crowd:
    """What all of them did, by kind. `told` holds exchanges whose answers carry buttons.

    `every`: seconds between two requests for choices of one person at least; what is typed in between is not asked about.
    """

    def __init__(self, discord: Loopback, count: int, every: float = CLIENT, seed: int = 1) -> None:
        self._every = every
        self.users = [discord.user(f"person {number}") for number in range(count)]
        self._chance = random.Random(seed)
        self.did: dict[str, list[Exchange]] = {"autocomplete": [], "command": [], "button": [], "modal": []}
        self.told: list[Exchange] = []

    async def first_answers(self, count: int, patience: float) -> None:
        """Some people ask and are answered, so that there are buttons to press."""
        asked = [await user.slash("bark", "say", text=SENTENCE) for user in self.users[:count]]
        for exchange in asked:
            await exchange.until(lambda message: message.attachments, timeout=patience)
        self.told = asked

    async def live(self, seconds: float) -> None:
        """All of them, for so long."""
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._person(user, until) for user in self.users))

    async def _person(self, user: User, until: float) -> None:
        chance = random.Random(self._chance.random())
        await asyncio.sleep(chance.uniform(*READ))
        while asyncio.get_running_loop().time() < until:
            typed = await self._type(user, chance)
            await asyncio.sleep(chance.uniform(*KEY))
            if chance.random() < ASKS:
                await self._act(user, chance, typed)
            await asyncio.sleep(chance.uniform(*READ))

    async def _type(self, user: User, chance: random.Random) -> Exchange:
        """One word. No key waits for the answer to the one before; the last one is always asked about."""
        now, word, free = asyncio.get_running_loop().time, chance.choice(WORDS), 0.0
        for length in range(1, len(word)):
            if now() >= free:
                await self._ask(user, word[:length])
                free = now() + self._every
            await asyncio.sleep(chance.uniform(*KEY))
        await asyncio.sleep(max(0.0, free - now()))
        return await self._ask(user, word)

    async def _ask(self, user: User, typed: str) -> Exchange:
        asked = await user.type_into("bark", "say", focused=("voice", typed), text=SENTENCE)
        self.did["autocomplete"].append(asked)
        return asked

    async def _act(self, user: User, chance: random.Random, typed: Exchange) -> None:
        voice = chance.choice(typed.choices)["value"] if typed.choices else None
        own = [exchange for exchange in self.told if exchange.interaction.person is user.person]
        match chance.randrange(4):
            case 0:
                self._note("command", await user.slash("bark", "takes", text=SENTENCE, voice=voice, count=2))
            case 1:
                label = chance.choice(("Again", "More"))
                await self._press(user, chance.choice(self.told), label)
            case 2 if own:
                await self._edit(user, own[0])
            case _:
                self._note("command", await user.slash("bark", "say", text=SENTENCE, voice=voice))

    async def _press(self, user: User, answered: Exchange, label: str) -> Exchange | None:
        if answered.original is None:
            return None
        with contextlib.suppress(Refused):
            return self._note("button", await user.press(answered.original, label=label))
        return None

    async def _edit(self, user: User, answered: Exchange) -> None:
        with contextlib.suppress(DidNotRespond):
            pressed = await self._press(user, answered, "Edit")
            if pressed is not None and await pressed.acknowledged() and pressed.modal is not None:
                self._note("modal", await user.submit(pressed, {"text": f"{SENTENCE} Once more."}))

    def _note(self, kind: str, exchange: Exchange) -> Exchange:
        self.did[kind].append(exchange)
        return exchange


def delays(exchanges: Sequence[Exchange]) -> list[float]:
    """Seconds from sending to acknowledgement, in order; infinite where none came."""
    answers = ((exchange.acknowledgement, exchange.interaction.sent_at) for exchange in exchanges)
    return sorted(math.inf if answer is None else answer.at - sent for answer, sent in answers)


def overtaken(keys: Sequence[Exchange]) -> list[Exchange]:
    """Those keys that nobody answered because their person had pressed the next by then: nobody waits for them."""
    found, following = [], dict[int, float]()
    for key in reversed(keys):
        interaction = key.interaction
        following_at = following.get(interaction.person.id, math.inf)
        if key.acknowledgement is None and following_at - interaction.sent_at < ACKNOWLEDGE_WITHIN:
            found.append(key)
        following[interaction.person.id] = interaction.sent_at
    return found
