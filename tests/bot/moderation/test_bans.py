"""Bans: who may decide them, what they end, and what they keep out."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord as dpy
import pytest

from bot import audit, texts
from bot.app import DATABASE
from bot.config import GuardSection
from bot.flow import intake, queue
from bot.flow.job import State
from bot.loopback.commands import Refused
from bot.loopback.faults import Fault
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.world import MODERATOR, Permissions
from bot.moderation import bans
from bot.moderation.bans import Ban
from bot.moderation.powers import Operators, Powers, those_of
from bot.moderation.warden import Warden
from bot.store import connect
from tests.bot.commands.scene import scene_in
from tests.bot.ears import ears_in
from tests.bot.harness import bot_on
from tests.bot.rows import insert_in_state

FAR = 4e9  # seconds since the epoch


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / DATABASE)
    yield connection
    connection.close()


def a_ban(who: str = "u1", place: str = "g2", **values: Any) -> Ban:
    return Ban(**{"who": who, "place": place, "until": None, "reason": "", "made_by": 9, "at": 10.0, **values})


def states(db: sqlite3.Connection) -> dict[int, tuple[str, str | None]]:
    return {row["id"]: (row["state"], row["reason"]) for row in db.execute("SELECT * FROM jobs")}


async def admin(discord: Loopback, name: str, *path: str, dm: bool = False, **options: Any) -> str:
    """What `/bark-admin` answers, in private."""
    exchange = await discord.user(name).slash("bark-admin", *path, dm=dm, **options)
    message = await exchange.until(lambda message: message.content)
    assert message.ephemeral
    return message.content


async def refused(discord: Loopback, name: str, *path: str, dm: bool = False, **options: Any) -> str:
    """What `/bark` answers to somebody who may not."""
    exchange = await discord.user(name).slash("bark", *path, dm=dm, **options)
    message: Message = await exchange.until(lambda message: message.ephemeral and message.content)
    return message.content


# -- what is written down ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ban", "held"),
    [
        (a_ban("u1", "g2"), {(1, 2)}),
        (a_ban("u1", ""), {(1, 2), (1, 3), (1, None)}),
        (a_ban("g2", ""), {(1, 2), (4, 2)}),
        (a_ban("u1", "g2", until=11.0), {(1, 2)}),
        (a_ban("u1", "g2", until=10.0), set()),
        (a_ban("u12", ""), set()),
    ],
)
def test_a_ban_holds_where_it_is_made(db: sqlite3.Connection, ban: Ban, held: set[tuple[int, int | None]]) -> None:
    bans.add(db, ban)
    asked = [(user, guild) for user in (1, 4) for guild in (2, 3, None)]
    assert {who for who in asked if bans.holding(db, *who, 10.0)} == held


def test_a_ban_ends_what_is_in_line_made_or_finished_in_the_same_transaction(db: sqlite3.Connection) -> None:
    for number, (state, values) in enumerate(
        [
            ("queued", {}),
            ("rendering", {}),
            ("rendered", {}),
            ("answered", {}),
            ("queued", {"guild_id": 3, "flow": "g3/u1"}),
            ("queued", {"user_id": 5, "flow": "g2/u5"}),
            ("rendered", {"guild_id": None, "flow": "u1/u1"}),
        ],
        start=1,
    ):
        insert_in_state(db, state, job=number, **values)
    for number, state in ((1, "waiting"), (2, "playing"), (6, "waiting")):
        user = 5 if number == 6 else 1
        db.execute(
            "INSERT INTO turns (guild_id, channel_id, text_id, user_id, job, state, added_at) VALUES (2, 3, 3, ?, ?, ?, 1)",
            (user, number, state),
        )
    caught = bans.add(db, a_ban("u1", "g2"))
    assert sorted(caught.jobs) == [1, 2, 3]
    assert sorted(turn.job for turn in caught.turns) == [1, 2]
    gone = {1: ("cancelled", "banned"), 2: ("cancelled", "banned"), 3: ("failed", "banned")}
    left = {4: ("answered", None), 5: ("queued", None), 6: ("queued", None), 7: ("rendered", None)}
    assert states(db) == gone | left
    assert sorted(bans.add(db, a_ban("u1", "")).jobs) == [5, 7]
    assert bans.add(db, a_ban("g2", "")).jobs == (6,)
    assert not queue.waiting(db)
    kinds = [(row.kind, row.subject == audit.known_as(db, 1)) for row in audit.rows(db)]
    assert kinds == [("ban", True), ("ban", True), ("ban", False)]


def test_a_ban_is_changed_by_another_and_lifted_once(db: sqlite3.Connection) -> None:
    bans.add(db, a_ban(reason="spam"))
    bans.add(db, a_ban(until=FAR, at=11.0))
    assert [(ban.until, ban.reason) for ban in bans.listed(db, "g2", 12.0)] == [(FAR, "")]
    assert bans.listed(db, "", 12.0) == []
    assert bans.lift(db, "u1", "g2", 9, 12.0)
    assert not bans.lift(db, "u1", "g2", 9, 12.0)
    assert [row.kind for row in audit.rows(db)] == ["ban", "ban", "unban"]
    assert "spam" not in "".join(row.details for row in audit.rows(db))
    with pytest.raises(sqlite3.IntegrityError):
        bans.add(db, a_ban("g2", "g3"))


def test_what_was_on_its_way_in_when_its_asker_was_banned_is_not_made(db: sqlite3.Connection) -> None:
    insert_in_state(db, "received")
    bans.add(db, a_ban())
    job = queue.get(db, 1)
    assert job is not None
    intake._take_in(db, job, 11.0)
    assert states(db) == {1: ("cancelled", "banned")}


# -- who may -----------------------------------------------------------------------------------------------------------


def powers(*, moderator: bool = False, operator: bool = False, guild: int | None = 2) -> Powers:
    return Powers(user_id=9, guild_id=guild, moderator=moderator, operator=operator)


@pytest.mark.parametrize(
    ("who", "everywhere", "place"),
    [
        (powers(moderator=True), False, "g2"),
        (powers(operator=True), False, "g2"),
        (powers(operator=True), True, ""),
        (powers(operator=True, guild=None), False, ""),
        (powers(moderator=True), True, texts.OPERATORS_ONLY),
        (powers(), False, texts.READ_MODERATORS),
        (powers(), True, texts.OPERATORS_ONLY),
        (powers(guild=None), False, texts.OPERATORS_ONLY),
    ],
)
def test_moderators_decide_for_their_server_and_operators_for_all(who: Powers, everywhere: bool, place: str) -> None:  # noqa: FBT001
    if " " not in place:
        assert who.place(everywhere=everywhere) == place
    else:
        with pytest.raises(ValueError, match=place):
            who.place(everywhere=everywhere)


@pytest.mark.parametrize(
    ("member", "server", "words"),
    [
        (None, None, texts.BAN_WHOM),
        (1, "5", texts.BAN_WHOM),
        (9, None, texts.BAN_NOT_THEM),
        (7, None, texts.BAN_NOT_THEM),
        (None, "x", texts.BAN_NO_ID),
        (None, "٣", texts.BAN_NO_ID),
    ],
)
def test_who_cannot_be_banned(member: int | None, server: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        powers(operator=True).whom(member, server, everywhere=False, me=7)


def test_a_server_is_banned_everywhere() -> None:
    assert powers(operator=True).whom(None, "5", everywhere=False, me=7) == ("g5", "")
    with pytest.raises(ValueError, match="those who run me"):
        powers(moderator=True).whom(None, "5", everywhere=False, me=7)


def app_info(team: dict[str, Any] | None) -> dpy.AppInfo:
    """As Discord describes an application; nothing is asked for over the network."""
    user = {"id": "1", "username": "owner", "discriminator": "0", "avatar": None, "global_name": None}
    data: Any = {
        "id": "7", "name": "barkbot", "description": "", "icon": None, "rpc_origins": [], "bot_public": True,
        "bot_require_code_grant": False, "owner": user, "summary": "", "verify_key": "", "flags": 0, "team": team,
    }  # fmt: skip
    client = dpy.Client(intents=dpy.Intents.none())
    return dpy.AppInfo(client._connection, data)


def test_operators_are_the_owner_or_the_team_but_for_who_may_only_look() -> None:
    def member(number: int, state: int, role: str) -> dict[str, Any]:
        user = {"id": str(number), "username": "x", "discriminator": "0", "avatar": None, "global_name": None}
        return {"user": user, "membership_state": state, "team_id": "8", "role": role}

    people = [member(2, 2, "admin"), member(3, 2, "developer"), member(4, 2, "read_only"), member(5, 1, "developer")]
    team = {"id": "8", "name": "team", "icon": None, "owner_user_id": "2", "members": people}
    assert those_of(app_info(None)) == {1}
    assert those_of(app_info(team)) == {2, 3}


async def test_discord_is_asked_seldom_who_runs_the_bot_and_without_its_answer_nobody_new_does() -> None:
    asked, now = [0], [0.0]

    async def fetch() -> dpy.AppInfo:
        asked[0] += 1
        if asked[0] == 2:
            raise OSError("no network")
        return app_info(None)

    operators = Operators(fetch, lambda: now[0], known_for=600)
    assert [await operators.has(1), await operators.has(2), asked] == [True, False, [1]]
    now[0] = 601
    assert [await operators.has(1), await operators.has(2), asked] == [True, False, [3]]


# -- as people see it --------------------------------------------------------------------------------------------------


async def test_a_banned_member_is_kept_out_of_one_server_and_told_whom_to_ask(tmp_path: Path) -> None:
    async with scene_in(tmp_path, None) as scene:
        discord, app = scene.discord, scene.app
        mallory, morgan = discord.user("mallory"), discord.user("morgan", permissions=MODERATOR)
        await app._book.change_server(discord.guild_id, log_channel=discord.second)
        answer = await scene.answered("mallory")
        await scene.keep(int(answer.nonce or 0))
        at_hand = await mallory.slash("bark", "say", text="hold")
        await at_hand.until(lambda message: "%" in message.content)
        in_line = await mallory.slash("bark", "say", text="two")
        await in_line.until(lambda message: message.content)

        words = await admin(discord, "morgan", "ban", member=mallory.person, hours=5, reason="spam")
        assert words == f"<@{mallory.id}> may not use me here for 5 h. Ended: 2."
        for exchange in (at_hand, in_line):
            await exchange.until(lambda message: message.content == texts.CANCELLED_BY_MODERATOR)
        jobs = [job for job in await scene.jobs() if job.id in (at_hand.id, in_line.id)]
        assert {(job.state, job.reason) for job in jobs} == {(State.CANCELLED, "banned")}
        (notice,) = await discord.until(lambda: discord.channel_messages(discord.second))
        assert notice.content == f"<@{morgan.id}>: {words}"
        assert notice.pings == ()

        told = await refused(discord, "mallory", "say", text="hello")
        assert "on this server until <t:" in told
        assert "Reason: spam. Its moderators decided that" in told
        assert "on this server" in await refused(discord, "mallory", "join")
        again = await scene.private(await scene.press("mallory", answer, "Again"))
        assert "on this server" in again.content
        for label in ("Keep voice", "Voice message", "▶ Play in voice"):
            assert "on this server" in await scene.refused("mallory", answer, label)
        direct = await mallory.slash("bark", "say", text="elsewhere", dm=True)
        await direct.until(lambda message: message.attachments)
        assert f"<@{mallory.id}> until <t:" in await admin(discord, "morgan", "bans")
        assert "spam" in await admin(discord, "morgan", "bans")
        await scene.app._office.erase(discord.user("morgan").id)
        assert "by ?" in await admin(discord, "morgan", "bans")
        assert "again" in await admin(discord, "morgan", "unban", member=mallory.person)
        assert await admin(discord, "morgan", "bans") == texts.BANS_NONE
        assert "no such ban" in await admin(discord, "morgan", "unban", member=mallory.person)
        free = await mallory.slash("bark", "say", text="hello")
        await free.until(lambda message: message.attachments)
        kinds = [row.kind for row in await app._store.call(audit.last, 9)]
        assert kinds == ["unban", "ban"]


async def test_what_is_finished_and_not_delivered_is_withheld(tmp_path: Path) -> None:
    edit = "PATCH /webhooks/{application}/{token}/messages/@original"
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        mallory = discord.user("mallory")
        exchange = await mallory.slash("bark", "say", text="hold")
        await exchange.until(lambda message: "%" in message.content)
        discord.faults.add(Fault.server_error(503, edit, times=None))
        (app._audio / f"{exchange.id}.go").touch()
        async with asyncio.timeout(10):
            while (job := await app._store.call(queue.get, exchange.id)) and job.state is not State.RENDERED:  # noqa: ASYNC110 - a row has no event
                await asyncio.sleep(0)
        await discord.until(lambda: discord.faults.struck)
        place = bans.server(discord.guild_id)
        await app._marshal.ban(bans.person(mallory.id), place, by=1, hours=None, reason="")
        discord.faults.clear()
        await exchange.until(lambda message: message.content == texts.FAILED["banned"])
        assert not any(message.attachments for message in exchange.messages)


async def test_an_operator_bans_people_everywhere_and_whole_servers(tmp_path: Path) -> None:
    guard = GuardSection(contact="help@example.org")
    async with Loopback() as discord, bot_on(discord, tmp_path, guard=guard):
        mallory = discord.user("mallory")
        discord.user("owner", permissions=Permissions.MANAGE_GUILD)
        assert await admin(discord, "mallory", "bans", dm=True) == texts.OPERATORS_ONLY
        words = await admin(discord, "owner", "ban", member=mallory.person, everywhere=True)
        assert words == f"<@{mallory.id}> may not use me wherever I am for good. Ended: 0."
        for dm in (False, True):
            told = await refused(discord, "mallory", "say", text="hello", dm=dm)
            assert told.endswith("Those who run me decided that; to object, ask help@example.org.")
        await admin(discord, "owner", "unban", member=mallory.person, everywhere=True)
        await admin(discord, "owner", "ban", dm=True, server=str(discord.guild_id), reason="raids")
        assert f"server {discord.guild_id}" in await admin(discord, "owner", "bans", dm=True)
        told = await refused(discord, "alice", "say", text="hello")
        assert told.startswith("This server may not use me. Reason: raids.")
        free = await discord.user("alice").slash("bark", "say", text="hello", dm=True)
        await free.until(lambda message: message.attachments)


async def test_the_group_is_checked_here_too_not_only_by_discord(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path) as app:
        bob = discord.user("bob")
        with pytest.raises(Refused, match="permissions"):
            await discord.user("alice").slash("bark-admin", "bans")
        _, group, *_ = discord.commands.all(None)
        group["default_member_permissions"] = None  # whoever runs a server can let everybody see the command
        for path, options in (
            ("ban", {"member": bob.person}),
            ("unban", {"member": bob.person}),
            ("bans", {}),
            ("halt", {}),
            ("resume", {}),
            ("audit", {}),
            ("ban", {"member": bob.person, "everywhere": True}),
            ("halt", {"everywhere": True}),
            ("audit", {"everywhere": True}),
        ):
            assert await admin(discord, "alice", path, **options) in (texts.READ_MODERATORS, texts.OPERATORS_ONLY)
        moderator = discord.user("morgan", permissions=MODERATOR)
        for path, options in (("ban", {"member": bob.person}), ("ban", {"server": "5"}), ("halt", {}), ("audit", {})):
            everywhere = {} if "server" in options else {"everywhere": True}
            assert await admin(discord, moderator.name, path, **options, **everywhere) == texts.OPERATORS_ONLY
        assert await app._store.call(audit.head) == audit.Head()


async def test_what_a_banned_person_wanted_to_be_heard_is_not(tmp_path: Path) -> None:
    async with ears_in(tmp_path) as ears:
        discord = ears.discord
        mallory = discord.user("mallory")
        discord.user("morgan", permissions=MODERATOR)
        ears.sit("mallory")
        first = await mallory.slash("bark", "play", text="hold")
        await first.until(lambda message: "%" in message.content)
        ears.go(first)
        await ears.turns("playing")
        await (await mallory.slash("bark", "play", text="hold")).acknowledged()
        await ears.turns("playing", "waiting")
        await admin(discord, "morgan", "ban", member=mallory.person)
        await ears.turns("skipped", "dropped")


async def test_a_standing_needs_no_memory(tmp_path: Path) -> None:
    async with Loopback() as discord:
        mallory = discord.user("mallory")
        discord.user("morgan", permissions=MODERATOR)
        async with bot_on(discord, tmp_path):
            await admin(discord, "morgan", "ban", member=mallory.person)
        async with bot_on(discord, tmp_path) as app:
            assert "on this server" in await refused(discord, "mallory", "say", text="hello")
            standing = await app._store.call(Warden().standing, mallory.id, discord.guild_id, 0.0)
            assert standing.ban is not None
