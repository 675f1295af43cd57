"""The gateway's part of MLS, against davey: what it signs is accepted, what it reads is what was written."""

from __future__ import annotations

import davey
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.loopback.mls import Commit, ExternalSender, KeyPackage, Malformed, Reader, vector, welcome_for

CHANNEL = 1_593_540_240_998_400_006
KINDS = davey.ProposalsOperationType


def session(user_id: int, sender: ExternalSender) -> tuple[davey.DaveSession, KeyPackage]:
    """A davey session with a group of its own, and its key package."""
    session = davey.DaveSession(1, user_id, CHANNEL)
    package = KeyPackage.parse(session.get_serialized_key_package())
    session.set_external_sender(sender.package())
    return session, package


@given(st.binary(max_size=70), st.integers(0, 2), st.binary(max_size=9))
def test_a_vector_reads_as_it_was_written(piece: bytes, scale: int, rest: bytes):
    data = piece * [1, 240, 2400][scale]
    reader = Reader(vector(data) + rest)
    assert (reader.vector(), reader.rest) == (data, rest)


@given(st.binary(max_size=300))
def test_bytes_that_are_nothing_are_malformed(data: bytes):
    for parse in (KeyPackage.parse, Commit.parse, lambda data: welcome_for(data, b"")):
        with pytest.raises(Malformed):
            parse(data)


def test_a_key_package_tells_its_user_with_and_without_the_header_of_a_message():
    raw = davey.DaveSession(1, 77, CHANNEL).get_serialized_key_package()
    bare, headed = KeyPackage.parse(raw), KeyPackage.parse(bytes.fromhex("00010005") + raw)
    assert bare == headed
    assert bare.user_id == 77


@given(st.integers(0, 385), st.integers(1, 255))
def test_a_changed_key_package_is_refused(at: int, flip: int):
    raw = davey.DaveSession(1, 77, CHANNEL).get_serialized_key_package()
    with pytest.raises(Malformed):
        KeyPackage.parse(raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :])


def test_proposals_are_taken_from_this_sender_and_from_no_other():
    sender = ExternalSender()
    one, _ = session(1, sender)
    _, two = session(2, sender)
    with pytest.raises(ValueError, match="InvalidSignature"):
        one.process_proposals(KINDS.append, vector(ExternalSender().add(CHANNEL, 0, two).raw))
    with pytest.raises(ValueError, match="WrongEpoch"):
        one.process_proposals(KINDS.append, vector(sender.add(CHANNEL, 1, two).raw))
    assert one.process_proposals(KINDS.append, vector(sender.add(CHANNEL, 0, two).raw)) is not None


def test_a_commit_names_its_proposals_and_each_newcomer_gets_a_welcome():
    sender = ExternalSender()
    one, _ = session(1, sender)
    others = [session(user_id, sender) for user_id in (2, 3)]
    proposals = [sender.add(CHANNEL, 0, package) for _, package in others]
    answer = one.process_proposals(KINDS.append, vector(b"".join(proposal.raw for proposal in proposals)))
    commit, welcome = Commit.parse(answer.commit + answer.welcome)
    assert (commit.raw, welcome) == (answer.commit, answer.welcome)
    assert (commit.group_id, commit.epoch, commit.leaf) == (CHANNEL, 0, 0)
    assert set(commit.references) == {proposal.reference for proposal in proposals}
    one.process_commit(commit.raw)
    for other, package in others:
        other.process_welcome(welcome_for(welcome, package.reference))
        assert other.voice_privacy_code == one.voice_privacy_code
    frame = one.encrypt_opus(b"a word")
    assert [bytes(other.decrypt(1, davey.MediaType.audio, frame)) for other, _ in others] == [b"a word"] * 2
    with pytest.raises(Malformed):
        welcome_for(welcome, bytes(32))


def test_a_revoked_proposal_is_in_no_commit():
    sender = ExternalSender()
    one, _ = session(1, sender)
    two, three = (sender.add(CHANNEL, 0, session(user_id, sender)[1]) for user_id in (2, 3))
    one.process_proposals(KINDS.append, vector(two.raw + three.raw))
    answer = one.process_proposals(KINDS.revoke, vector(vector(two.reference)))
    assert Commit.parse(answer.commit)[0].references == (three.reference,)
