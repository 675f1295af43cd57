"""DAVE on the server's side: who is in the encrypted group of a voice channel, and how its epochs follow each other.

The gateway holds no key of the group. It proposes who is added and removed, picks the first valid commit of each epoch, passes
it on with the welcomes, and lets everybody change over together. After Discord's whitepaper (daveprotocol.com), version 1.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Protocol

from bot.loopback.mls import Commit, ExternalSender, KeyPackage, Malformed, Proposal, vector, welcome_for
from bot.loopback.payloads import Json
from bot.loopback.voice_session import DAVE, Op

APPEND, REVOKE = b"\0", b"\1"
PATIENCE = 2.0  # seconds for everybody to be ready, the whitepaper's "roughly two seconds"


class Client(Protocol):
    """Somebody in the channel, over a websocket or in this process."""

    @property
    def user_id(self) -> int:
        """Whose client it is."""

    def say(self, op: Op, data: Json) -> None:
        """Takes a message."""

    def say_bytes(self, op: Op, payload: bytes) -> None:
        """Takes a binary message."""


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Member:
    """`inside` knows the secrets of the present epoch; who is not waits with a `package` to be added."""

    client: Client
    package: KeyPackage | None = None
    inside: bool = False
    introduced: bool = False  # has the external sender


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Transition:
    """A change for `people`, which takes effect when nobody is waited for any more."""

    version: int
    people: frozenset[int]
    waiting: set[int]


class Group:
    """The people of one channel. `leaves` are their places in the group's tree, empty while there is no group."""

    def __init__(self, channel_id: int, *, changed: Callable[[], None], version: int = DAVE) -> None:
        self.channel_id = channel_id
        self.version = version
        self.required = version > 0  # no audio may come in the clear
        self.epoch = 0
        self.members: dict[int, Member] = {}
        self.leaves: list[int | None] = []
        self.proposals: dict[bytes, Proposal] = {}  # of this epoch, in flight
        self.committers: list[int] = []  # who made each epoch
        self.flagged: list[int] = []  # who could not use a commit or welcome
        self.executed: list[int] = []  # transitions
        self._sender = ExternalSender()
        self._changed = changed
        self._transitions: dict[int, Transition] = {}
        self._last_transition = 0

    @property
    def insiders(self) -> list[int]:
        """Who can speak and hear in the present epoch."""
        return [user_id for user_id, member in self.members.items() if member.inside]

    @property
    def settled(self) -> bool:
        """Whether no change is under way; a proposal that nobody else is there to carry out is none."""
        return not self._transitions and (not self.proposals or len(self.members) < 2)

    # -- people

    def join(self, client: Client) -> None:
        """Somebody connects; their key package comes by `offer`."""
        others = list(self.members)
        for other in others:
            self.members[other].client.say(Op.CLIENTS_CONNECT, {"user_ids": [str(client.user_id)]})
        if others:
            client.say(Op.CLIENTS_CONNECT, {"user_ids": [str(other) for other in others]})
        member = self.members[client.user_id] = Member(client=client)
        if self.version:
            self._introduce(member)
        if self.proposals and not self.leaves:
            client.say_bytes(Op.PROPOSALS, _operation(APPEND, list(self.proposals.values())))

    def leave(self, user_id: int) -> None:
        """Somebody disconnects: out of the group at once, or before they were in it."""
        if self.members.pop(user_id, None) is None:
            return
        for member in self.members.values():
            member.client.say(Op.CLIENT_DISCONNECT, {"user_id": str(user_id)})
        self._wait_no_more(user_id)
        if user_id in self.leaves and len(self.insiders) < 2:
            self._restart()
        else:
            self._renew(without=user_id, more=self._removal(user_id))
        self._changed()

    def offer(self, user_id: int, data: bytes) -> None:
        """Op 26, a key package; Malformed if it is none of theirs."""
        package = KeyPackage.parse(data)
        if package.user_id != user_id:
            raise Malformed(f"a key package of {package.user_id} from {user_id}")
        if not self.version:
            return  # sent before they heard of the downgrade
        member = self.members[user_id]
        if any(proposal.adds is not None and proposal.adds.user_id == user_id for proposal in self.proposals.values()):
            self._renew(without=user_id)
        member.package, member.inside = package, False
        if self.leaves and not self.insiders:
            self._restart()
        else:
            self._propose([*self._removal(user_id), self._sender.add(self.channel_id, self.epoch, package)])

    def flag(self, user_id: int) -> None:
        """Op 31: a commit or welcome was of no use to them. They wait outside; their next key package brings them back."""
        self.flagged.append(user_id)
        self.members[user_id].inside = False
        self._wait_no_more(user_id)
        self._changed()

    # -- epochs

    def commit(self, user_id: int, data: bytes) -> bool:
        """Op 28: makes the next epoch of a commit, if it is valid and the first; Malformed if it is no commit."""
        commit, welcome = Commit.parse(data)
        if not self._is_valid(user_id, commit):
            return False
        done = [self.proposals[reference] for reference in commit.references]
        newcomers = [proposal.adds for proposal in done if proposal.adds is not None]
        if newcomers and not welcome:
            return False
        welcomes = {package.user_id: welcome_for(welcome, package.reference) for package in newcomers}
        maker = self.members[user_id]
        maker.inside, maker.package = True, None  # the first epoch's maker was outside until now
        number = self._begin({*self.insiders, *welcomes}, self.version)
        for insider in self.insiders:
            self.members[insider].client.say_bytes(Op.ANNOUNCE_COMMIT, number.to_bytes(2) + commit.raw)
        self._seat(user_id, done)
        for newcomer, message in welcomes.items():
            member = self.members[newcomer]
            member.package, member.inside = None, True
            member.client.say_bytes(Op.WELCOME, number.to_bytes(2) + message)
        self.epoch += 1
        self.proposals.clear()
        self.committers.append(user_id)
        self._changed()
        return True

    def ready(self, user_id: int, number: int) -> None:
        """Op 23: the transition is executed once the last one is ready."""
        transition = self._transitions.get(number)
        if transition is not None:
            transition.waiting.discard(user_id)
            if not transition.waiting:
                self._execute(number)

    def downgrade(self) -> None:
        """Everybody goes back to transport encryption, as when a client without DAVE joins."""
        number = self._begin(set(self.members), 0)
        for member in self.members.values():
            member.client.say(Op.PREPARE_TRANSITION, {"protocol_version": 0, "transition_id": number})

    def upgrade(self) -> None:
        """Everybody makes a new group, as when the last client without DAVE has left."""
        self.version = DAVE
        for member in self.members.values():
            member.client.say(Op.PREPARE_EPOCH, {"protocol_version": DAVE, "epoch": 1})
            self._introduce(member)

    # -- inside

    def _introduce(self, member: Member) -> None:
        if not member.introduced:
            member.introduced = True
            member.client.say_bytes(Op.EXTERNAL_SENDER, self._sender.package())

    def _tell(self, proposals: list[Proposal], kind: bytes) -> None:
        """To the group; while there is none, to everybody, but not of themselves."""
        for user_id, member in self.members.items():
            if member.inside or not self.leaves:
                told = [one for one in proposals if one.adds is None or one.adds.user_id != user_id]
                if told:
                    member.client.say_bytes(Op.PROPOSALS, _operation(kind, told))

    def _propose(self, proposals: list[Proposal]) -> None:
        self.proposals.update((proposal.reference, proposal) for proposal in proposals)
        self._tell(proposals, APPEND)

    def _renew(self, *, without: int, more: list[Proposal] | None = None) -> None:
        """Revokes all proposals and makes them anew, but for the one that adds this person, and with some more removals.

        Because of davey 0.1.7. It adds a welcome to its commit only if the newest message adds somebody. And of its own commits
        it takes the last for the one that is announced; so an earlier one must not be valid any more.
        """
        before = list(self.proposals.values())
        self.proposals.clear()
        self._tell(before, REVOKE)
        removed = [proposal.removes for proposal in [*before, *(more or [])] if proposal.removes is not None]
        added = [proposal.adds for proposal in before if proposal.adds is not None and proposal.adds.user_id != without]
        removals = [self._sender.remove(self.channel_id, self.epoch, leaf) for leaf in removed]
        self._propose([*removals, *(self._sender.add(self.channel_id, self.epoch, package) for package in added)])

    def _removal(self, user_id: int) -> list[Proposal]:
        """What takes this person out of the tree, nothing if they are not in it or already going."""
        if user_id not in self.leaves:
            return []
        leaf = self.leaves.index(user_id)
        going = any(proposal.removes == leaf for proposal in self.proposals.values())
        return [] if going else [self._sender.remove(self.channel_id, self.epoch, leaf)]

    def _wait_no_more(self, user_id: int) -> None:
        for number in list(self._transitions):
            self.ready(user_id, number)

    def _is_valid(self, user_id: int, commit: Commit) -> bool:
        """Of this epoch, from this person's leaf, with all proposals in flight and no others."""
        first = not self.leaves  # everybody has a group of their own, and is leaf 0 of it
        due = {
            reference
            for reference, proposal in self.proposals.items()
            if not (first and proposal.adds is not None and proposal.adds.user_id == user_id)
        }
        maker = self.members[user_id]
        if first:
            seated = maker.package is not None and commit.leaf == 0
        else:
            seated = maker.inside and self.leaves[commit.leaf : commit.leaf + 1] == [user_id]
        now = (commit.group_id, commit.epoch) == (self.channel_id, self.epoch)
        return now and seated and bool(due) and sorted(commit.references) == sorted(due)

    def _seat(self, user_id: int, done: list[Proposal]) -> None:
        """Carries out proposals on the leaves: removals first, then each newcomer on the first free leaf (RFC 9420, 12.3)."""
        self.leaves = self.leaves or [user_id]
        for proposal in done:
            if proposal.removes is not None:
                self.leaves[proposal.removes] = None
        for proposal in done:
            if proposal.adds is not None:
                if None not in self.leaves:
                    self.leaves.append(None)
                self.leaves[self.leaves.index(None)] = proposal.adds.user_id

    def _restart(self) -> None:
        """One is left, or nobody can follow: a new group, as "sole member reset" has it."""
        self._forget_group()
        for member in self.members.values():
            if member.package is None:
                member.inside = False
                member.client.say(Op.PREPARE_EPOCH, {"protocol_version": self.version, "epoch": 1})
                member.client.say(Op.PREPARE_TRANSITION, {"protocol_version": self.version, "transition_id": 0})
            else:
                self._propose([self._sender.add(self.channel_id, self.epoch, member.package)])

    def _forget_group(self) -> None:
        self.epoch = 0
        self.leaves = []
        self.proposals.clear()
        self._transitions.clear()

    def _begin(self, waiting: set[int], version: int) -> int:
        self._last_transition += 1
        number = self._last_transition
        self._transitions[number] = Transition(version=version, people=frozenset(waiting), waiting=waiting)
        asyncio.get_running_loop().call_later(PATIENCE, self._execute, number)
        return number

    def _execute(self, number: int) -> None:
        transition = self._transitions.pop(number, None)
        if transition is None:
            return
        if transition.version == 0:
            self._forget_group()
            for member in self.members.values():
                member.inside, member.package = False, None
        self.version, self.required = transition.version, transition.version > 0
        self.executed.append(number)
        for user_id, member in self.members.items():
            if user_id in transition.people:
                member.client.say(Op.EXECUTE_TRANSITION, {"transition_id": number})
        self._changed()


def _operation(kind: bytes, proposals: list[Proposal]) -> bytes:
    each = [proposal.raw if kind == APPEND else vector(proposal.reference) for proposal in proposals]
    return kind + vector(b"".join(each))
