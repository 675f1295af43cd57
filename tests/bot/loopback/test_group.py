"""The encrypted group by itself: whoever comes, goes or gets lost, in the end all who are there share its secrets."""

from __future__ import annotations

import asyncio

import davey
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.loopback.dave import Group
from bot.loopback.listener import Listener
from bot.loopback.mls import Malformed
from bot.loopback.pulse import Pulse
from bot.loopback.voice_session import Op

CHANNEL = 77
STEPS = st.lists(st.tuples(st.sampled_from(["toggle", "get lost"]), st.integers(1, 5), st.integers(0, 4)), max_size=14)


def group() -> Group:
    return Group(CHANNEL, changed=lambda: None)


def settled(group: Group) -> bool:
    return group.settled and (len(group.members) < 2 or set(group.insiders) == set(group.members))


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_all_who_are_there_in_the_end_share_one_secret(steps: list[tuple[str, int, int]]):
    asyncio.run(live_through(steps))


async def live_through(steps: list[tuple[str, int, int]]) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    pulse, broken = Pulse(), []
    here = Group(CHANNEL, changed=pulse.beat)
    people: dict[int, Listener] = {}
    for what, who, turns in steps:
        if what == "toggle":
            if person := people.pop(who, None):
                person.leave()
            else:
                people[who] = Listener(who, CHANNEL)
                people[who].enter(here)
        elif who in people and people[who].session.ready:
            people[who].say_bytes(Op.WELCOME, b"\0\0a welcome to nothing")
        for _ in range(turns):
            await asyncio.sleep(0)
    await pulse.until(lambda: settled(here), timeout=3)
    assert broken == []
    if len(people) > 1:
        assert len({person.session.voice_privacy_code for person in people.values()}) == 1
        assert {user_id for user_id in here.leaves if user_id is not None} == set(people)
        for person in people.values():
            assert here.leaves[person.session.own_leaf_index] == person.user_id
            assert person.session.epoch == here.epoch


class Mute:
    """A client that only keeps what it is told."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.session = davey.DaveSession(1, user_id, CHANNEL)
        self.told: list[tuple[Op, object]] = []

    def say(self, op: Op, data: object) -> None:
        self.told.append((op, data))

    def say_bytes(self, op: Op, payload: bytes) -> None:
        self.told.append((op, payload))

    def last(self, op: Op) -> object:
        return next(data for said, data in reversed(self.told) if said is op)

    def enter(self, here: Group) -> Mute:
        here.join(self)
        self.session.set_external_sender(self.last(Op.EXTERNAL_SENDER))
        here.offer(self.user_id, self.session.get_serialized_key_package())
        return self

    def answer(self) -> bytes:
        """The commit and welcome for the newest proposals."""
        kinds = davey.ProposalsOperationType
        answer = self.session.process_proposals(kinds.append, self.last(Op.PROPOSALS)[1:])
        return answer.commit + answer.welcome


async def test_the_first_commit_of_an_epoch_wins_and_others_come_too_late():
    here = group()
    one, two = (Mute(user_id).enter(here) for user_id in (1, 2))
    first, second = one.answer(), two.answer()
    assert here.commit(2, second)
    assert not here.commit(1, first)
    assert here.leaves == [2, 1]
    assert [op for op, _ in one.told].count(Op.WELCOME) == 1
    assert Op.ANNOUNCE_COMMIT not in [op for op, _ in one.told]


async def test_a_commit_that_leaves_out_a_proposal_is_not_passed_on():
    here = group()
    one, two = (Mute(user_id).enter(here) for user_id in (1, 2))
    early = one.answer()
    three = Mute(3).enter(here)
    assert not here.commit(1, early)
    assert here.commit(1, one.answer())
    assert here.leaves[0] == 1
    assert set(here.leaves) == {1, 2, 3}
    assert [op for op, _ in two.told + three.told].count(Op.WELCOME) == 2


async def test_a_transition_is_executed_when_the_last_one_is_ready():
    here = group()
    one, two = (Mute(user_id).enter(here) for user_id in (1, 2))
    here.commit(1, one.answer())
    here.ready(1, 1)
    assert here.executed == []
    here.ready(2, 1)
    assert here.executed == [1]
    assert one.last(Op.EXECUTE_TRANSITION) == two.last(Op.EXECUTE_TRANSITION) == {"transition_id": 1}


async def test_who_leaves_is_not_waited_for():
    here = group()
    one, _ = (Mute(user_id).enter(here) for user_id in (1, 2))
    here.commit(1, one.answer())
    here.ready(1, 1)
    here.leave(2)
    assert here.executed == [1]
    assert one.last(Op.PREPARE_EPOCH) == {"protocol_version": 1, "epoch": 1}


async def test_somebody_elses_key_package_is_refused():
    here = group()
    one = Mute(1).enter(here)
    with pytest.raises(Malformed, match="of 2 from 1"):
        here.offer(one.user_id, Mute(2).session.get_serialized_key_package())
