"""A database in which two people and two servers have something in every table, by plain SQL."""

import json
import sqlite3
from pathlib import Path

from bot import audit
from bot.flow.job import State
from bot.moderation.herald import POSTED
from bot.store import remember
from tests.bot.rows import insert_in_state

ALICE, BOB = 111_111_111, 222_222_222
KENNEL, ELSEWHERE = 333_333_333, 444_444_444
NOW = 1_000_000.0  # seconds since the epoch, in all rows
JOBS = ("answered", "queued", "rendered", "reported", "dm", "voiced", "lent")
HELLO = {ALICE: "alice says hello", BOB: "bob says hello"}


def jobs_of(person: int) -> dict[str, int]:
    """Ids of a person's jobs, by what became of them."""
    first = person // 111_111_111 * 100
    return {name: first + number for number, name in enumerate(JOBS)}


def name_of(person: int) -> str:
    """What a person's own voice is called."""
    return "Anna's voice" if person == ALICE else "Bert's voice"


def fill(db: sqlite3.Connection, folder: Path) -> None:
    """Everything of everybody. What lies in `folder`: audio."""
    for person in (ALICE, BOB):
        _jobs(db, person, folder)
        _moderation(db, person)
        _own_voice(db, person)
        db.execute("INSERT INTO settings VALUES (?, ?)", (f"u{person}", json.dumps({"language": "de"})))
        voice = db.execute(
            "INSERT INTO voices (user_id, guild_id, name, path, made_at) VALUES (?, ?, 'Grandpa', 'x.npz', ?) RETURNING id",
            (person, KENNEL, NOW),
        ).fetchone()["id"]
        for who in (ALICE, BOB):
            db.execute("INSERT INTO favourites VALUES (?, ?, ?)", (who, f"#{voice}", NOW))
        db.execute("INSERT OR IGNORE INTO meters VALUES (?, 5.0, ?)", (f"u{person}", NOW))
        db.execute("INSERT OR IGNORE INTO meters VALUES (?, 5.0, ?)", (f"g{KENNEL}/u{person}", NOW))
        for flow in (f"g{KENNEL}", f"g{KENNEL}/u{person}", f"u{person}", f"u{person}/u{person}"):
            db.execute("INSERT OR IGNORE INTO flows (flow) VALUES (?)", (flow,))
    for person in (ALICE, BOB):
        _lent(db, person)
    remember(db, POSTED, {str(KENNEL): [NOW, 1]})
    for guild in (KENNEL, ELSEWHERE):
        db.execute("INSERT INTO settings VALUES (?, '{}')", (f"g{guild}",))
        db.execute("INSERT OR IGNORE INTO meters VALUES (?, 5.0, ?)", (f"g{guild}", NOW))
        db.execute("INSERT INTO servers VALUES (?, NULL)", (guild,))
    remember(db, "read aloud", {str(KENNEL): 5, str(ELSEWHERE): 6})


def _jobs(db: sqlite3.Connection, person: int, folder: Path) -> None:
    other = BOB if person == ALICE else ALICE
    states = {"answered": State.ANSWERED, "queued": State.QUEUED, "rendered": State.RENDERED}
    for name, job in jobs_of(person).items():
        guild = None if name == "dm" else KENNEL
        flow = f"u{person}/u{person}" if guild is None else f"g{guild}/u{person}"
        cast = json.dumps({"kind": "dialogue", "cast": {"Ann": "announcer"}})
        values = {"user_id": person, "guild_id": guild, "flow": flow, "options": cast, "received_at": NOW}
        insert_in_state(db, states.get(name, State.ANSWERED), job, text=HELLO[person], **values)
        db.execute("UPDATE jobs SET path = ? WHERE id = ? AND path IS NOT NULL", (str(folder / f"{job}.ogg"), job))
        db.execute("UPDATE jobs SET told_at = ?, token = NULL WHERE id = ? AND told_at IS NOT NULL", (NOW, job))
    jobs = jobs_of(person)
    db.execute(
        "INSERT INTO clips VALUES (?, 1, ?, ?)", (jobs["answered"], str(folder / f"{jobs['answered']}.ogg"), NOW)
    )
    db.execute("INSERT INTO reports VALUES (?, ?, ?)", (jobs["reported"], other, NOW))
    for listener, state in ((person, "waiting"), (other, "played")):
        db.execute(
            "INSERT INTO turns (guild_id, channel_id, text_id, user_id, job, state, added_at) VALUES (?, 1, 2, ?, ?, ?, ?)",
            (KENNEL, listener, jobs["answered"], state, NOW),
        )


def _moderation(db: sqlite3.Connection, person: int) -> None:
    other = BOB if person == ALICE else ALICE
    jobs = jobs_of(person)
    db.execute("INSERT INTO acceptances VALUES (?, '1-x', ?)", (person, NOW))
    db.execute(
        "INSERT INTO questions VALUES (?, ?, '1-y', ?, ?)", (person + 7, person, NOW, json.dumps({"text": "waits"}))
    )
    db.execute("INSERT INTO bans VALUES (?, '', NULL, 'why', ?, ?)", (f"u{person}", other, NOW))
    db.execute("INSERT INTO bans VALUES (?, ?, NULL, 'why', ?, ?)", (f"u{person}", f"g{KENNEL}", other, NOW))
    db.execute("INSERT INTO halts VALUES (?, ?, ?, ?)", (f"g{KENNEL}", f"feature {jobs['dm']}", person, NOW))
    words = "INSERT INTO complaints VALUES (?, ?, ?, 1, 2, ?, 'words', ?)"
    db.execute(words, (person + 8, other, KENNEL, jobs["reported"], NOW))
    db.execute(words, (person + 9, person, KENNEL, None, NOW))
    for name in ("answered", "dm"):
        db.execute("INSERT INTO made VALUES (?, ?, ?)", (jobs[name].to_bytes(32), jobs[name], NOW))
    audit.write(db, NOW, "ban", subject=person, by=other, place=f"g{KENNEL}")


def _own_voice(db: sqlite3.Connection, person: int) -> None:
    """Made for the kennel, and chosen for the other one; an offer of another ceremony."""
    other = BOB if person == ALICE else ALICE
    wishes = json.dumps({"members": [other], "roles": []})
    columns = "id, user_id, guild_id, name, locale, terms, wishes, state, made_at, agreed_at, words, channel_id, challenge_id, answer_id"
    for rite, state in ((f"done-{person:x}", "done"), (f"offer-{person:x}", "offered")):
        values = (rite, person, KENNEL, f"Person {person}", "en", "1:x", wishes, state, NOW, NOW, "a b", person + 1)
        places = (None, None) if state == "offered" else (person // 3, person // 3 + 1)
        db.execute(f"INSERT INTO ceremonies ({columns}) VALUES (?{', ?' * 13})", (*values, *places))
    voice = db.execute(
        "INSERT INTO member_voices (user_id, guild_id, ceremony, name, made_at, until) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (person, KENNEL, f"done-{person:x}", name_of(person), NOW, NOW + 90 * 86400),
    ).fetchone()["id"]
    db.execute("INSERT INTO voice_keys VALUES (?, ?)", (voice, bytes(32)))
    db.execute(
        "INSERT INTO grants (voice, kind, subject, files, speak, given_at, until) VALUES (?, 'member', ?, 1, 1, ?, ?)",
        (voice, other, NOW, NOW + 86400),
    )


def _lent(db: sqlite3.Connection, person: int) -> None:
    """A post with one's own voice, and one with the other's."""
    other = BOB if person == ALICE else ALICE
    jobs = jobs_of(person)
    for name, own in (("voiced", True), ("lent", False)):
        grant, equal = "NULL" if own else "given.id", "=" if own else "<>"
        db.execute(
            f"INSERT INTO job_voices SELECT ?, voice.id, {grant} FROM member_voices voice"
            f" JOIN grants given ON given.voice = voice.id WHERE voice.user_id {equal} ?",
            (jobs[name], person),
        )
        name_used = name_of(person if own else other)
        cast = json.dumps({"kind": "dialogue", "cast": {"Ann": name_used}})
        db.execute("UPDATE jobs SET voice = ?, options = ? WHERE id = ?", (name_used, cast, jobs[name]))
        db.execute(
            "INSERT INTO voice_posts (message_id, channel_id, job, doomed) VALUES (?, 1, ?, 0)",
            (jobs[name], jobs[name]),
        )


def mentions(db: sqlite3.Connection, number: int) -> dict[str, int]:
    """How many rows of each table hold this id, in whatever column and word."""
    found = {}
    tables = [row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        count = sum(any(str(number) in str(value) for value in tuple(row)) for row in rows)
        if count:
            found[table] = count
    return found


def rows_of(db: sqlite3.Connection, number: int) -> list[tuple[object, ...]]:
    """Those rows."""
    tables = [row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = [(table, *row) for table in tables for row in db.execute(f"SELECT * FROM {table}")]
    return [row for row in rows if any(str(number) in str(value) for value in row)]
