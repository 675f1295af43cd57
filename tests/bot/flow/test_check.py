"""Every refusal, and the words that come with it."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.ask import Ask
from bot.flow.check import Admitted, Facts, Limits, Refused, Rules, clean, decide
from bot.flow.gcra import Gauge, Quota
from bot.flow.meters import Meter, Scope
from bot.flow.options import Kind, Options
from bot.guard.listed import listed
from bot.guard.verdict import HouseRules
from bot.settings import Feature

LIMITS = Limits(max_chars=50, long_chars=80, waiting_per_user=3, waiting_per_guild=5, max_wait=720.0)
FACTS = Facts(
    limits=LIMITS,
    voices=("v2/en_speaker_6", "v2/de_speaker_1"),
    stopping=False,
    user_waiting=0,
    guild_waiting=0,
    wait=0.0,
    estimate=5.0,
)
ASK = Ask(
    id=1,
    application_id=2,
    token="t",
    user_id=3,
    guild_id=4,
    channel_id=5,
    size_limit=10,
    text="hello",
    voice=None,
    seed=0,
)


def test_an_ordinary_ask_is_admitted() -> None:
    assert decide(ASK, FACTS, 0.0) == Admitted(text="hello")


def test_white_space_is_folded_before_counting() -> None:
    assert decide(dataclasses.replace(ASK, text="  a\n\n b\t" + " " * 100), FACTS, 0.0) == Admitted(text="a b")


@pytest.mark.parametrize(
    ("ask", "facts", "rule", "said"),
    [
        ({"text": " \n "}, {}, "empty", "Write some text"),
        ({"text": "a" * 51}, {}, "too-long", "51 characters; 50"),
        ({"text": "a" * 51}, {}, "too-long", "use /bark long: up to 80"),
        ({"text": "a" * 51, "options": Options(kind=Kind.SING)}, {}, "too-long", "50 is the most I take at once"),
        ({"text": "a" * 81, "options": Options(long=True)}, {}, "too-long", "80 is the most I take at once"),
        ({"text": " ", "options": Options(locale="de")}, {}, "empty", "Schreib etwas Text"),
        ({"reachable": False}, {"wait": 600.0, "estimate": 241.0}, "too-late", "about 14 min"),
        ({"voice": "v2/en_speaker_7"}, {}, "unknown-voice", "v2/en_speaker_6"),
        ({"voice": "nonsense"}, {}, "unknown-voice", "Type a few letters"),
        ({}, {"stopping": True}, "stopping", "Try again in a minute"),
        ({}, {"user_waiting": 3}, "user-full", "3 in line already"),
        ({}, {"guild_waiting": 5, "wait": 200.0}, "guild-full", "about 3 min"),
        ({}, {"wait": 716.0}, "queue-full", "<t:1716:R>"),
    ],
)
def test_each_refusal_says_what_to_do(ask: dict[str, str], facts: dict[str, float], rule: str, said: str) -> None:
    verdict = decide(dataclasses.replace(ASK, **ask), dataclasses.replace(FACTS, **facts), 1000.0)
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule
    assert said in verdict.words


GUARD = HouseRules(words=listed(("dalek",)), names=("Rex",)).with_servers(words=("spam",), names=(), scams=True)


@pytest.mark.parametrize(
    ("ask", "rule", "said"),
    [
        ({"text": "d.a.l.e.k"}, "operators-words", "a word in that which I am not to say"),
        ({"text": "SPAM"}, "servers-words", "this server does not let me say"),
        ({"text": "I am Rex"}, "protected-name", "whose name is protected"),
        ({"text": "Rex: Hi. / Bob: Ho.", "options": Options(kind=Kind.DIALOGUE)}, "protected-name", "protected"),
        ({"options": Options(cast={"Rex": "v2/en_speaker_6"})}, "protected-name", "protected"),
        ({"text": "This is Discord. Confirm your token."}, "scam:discord-staff", "speaking as Discord's staff"),
        ({"text": "I am Rex", "options": Options(locale="de")}, "protected-name", "geschützt"),
    ],
)
def test_the_text_guard_names_the_rule_and_never_the_word(ask: dict[str, str], rule: str, said: str) -> None:
    verdict = decide(dataclasses.replace(ASK, **ask), dataclasses.replace(FACTS, guard=GUARD), 0.0)
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule
    assert said in verdict.words
    assert not {"dalek", "spam", "rex"} & set(verdict.words.casefold().split())


def test_the_names_of_barks_own_voices_are_not_looked_at() -> None:
    guard = HouseRules(words=listed(("speaker", "v2"))).with_servers(words=("en",), names=("en speaker 6",), scams=True)
    ask = dataclasses.replace(ASK, voice="v2/en_speaker_6")
    assert isinstance(decide(ask, dataclasses.replace(FACTS, guard=guard), 0.0), Admitted)


def test_one_long_text_is_taken_when_nothing_waits() -> None:
    """A text longer than the queue's limit in time would otherwise never be taken at all."""
    assert isinstance(decide(ASK, dataclasses.replace(FACTS, estimate=10_000.0), 0.0), Admitted)


def test_where_the_bot_is_no_member_it_promises_what_it_can_keep() -> None:
    """Answers by the interaction's token alone end after 15 minutes; a minute is left for sending."""
    elsewhere = dataclasses.replace(ASK, reachable=False)
    assert isinstance(decide(elsewhere, dataclasses.replace(FACTS, estimate=840.0), 0.0), Admitted)
    assert isinstance(decide(elsewhere, dataclasses.replace(FACTS, estimate=841.0), 0.0), Refused)
    assert isinstance(decide(ASK, dataclasses.replace(FACTS, estimate=841.0), 0.0), Admitted)


def test_a_long_text_is_taken_where_it_was_asked_for_as_one() -> None:
    long = dataclasses.replace(ASK, text="a" * 80, options=Options(long=True))
    assert isinstance(decide(long, FACTS, 0.0), Admitted)


def test_any_voice_is_admitted_while_none_is_known() -> None:
    """The model is still loading: whether the voice exists is found out when it renders."""
    assert isinstance(
        decide(dataclasses.replace(ASK, voice="later"), dataclasses.replace(FACTS, voices=()), 0.0), Admitted
    )


@given(st.text())
def test_what_is_repeated_to_people_carries_no_markup(text: str) -> None:
    assert not set(clean(text)) & set("@<>*`|~[]()\n:#")
    assert len(clean(text)) <= 60


def meter(scope: Scope, level: float, *, rate: float = 0.5, burst: float = 60.0) -> Meter:
    return Meter(scope=scope, name="", quota=Quota(rate=rate, burst=burst), gauge=Gauge(level=level, at=1000.0))


@pytest.mark.parametrize(
    ("full", "rule", "said"),
    [
        ({Scope.USER: 60.0}, "user-seconds", "30 min an hour for a person. This one fits <t:1020:R>"),
        (
            {Scope.MEMBER: 55.0},
            "member-seconds",
            "your share of speech here for now: 30 min an hour. This one fits <t:1010:R>",
        ),
        ({Scope.GUILD: 60.0, Scope.USER: 55.0}, "guild-seconds", "This server has had its share"),
        ({Scope.EVERYBODY: 60.0}, "everybody-seconds", "all the speech that I may"),
    ],
)  # fmt: skip - each case on a line
def test_a_limit_on_speech_says_whose_it_is_and_when_to_come_back(
    full: dict[Scope, float], rule: str, said: str
) -> None:
    known = tuple(meter(scope, full.get(scope, 0.0)) for scope in Scope)
    facts = dataclasses.replace(FACTS, audio=10.0, meters=known)
    refused = decide(ASK, facts, 1000.0)
    assert isinstance(refused, Refused)
    assert refused.rule == rule
    assert said in refused.words
    when = int(re.findall(r"<t:(\d+):R>", refused.words)[0])
    assert isinstance(decide(ASK, facts, when), Admitted)
    assert isinstance(decide(ASK, facts, when - 2), Refused)


def test_more_speech_than_is_ever_allowed_at_once_is_told_to_be_shorter() -> None:
    known = (meter(Scope.USER, 60.0), meter(Scope.MEMBER, 0.0, burst=20.0))
    refused = decide(ASK, dataclasses.replace(FACTS, audio=30.0, meters=known), 1000.0)
    assert isinstance(refused, Refused)
    assert refused.rule == "member-burst"
    assert "about 30 s of speech; 20 s is the most at once here. Shorten it" in refused.words


def test_limits_on_speech_as_configured() -> None:
    limits = dataclasses.replace(LIMITS, user_seconds_per_hour=1800, user_burst_seconds=600, member_seconds_per_hour=60)
    assert limits.quotas() == {
        Scope.USER: Quota(rate=0.5, burst=600),
        Scope.MEMBER: Quota(rate=1 / 60, burst=60),  # no more than an hour's
    }
    assert LIMITS.quotas() == {}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(channels=frozenset({7})), "This server lets me speak in <#7> only."),
        (Rules(channels=frozenset({9, 7, 8})), "This server lets me speak in <#7>, <#8> or <#9> only."),
        (Rules(roles=frozenset({7})), "This server lets me speak for <@&7> only."),
        (Rules(off=frozenset({Feature.SING})), "This server has turned singing off."),
        (Rules(off=frozenset({"voice"})), "This server has turned speaking in voice channels off."),
    ],
)
def test_what_a_server_does_not_want_is_refused(rules: Rules, words: str) -> None:
    ask = dataclasses.replace(ASK, options=Options(kind=Kind.SING, speak_in=1))
    refused = decide(ask, dataclasses.replace(FACTS, rules=rules), 0.0)
    assert isinstance(refused, Refused)
    assert refused.words == words


def test_what_a_server_wants_is_admitted() -> None:
    rules = Rules(channels=frozenset({4, 5}), roles=frozenset({1, 2}), off=frozenset({"sing", "voice"}))
    ask = dataclasses.replace(ASK, role_ids=frozenset({2, 3}))
    assert isinstance(decide(ask, dataclasses.replace(FACTS, rules=rules), 0.0), Admitted)
    thread = dataclasses.replace(ask, channel_id=99, parent_id=5)
    assert isinstance(decide(thread, dataclasses.replace(FACTS, rules=rules), 0.0), Admitted)
