"""Step 2, check: a pure decision over plain values. A refusal is a value with a sentence that says what to do."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re

from bot import i18n, texts
from bot.flow.ask import Ask
from bot.flow.gcra import Quota
from bot.flow.job import TOKEN_LIFE
from bot.flow.meters import Meter, Scope
from bot.flow.options import Kind, Options
from bot.flow.script import tidy, turns
from bot.guard.verdict import NO_GUARD, SCAM, Guard
from bot.moderation import halts
from bot.moderation.standing import CLEAR, Standing
from bot.texts import say

ANSWER_WITHIN = TOKEN_LIFE - 60.0  # seconds of work that can be promised where only the interaction's token speaks
HOUR = 3600.0  # seconds


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one person, one server and the whole queue may hold."""

    max_chars: int
    long_chars: int
    waiting_per_user: int
    waiting_per_guild: int
    max_wait: float  # seconds
    # of audio; 0 an hour: no limit
    user_seconds_per_hour: int = 0
    user_burst_seconds: int = 600
    member_seconds_per_hour: int = 0
    member_burst_seconds: int = 600
    guild_seconds_per_hour: int = 0
    guild_burst_seconds: int = 1800
    global_seconds_per_hour: int = 0
    global_burst_seconds: int = 1800

    def quotas(self) -> dict[Scope, Quota]:
        """Those on audio. Nobody gets more at once than an hour brings."""
        amounts = {
            Scope.USER: (self.user_seconds_per_hour, self.user_burst_seconds),
            Scope.MEMBER: (self.member_seconds_per_hour, self.member_burst_seconds),
            Scope.GUILD: (self.guild_seconds_per_hour, self.guild_burst_seconds),
            Scope.EVERYBODY: (self.global_seconds_per_hour, self.global_burst_seconds),
        }
        return {
            scope: Quota(rate=amount / HOUR, burst=min(burst, amount))
            for scope, (amount, burst) in amounts.items()
            if amount > 0
        }


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Where and for whom a server lets the bot speak. Empty: everywhere, for everybody, everything."""

    channels: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    off: frozenset[str] = frozenset()  # of `settings.Feature`


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the decision needs to know, read in the transaction that writes its outcome."""

    limits: Limits
    voices: tuple[str, ...]  # empty: not known yet
    stopping: bool
    user_waiting: int
    guild_waiting: int
    wait: float  # seconds of work in line
    estimate: float  # seconds of work this ask adds
    rules: Rules = Rules()
    audio: float = 0.0  # seconds of audio this ask becomes
    meters: tuple[Meter, ...] = ()
    guard: Guard = NO_GUARD
    standing: Standing = CLEAR
    members: frozenset[str] = frozenset()  # names of member voices that this ask may use
    withheld: Refused | None = None  # it names one that it may not


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """It may enter the queue, with its text as it will be rendered."""

    text: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """It may not. `rule` is for the log, `words` for the asker.

    `question`: the words are the rules, to be answered by buttons that name it (moderation/rules.py).
    """

    rule: str
    words: str
    question: int | None = None


def decide(ask: Ask, facts: Facts, now: float) -> Admitted | Refused:
    """Whether this ask may enter the queue at `now`. Said in the asker's language."""
    with i18n.speaking(ask.options.locale):
        return _decide(ask, facts, now)


def _decide(ask: Ask, facts: Facts, now: float) -> Admitted | Refused:
    barred = facts.standing.barred(halts.features(ask.options))
    if refused := Refused(rule=barred[0], words=barred[1]) if barred else _place(ask, facts.rules):
        return refused
    if facts.withheld:
        return facts.withheld
    text = tidy(ask.text, ask.options.kind)
    if not text:
        return Refused(rule="empty", words=say(texts.EMPTY))
    if refused := _too_long(len(text), facts, ask.options):
        return refused
    for voice in filter(None, (ask.voice, *ask.options.cast.values())):
        if facts.voices and voice not in facts.voices and voice not in facts.members:
            return Refused(rule="unknown-voice", words=unknown_voice(voice, facts.voices))
    room = _in_time(ask, facts, now) or _room(facts, now) or _speech(facts, now)
    return (
        _guarded(ask, text, facts)
        or room
        or due(ask.id, facts.standing, held=ask.token is not None)
        or Admitted(text=text)
    )


def due(question: int, standing: Standing, *, held: bool) -> Refused | None:
    """The rules, where they are to be accepted first. Last of all: nobody accepts them for something that is refused."""
    if standing.due is None:
        return None
    return Refused(rule="rules", words=standing.due.shown(held=held), question=question)


def _too_long(length: int, facts: Facts, options: Options) -> Refused | None:
    limits, speech = facts.limits, options.kind is Kind.SAY  # a conversation may be long without being a long text
    off = turned_off(facts.rules.off, "long")
    if speech and options.long and off and length > limits.max_chars:
        return off
    limit = max(limits.long_chars, limits.max_chars) if options.long else limits.max_chars
    if length <= limit:
        return None
    words = say(texts.TOO_LONG, length=length, limit=limit)
    if limit < limits.long_chars and speech and not off:
        words = say(texts.TOO_LONG_HERE, length=length, limit=limit, long=limits.long_chars)
    return Refused(rule="too-long", words=words)


def _guarded(ask: Ask, text: str, facts: Facts) -> Refused | None:
    """The refusal of the text guard. It names the rule, never the word: nobody shall learn a list by trying."""
    speakers = [name for name, _ in turns(text)] if ask.options.kind is Kind.DIALOGUE else []
    cast = ask.options.cast
    called = {*filter(None, (ask.voice, *speakers, *cast, *cast.values()))}
    called -= facts.members  # they are called after their members, who agreed
    rule = facts.guard.broken(
        text, [name for name in called if "/" not in name]
    )  # Bark's own have one: v2/en_speaker_6
    if rule is None:
        return None
    if rule.startswith(SCAM):
        scam = say(texts.GUARD_SCAMS[rule.removeprefix(SCAM)])
        return Refused(rule=rule, words=say(texts.GUARD_SCAM, scam=scam))
    return Refused(rule=rule, words=say(texts.GUARD_RULES[rule]))


def _in_time(ask: Ask, facts: Facts, now: float) -> Refused | None:
    if ask.reachable or facts.wait + facts.estimate <= ANSWER_WITHIN:
        return None
    wait = texts.duration(facts.wait + facts.estimate)
    return Refused(rule="too-late", words=say(texts.TOO_LATE, wait=wait, when=round(now + max(facts.wait, 60.0))))


def _place(ask: Ask, rules: Rules) -> Refused | None:
    if rules.channels and ask.channel_id not in rules.channels and ask.parent_id not in rules.channels:
        return Refused(rule="wrong-channel", words=say(texts.WRONG_CHANNEL, channels=_listed("<#", rules.channels)))
    if rules.roles and not rules.roles & ask.role_ids:
        return Refused(rule="wrong-role", words=say(texts.WRONG_ROLE, roles=_listed("<@&", rules.roles)))
    voice = turned_off(rules.off, "voice") if ask.options.speak_in is not None else None
    return voice or turned_off(rules.off, ask.options.kind)


def turned_off(off: frozenset[str], feature: str) -> Refused | None:
    """The refusal where a server has turned this off."""
    if feature not in off:
        return None
    return Refused(rule="turned-off", words=say(texts.TURNED_OFF, feature=say(texts.FEATURES[feature])))


def _listed(mark: str, ids: frozenset[int]) -> str:
    shown = [f"{mark}{number}>" for number in sorted(ids)]
    return texts.any_of(shown)


def _room(facts: Facts, now: float) -> Refused | None:
    wait = texts.duration(facts.wait)
    if facts.stopping:
        return Refused(rule="stopping", words=say(texts.STOPPING))
    if facts.user_waiting >= facts.limits.waiting_per_user:
        return Refused(rule="user-full", words=say(texts.USER_FULL, count=facts.user_waiting))
    if facts.guild_waiting >= facts.limits.waiting_per_guild:
        return Refused(rule="guild-full", words=say(texts.GUILD_FULL, count=facts.guild_waiting, wait=wait))
    if facts.wait + facts.estimate > facts.limits.max_wait and facts.wait > 0:
        return Refused(rule="queue-full", words=say(texts.QUEUE_FULL, wait=wait, when=round(now + facts.wait)))
    return None


def _speech(facts: Facts, now: float) -> Refused | None:
    """The limit on audio that is over last: when it is, the others are too."""
    waits = [(meter.wait(facts.audio, now), meter) for meter in facts.meters]
    wait, meter = max(waits, key=lambda pair: pair[0], default=(0.0, None))
    if meter is None or wait <= 0:
        return None
    if math.isinf(wait):
        smallest = min(limit.quota.burst for limit in facts.meters)
        words = say(texts.TOO_MUCH, length=texts.duration(facts.audio), limit=texts.duration(smallest))
        return Refused(rule=f"{meter.scope}-burst", words=words)
    amount = texts.duration(meter.quota.rate * HOUR)
    words = say(texts.SPENT[meter.scope], amount=amount, when=math.ceil(now + wait))
    return Refused(rule=f"{meter.scope}-seconds", words=words)


def unknown_voice(voice: str, voices: tuple[str, ...]) -> str:
    """The sentence for a voice that is not there, with the closest names."""
    close = difflib.get_close_matches(voice, voices, n=3, cutoff=0.5)
    hint = say(texts.UNKNOWN_VOICE_HINT, names=texts.any_of(close)) if close else ""
    return say(texts.UNKNOWN_VOICE, voice=clean(voice), hint=hint)


def clean(text: str, limit: int = 60) -> str:
    """A person's text, safe to repeat: short, on one line, without Discord's markup."""
    return re.sub(r"[^\w /.-]", "", text)[:limit]
