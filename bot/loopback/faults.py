"""Faults on demand: which request, or which gateway event, goes wrong next, and how.

    discord.faults.add(Fault.rate_limited("PATCH /webhooks/{application}/{token}/messages/@original", retry_after=0.1))
    discord.faults.random(seed=7, rates={Fault.server_error(502): 0.02, Fault.lost_answer(): 0.01})

A route is a method and a template of `rest.ROUTES`, "GATEWAY" and the name of an event, or "VOICE" and the name of a binary
voice message; None is any REST route.
"""

from __future__ import annotations

import dataclasses
import enum
import random
from collections.abc import Callable, Mapping
from typing import Self

from bot.loopback.problems import (
    ALREADY_ACKNOWLEDGED,
    EXPIRED_TOKEN,
    TOO_LARGE,
    UNKNOWN_INTERACTION,
    Problem,
)

GATEWAY = "GATEWAY "
VOICE = "VOICE "
CALLBACK = "POST /interactions/{interaction}/{token}/callback"


class Effect(enum.Enum):
    """What happens instead of the ordinary."""

    ANSWER = "answer"  # `status`, `code`, `message`; nothing is done
    RATE_LIMIT = "rate limit"  # 429 with `retry_after`; nothing is done
    SILENCE = "silence"  # nothing is done, nothing is answered until the server closes
    LOST_ANSWER = "lost answer"  # the work is done, then the connection is cut
    RESET = "reset"  # the connection is reset before anything is done
    DROP = "drop"  # gateway: the connection is cut before this event, which a resume replays
    INVALIDATE = "invalidate"  # gateway: op 9 without a chance to resume; the event is lost for this session
    DELAY = "delay"  # voice: this message and those after it wait for `retry_after`
    GARBLE = "garble"  # voice: the message arrives with its last byte changed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One rule. `times` None: for ever."""

    effect: Effect
    route: str | None = None
    times: int | None = 1
    status: int = 0
    code: int = 0
    message: str = ""
    retry_after: float = 0.0  # seconds
    via: bool = True  # Discord's own 429 carries Via; without it discord.py takes it for Cloudflare's

    @classmethod
    def rate_limited(
        cls, route: str | None = None, *, times: int | None = 1, retry_after: float = 0.1, via: bool = True
    ) -> Self:
        """429; without `via` as Cloudflare answers when it bans an address."""
        return cls(effect=Effect.RATE_LIMIT, route=route, times=times, status=429, retry_after=retry_after, via=via)

    @classmethod
    def server_error(cls, status: int = 500, route: str | None = None, *, times: int | None = 1) -> Self:
        """500, 502, 503, 504, 524 and the like."""
        return cls(effect=Effect.ANSWER, route=route, times=times, status=status, message=f"{status}: Server Error")

    @classmethod
    def problem(cls, problem: Problem, route: str | None = None, *, times: int | None = 1) -> Self:
        """Any documented error of `problems`."""
        status, code, message = problem
        return cls(effect=Effect.ANSWER, route=route, times=times, status=status, code=code, message=message)

    @classmethod
    def unknown_interaction(cls, *, times: int | None = 1) -> Self:
        """10062 at the callback."""
        return cls.problem(UNKNOWN_INTERACTION, CALLBACK, times=times)

    @classmethod
    def already_acknowledged(cls, *, times: int | None = 1) -> Self:
        """40060 at the callback."""
        return cls.problem(ALREADY_ACKNOWLEDGED, CALLBACK, times=times)

    @classmethod
    def expired_token(cls, route: str | None = None, *, times: int | None = 1) -> Self:
        """50027."""
        return cls.problem(EXPIRED_TOKEN, route, times=times)

    @classmethod
    def too_large(cls, route: str | None = None, *, times: int | None = 1) -> Self:
        """413 with 40005."""
        return cls.problem(TOO_LARGE, route, times=times)

    @classmethod
    def silence(cls, route: str | None = None, *, times: int | None = 1) -> Self:
        """No answer at all."""
        return cls(effect=Effect.SILENCE, route=route, times=times)

    @classmethod
    def lost_answer(cls, route: str | None = None, *, times: int | None = 1) -> Self:
        """Done, but the client never hears of it."""
        return cls(effect=Effect.LOST_ANSWER, route=route, times=times)

    @classmethod
    def reset(cls, route: str | None = None, *, times: int | None = 1) -> Self:
        """Connection reset by peer."""
        return cls(effect=Effect.RESET, route=route, times=times)

    @classmethod
    def dropped_gateway(cls, event: str = "INTERACTION_CREATE", *, times: int | None = 1) -> Self:
        """The gateway connection breaks just before this event."""
        return cls(effect=Effect.DROP, route=GATEWAY + event, times=times)

    @classmethod
    def invalid_session(cls, event: str = "INTERACTION_CREATE", *, times: int | None = 1) -> Self:
        """The session ends just before this event."""
        return cls(effect=Effect.INVALIDATE, route=GATEWAY + event, times=times)

    @classmethod
    def late_external_sender(cls, seconds: float, *, times: int | None = 1) -> Self:
        """The bot learns late who may propose members: until then it cannot be in the encrypted group."""
        return cls(effect=Effect.DELAY, route=VOICE + "EXTERNAL_SENDER", times=times, retry_after=seconds)

    @classmethod
    def invalid_commit(cls, *, times: int | None = 1) -> Self:
        """The next commit that the bot hears of, its own or another's, does not fit its group."""
        return cls(effect=Effect.GARBLE, route=VOICE + "ANNOUNCE_COMMIT", times=times)

    @classmethod
    def invalid_welcome(cls, *, times: int | None = 1) -> Self:
        """The welcome into the encrypted group cannot be used."""
        return cls(effect=Effect.GARBLE, route=VOICE + "WELCOME", times=times)

    def concerns(self, route: str) -> bool:
        """Whether it may strike here."""
        return self.route == route if self.route else not route.startswith((GATEWAY, VOICE))


class Faults:
    """The faults that wait to strike, in the order added; then those by chance. `struck` remembers (route, effect)."""

    def __init__(self, notice: Callable[[], None] = lambda: None) -> None:
        self._notice = notice
        self.struck: list[tuple[str, Effect]] = []
        self._waiting: list[tuple[Fault, int | None]] = []  # with how often it still strikes
        self._random = random.Random()
        self._rates: dict[Fault, float] = {}

    def add(self, fault: Fault) -> None:
        """Strikes at the next `fault.times` requests of its route."""
        self._waiting.append((fault, fault.times))

    def random(self, seed: int, rates: Mapping[Fault, float]) -> None:
        """From now on each fault strikes each request of its route with this probability; its `times` does not count."""
        self._random.seed(seed)
        self._rates = dict(rates)

    def clear(self) -> None:
        """No more faults."""
        self._waiting.clear()
        self._rates.clear()

    def take(self, route: str) -> Fault | None:
        """The fault that strikes now, used up by one."""
        fault = self._take_waiting(route) or self._take_random(route)
        if fault is not None:
            self.struck.append((route, fault.effect))
            self._notice()
        return fault

    def _take_waiting(self, route: str) -> Fault | None:
        for index, (fault, left) in enumerate(self._waiting):
            if fault.concerns(route):
                if left is not None and left <= 1:
                    del self._waiting[index]
                elif left is not None:
                    self._waiting[index] = (fault, left - 1)
                return fault
        return None

    def _take_random(self, route: str) -> Fault | None:
        for fault, rate in self._rates.items():
            if fault.concerns(route) and self._random.random() < rate:
                return fault
        return None
