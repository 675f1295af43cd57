"""Reports in people's own words, and the head of the audit log in the channels for notices."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot import audit, auditor, texts
from bot.__main__ import main
from bot.app import DATABASE, App
from bot.config import GuardSection
from bot.errors import BarkbotError, Exit
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.world import MODERATOR
from bot.moderation import complaints, herald
from bot.moderation.complaints import Target, target_of
from bot.moderation.seal import FILE, Seal, signed
from bot.store import connect
from tests.bot.commands.scene import scene_in
from tests.bot.harness import bot_on
from tests.bot.moderation.test_bans import refused
from tests.bot.moderation.test_rules import HandDate
from tests.fakes.clock import HandClock


async def rows(app: App, table: str) -> list[dict[str, Any]]:
    return await app._store.call(lambda db: [dict(row) for row in db.execute(f"SELECT * FROM {table}")])


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://discord.com/channels/1/2/3", Target(guild_id=1, channel_id=2, message_id=3)),
        (" <https://ptb.discord.com/channels/1/2/3> ", Target(guild_id=1, channel_id=2, message_id=3)),
        ("https://discord.com/channels/@me/2/3", Target(guild_id=None, channel_id=2, message_id=3)),
        ("https://discord.com.evil.example/channels/1/2/3", None),
        ("https://discord.com/channels/1/2", None),
        (f"https://discord.com/channels/1/2/{10**20 - 1}", None),
        ("3", None),
    ],
)
def test_a_link_names_a_message(link: str, target: Target | None) -> None:
    assert target_of(link) == target
    assert target is None or target.link.endswith("/2/3")


async def test_a_message_is_reported_to_the_channel_for_notices_with_its_asker(tmp_path: Path) -> None:
    async with scene_in(tmp_path, None) as scene:
        discord, app = scene.discord, scene.app
        alice, bob = discord.user("alice"), discord.user("bob")
        answer = await scene.answered("alice")
        before = await refused(discord, "bob", "report", words="nowhere to go")
        assert before == texts.REPORT_KEPT.format(contact=texts.CONTACT)
        await app._book.change_server(discord.guild_id, log_channel=discord.second)

        opened = await bob.use_on_message("Report to moderators", answer)
        await opened.acknowledged()
        sent = await bob.submit(opened, {"words": "that is **me** @everyone\n<@" + str(alice.id) + "> mocked"})
        await sent.until(lambda message: message.content == texts.REPORT_SENT)
        (notice,) = discord.channel_messages(discord.second)
        link = f"https://discord.com/channels/{discord.guild_id}/{discord.general}/{answer.id}"
        assert notice.content.startswith(
            f"<@{bob.id}> reports:\nIt is about {link}\nAsked for by <@{alice.id}>\n> that is \\*\\*me\\*\\* "
        )
        assert "@everyone" not in notice.content
        assert notice.content.count(f"<@{alice.id}>") == 1
        assert notice.pings == ()
        *_, kept = await rows(app, "complaints")
        assert (kept["user_id"], kept["message_id"], kept["job"]) == (bob.id, answer.id, int(answer.nonce or 0))

        assert "no link" in await refused(discord, "bob", "report", words="x", message="https://example.org")
        elsewhere = "https://discord.com/channels/1/2/3"
        assert "no link" in await refused(discord, "bob", "report", words="x", message=elsewhere)
        opened = await bob.slash("bark", "report", message=link)
        await opened.acknowledged()
        await (await bob.submit(opened, {"words": "again"})).until(lambda message: message.ephemeral)
        assert link in discord.channel_messages(discord.second)[-1].content
        own = alice.write("my own words")
        not_mine = await bob.use_on_message("Report to moderators", own)
        await not_mine.until(lambda message: message.content == texts.REPORT_NOT_MINE)
        for _ in range(2):
            assert await refused(discord, "bob", "report", words="more") == texts.REPORT_SENT
        assert "5 things within the hour" in await refused(discord, "bob", "report", words="too much")
        assert [row.kind for row in await app._store.call(audit.last, 9)] == ["report"] * 5
        reported = await scene.press("carol", answer, "Report")
        message = await scene.private(reported)
        sure = await discord.user("carol").press(message, label="Yes, report it")
        await sure.acknowledged()
        await discord.until(lambda: len(discord.channel_messages(discord.second)) == 5)
        assert (await app._store.call(audit.head)).seq == 6


async def test_a_forged_window_names_no_other_servers_asker(tmp_path: Path) -> None:
    guard = GuardSection(contact="help@example.org")
    async with scene_in(tmp_path, None, guard=guard) as scene:
        discord, app = scene.discord, scene.app
        other = await scene.answered("alice", guild_id=99, flow="g99/u1")
        bob = discord.user("bob")
        told = await (await bob.slash("bark", "report", words="help", dm=True)).until(lambda message: message.content)
        assert "or help@example.org" in told.content
        await app._book.change_server(discord.guild_id, log_channel=discord.second)
        for meant in (f"1-2:{other.nonce}", f"{2**70}-1:1", "x:y", ":", f"1-2:{2**70}"):
            opened = await bob.slash("bark", "report")
            await opened.acknowledged()
            assert opened.modal is not None
            opened.modal["custom_id"] = f"bark-report:send:{meant}"
            user = discord.user(f"person {meant}")
            sent = await user.submit(opened, {"words": "forged"})
            await sent.until(lambda message: message.content == texts.REPORT_SENT)
        assert all("Asked for" not in message.content for message in discord.channel_messages(discord.second))


def test_who_reports_stands_in_the_audit_log_by_no_name(tmp_path: Path) -> None:
    db = connect(tmp_path / DATABASE)
    target = Target(guild_id=5, channel_id=1, message_id=2)
    complaint = complaints.Complaint(id=1, user_id=4711, guild_id=5, target=target, words="ugly words")
    assert complaints.add(db, complaint, 1.0)
    (row,) = audit.rows(db)
    assert "4711" not in row.details
    assert "ugly" not in row.details
    db.close()


# -- the head of the audit log -----------------------------------------------------------------------------------------


def posted(message: Message) -> tuple[audit.Head, str, str]:
    """Row and hash, signature, key."""
    found = re.search(r"row (\d+), SHA-256 `(\w+)`.*\n.*`(.+)`, key `(.+)`", message.content)
    assert found is not None
    return audit.Head(seq=int(found[1]), hash=found[2]), found[3], found[4]


async def test_the_head_is_posted_once_a_day_where_it_moved_signed_and_checked_by_anybody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    date, clock = HandDate(), HandClock()
    monkeypatch.setenv("BARKBOT_STORE__FOLDER", str(tmp_path))
    async with Loopback(clock=date) as discord, bot_on(discord, tmp_path, clock=date, patience=clock) as app:
        notices = lambda: discord.channel_messages(discord.second)  # noqa: E731
        morgan = discord.user("morgan", permissions=MODERATOR)
        await clock.asleep(herald.LOOK)
        panel = await (await morgan.slash("bark", "server")).until(lambda message: message.ephemeral)
        changed = await morgan.choose(panel, "bark-server:log_channel", [str(discord.second)])
        await changed.acknowledged()
        await discord.until(lambda: len(notices()) == 1)  # that the channel was chosen
        (row,) = await app._store.call(audit.last, 9)
        assert (row.kind, row.details.count("log_channel")) == ("settings", 1)

        async def pass_by(seconds: float) -> None:
            date.now += seconds
            clock.advance(herald.LOOK)
            await clock.asleep(herald.LOOK)

        await pass_by(herald.LOOK)
        assert len(notices()) == 2
        head, signature, key = posted(notices()[1])
        assert head.hash == (await app._store.call(audit.head)).hash
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        public.verify(base64.b64decode(signature), signed(head))
        with pytest.raises(InvalidSignature):
            public.verify(base64.b64decode(signature), signed(audit.Head(seq=2, hash=head.hash)))

        await pass_by(herald.EVERY)
        assert len(notices()) == 2  # it has not moved
        await app._book.change_server(discord.guild_id, by=morgan.id, sharing=False)
        await pass_by(herald.EVERY)
        assert posted(notices()[2])[0].seq == 2
        await app._book.change_server(discord.guild_id, by=morgan.id, sharing=True)
        await pass_by(herald.LOOK)
        assert len(notices()) == 3  # it has moved, and it is the same day

        assert auditor.run(None, since="2020-01-01", seen=f"{head.seq}:{head.hash}") == 0  # while the bot runs
        told = capsys.readouterr().out.splitlines()
        assert [line.startswith("{") for line in told] == [True] * 3 + [False] * 3
        end = await app._store.call(audit.head)
        assert told[3] == "whole: 3 rows, through the head that was seen"
        assert told[4].startswith(f"head: 3:{end.hash} of 2027-01-1")
        assert told[5] == f"public key: {key}"
        assert auditor.run(None, since=None, seen=f"1:{'0' * 64}") == 1
        assert "BROKEN at row 1" in capsys.readouterr().out
        assert discord.complaints == []


def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARKBOT_STORE__FOLDER", str(tmp_path))
    assert main(["audit"]) == Exit.STORE
    assert "no database" in capsys.readouterr().err
    db = connect(tmp_path / DATABASE)
    assert main(["audit"]) == Exit.OK
    assert capsys.readouterr().out == "whole: 0 rows\n"
    for number in range(3):
        audit.write(db, float(number), "halt")
    db.execute("DROP TRIGGER audit_stays")
    db.execute("UPDATE audit SET kind = 'resume' WHERE seq = 2")
    db.close()
    assert main(["audit"]) == Exit.FAILED
    assert capsys.readouterr().out == "BROKEN at row 2: it was changed, or rows are missing.\n"


@pytest.mark.parametrize("change", ["at = 9e999", "at = 1e300", "details = '[1]'", f"details = '{'9' * 5000}'"])
def test_a_row_that_no_bot_would_write_is_a_broken_one(
    change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARKBOT_STORE__FOLDER", str(tmp_path))
    with contextlib.closing(connect(tmp_path / DATABASE)) as db:
        audit.write(db, 1.0, "halt")
        db.execute("DROP TRIGGER audit_stays")
        db.execute(f"UPDATE audit SET {change}")
    assert main(["audit", "--since", "1970-01-01"]) == Exit.FAILED
    row, verdict = capsys.readouterr().out.splitlines()
    assert json.loads(row)["kind"] == "halt"
    assert verdict == "BROKEN at row 1: it was changed, or rows are missing."


def test_no_fact_of_a_changed_row_is_printed_as_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARKBOT_STORE__FOLDER", str(tmp_path))
    with contextlib.closing(connect(tmp_path / DATABASE)) as db:
        audit.write(db, 1.0, "halt", seq=7)
    assert main(["audit", "--since", "1970-01-01"]) == Exit.OK
    assert json.loads(capsys.readouterr().out.splitlines()[0])["seq"] == 1


def test_a_key_that_cannot_be_read_is_told_after_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARKBOT_STORE__FOLDER", str(tmp_path))
    connect(tmp_path / DATABASE).close()
    (tmp_path / FILE).write_text("nonsense")
    assert main(["audit"]) == Exit.STORE
    told = capsys.readouterr()
    assert told.out == "whole: 0 rows\n"
    assert f"{FILE} cannot be read" in told.err
    assert "remove it" in told.err


@pytest.mark.parametrize(("since", "seen"), [("yesterday", None), (None, "5"), (None, "5:abc")])
def test_a_date_or_a_head_that_is_none_is_told(
    since: str | None, seen: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARKBOT_STORE__FOLDER", str(tmp_path))
    connect(tmp_path / DATABASE).close()
    with pytest.raises(BarkbotError, match=r"no date|as it was posted"):
        auditor.run(None, since=since, seen=seen)


def test_the_key_is_made_once_and_is_for_the_bot_alone(tmp_path: Path) -> None:
    seal = Seal.open(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert Seal.open(tmp_path).public == seal.public
    (tmp_path / FILE).write_text("nonsense")
    with pytest.raises(ValueError, match=r"."):
        Seal.open(tmp_path)
