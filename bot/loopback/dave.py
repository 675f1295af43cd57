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
        """Whether nothing is proposed and no change under way."""
        return not self.proposals and not self._transitions

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
            client.say_bytes(Op.PROPOSALS, _appended(list(self.proposals.values())))

    def leave(self, user_id: int) -> None:
        """Somebody disconnects: out of the group at once, or before they were in it."""
        if self.members.pop(user_id, None) is None:
            return
        for member in self.members.values():
            member.client.say(Op.CLIENT_DISCONNECT, {"user_id": str(user_id)})
        for number in list(self._transitions):
            self.ready(user_id, number)
        self._withdraw(user_id)
        if user_id in self.leaves:
            if len(self.insiders) < 2:
                self._restart()
            else:
                self._propose(self._removal(user_id))
        self._changed()

    def offer(self, user_id: int, data: bytes) -> None:
        """Op 26, a key package; Malformed if it is none of theirs."""
        package = KeyPackage.parse(data)
        if package.user_id != user_id:
            raise Malformed(f"a key package of {package.user_id} from {user_id}")
        if not self.version:
            return  # sent before they heard of the downgrade
        member = self.members[user_id]
        self._withdraw(user_id)
        member.package, member.inside = package, False
        if self.leaves and not self.insiders:
            self._restart()
        else:
            self._propose([*self._removal(user_id), self._sender.add(self.channel_id, self.epoch, package)])

    def flag(self, user_id: int) -> None:
        """Op 31: a commit or welcome was of no use to them. They wait outside; their next key package brings them back."""
        self.flagged.append(user_id)
        self.members[user_id].inside = False
        self._changed()

    # -- epochs

    def commit(self, user_id: int, data: bytes) -> bool:
        """Op 28: makes the next epoch of a commit, if it is valid and the first; Malformed if it is no commit."""
        commit, welcome = Commit.parse(data)
        if not self._is_valid(user_id, commit):
            return False
        done = [self.proposals[reference] for reference in commit.references]
        newcomers = [proposal.adds for proposal in done if proposal.adds is not None]
        maker = self.members[user_id]
        maker.inside, maker.package = True, None  # the first epoch's maker was outside until now
        number = self._begin({*self.insiders, *(package.user_id for package in newcomers)}, self.version)
        for insider in self.insiders:
            self.members[insider].client.say_bytes(Op.ANNOUNCE_COMMIT, number.to_bytes(2) + commit.raw)
        self._seat(user_id, done)
        for package in newcomers:
            member = self.members[package.user_id]
            member.package, member.inside = None, True
            member.client.say_bytes(Op.WELCOME, number.to_bytes(2) + welcome_for(welcome, package.reference))
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

    def _listeners_to(self, user_id: int | None) -> list[Client]:
        """Who has to hear of proposals about this person: the group, or all the others while there is none."""
        heard = [
            member for other, member in self.members.items() if (member.inside if self.leaves else other != user_id)
        ]
        return [member.client for member in heard]

    def _propose(self, proposals: list[Proposal]) -> None:
        self.proposals.update((proposal.reference, proposal) for proposal in proposals)
        adds = next((proposal.adds.user_id for proposal in proposals if proposal.adds is not None), None)
        for client in self._listeners_to(adds) if proposals else ():
            client.say_bytes(Op.PROPOSALS, _appended(proposals))

    def _withdraw(self, user_id: int) -> None:
        """Revokes the proposal in flight that adds this person."""
        for reference, proposal in list(self.proposals.items()):
            if proposal.adds is not None and proposal.adds.user_id == user_id:
                del self.proposals[reference]
                for client in self._listeners_to(user_id):
                    client.say_bytes(Op.PROPOSALS, REVOKE + vector(vector(reference)))

    def _removal(self, user_id: int) -> list[Proposal]:
        """What takes this person out of the tree, nothing if they are not in it or already going."""
        if user_id not in self.leaves:
            return []
        leaf = self.leaves.index(user_id)
        going = any(proposal.removes == leaf for proposal in self.proposals.values())
        return [] if going else [self._sender.remove(self.channel_id, self.epoch, leaf)]

    def _is_valid(self, user_id: int, commit: Commit) -> bool:
        """Of this epoch, from this person's leaf, with all proposals in flight and no others."""
        first = not self.leaves  # everybody has a group of their own, and is leaf 0 of it
        due = {
            reference
            for reference, proposal in self.proposals.items()
            if not (first and proposal.adds is not None and proposal.adds.user_id == user_id)
        }
        offered = self.members[user_id].package is not None
        seated = commit.leaf == 0 and offered if first else self.leaves[commit.leaf : commit.leaf + 1] == [user_id]
        now = (commit.group_id, commit.epoch) == (self.channel_id, self.epoch)
        return now and seated and bool(due) and len(commit.references) == len(due) and set(commit.references) == due

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


def _appended(proposals: list[Proposal]) -> bytes:
    return APPEND + vector(b"".join(proposal.raw for proposal in proposals))
