"""Any order of what people, the queue and the clock do: after a withdrawal is committed no clip of it is sent, and none stays.

The real rows and the real transactions, on SQLite in memory; what stands between them (a render, an upload) takes as long
as the search wants. A send that was begun before the commit may end after it: then it is deleted.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from bot.consent import grants, member, revoke, rites, standing
from bot.consent.ceremony import Wishes
from bot.consent.grants import Kind
from bot.consent.standing import WITHDRAWN, Consent
from bot.flow import queue
from bot.flow.ask import Ask
from bot.flow.job import Job, State
from bot.flow.options import Options
from bot.schema import MIGRATIONS

GUILD, ROLE, OWNER, FRIEND, SINGER, STRANGER = 1, 77, 10, 11, 12, 13
PEOPLE = (OWNER, FRIEND, SINGER, STRANGER)
HOUR, DAY = 3600.0, 86400.0


def fresh() -> sqlite3.Connection:
    """A database in memory, of the real schema."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    for script in MIGRATIONS:
        db.executescript(script)
    return db


TEMPLATE = fresh().serialize()


@dataclasses.dataclass(kw_only=True)
class Sending:
    """An upload that was begun: the job as it was then."""

    job: Job
    begun: int  # the count of commits at that moment


class Village(RuleBasedStateMachine):
    """One voice after another, of one member."""

    jobs = Bundle("jobs")
    sendings = Bundle("sendings")

    def __init__(self) -> None:
        super().__init__()
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.deserialize(TEMPLATE)
        self.db.execute("PRAGMA foreign_keys = ON")
        self.consent = Consent(on=True)
        self.now, self.ids, self.rites = 1e9, 0, 0
        self.voice: int | None = None
        self.withdrawn: dict[int, set[int]] = {}  # voice -> jobs that use it
        self.visible: dict[int, int] = {}  # message -> job
        self.turn_server(on=True)

    def teardown(self) -> None:
        self.db.close()

    def call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """One transaction, as the store runs it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            result = function(self.db, *args, **kwargs)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return result

    # -- the member and the moderators

    @precondition(lambda self: self.voice is None)
    @rule(
        everybody=st.booleans(),
        role=st.booleans(),
        files=st.booleans(),
        speak=st.booleans(),
        days=st.sampled_from((1, 7, 90)),
    )
    def enrol(self, *, everybody: bool, role: bool, files: bool, speak: bool, days: int) -> None:
        self.rites += 1
        rite = f"rite {self.rites}"
        wishes = Wishes(
            members=(FRIEND,), roles=(ROLE,) if role else (), everybody=everybody, files=files, speak=speak, days=days
        )

        def make(db: sqlite3.Connection) -> int:
            db.execute(
                "INSERT INTO ceremonies (id, user_id, guild_id, name, locale, terms, wishes, state, made_at, agreed_at, words,"
                " challenge_id, answer_id) VALUES (?, ?, ?, 'Ann', 'en', '1:x', ?, 'hearing', ?, ?, 'a', 1, ?)",
                (rite, OWNER, GUILD, wishes.to_json(), self.now, self.now, self.rites),
            )
            made = rites.passed(db, rite, self.now)
            assert made is not None
            rites.keep_key(db, made.id, bytes(32))
            member.noticed(db, made.id, 5, self.now)
            return made.id

        self.voice = self.call(make)

    @precondition(lambda self: self.voice is not None)
    @rule(why=st.sampled_from(("owner", "moderator", "privacy")))
    def withdraw(self, why: str) -> None:
        assert self.voice is not None
        uses = {row["job"] for row in self.db.execute("SELECT job FROM job_voices WHERE voice = ?", (self.voice,))}
        assert self.call(revoke.end_voice, self.voice, why, self.now) is not None
        self.withdrawn[self.voice], self.voice = uses, None

    @precondition(lambda self: self.voice is not None)
    @rule(kind=st.sampled_from(tuple(Kind)), files=st.booleans(), speak=st.booleans(), days=st.sampled_from((1, 30)))
    def grant(self, kind: Kind, *, files: bool, speak: bool, days: int) -> None:
        subject = {Kind.MEMBER: FRIEND, Kind.ROLE: ROLE, Kind.SERVER: GUILD}[kind]
        voice = member.of_user(self.db, OWNER)
        assert voice is not None
        self.call(grants.give, voice, (kind, subject), Wishes(files=files, speak=speak, days=days), self.now)

    @precondition(lambda self: self.voice is not None)
    @rule(which=st.integers(0, 5))
    def take_away(self, which: int) -> None:
        given = grants.of_voice(self.db, self.voice or 0)
        if given:
            self.call(revoke.end_grant, self.voice, given[which % len(given)].id, self.now)

    @precondition(lambda self: self.voice is not None)
    @rule(on=st.booleans())
    def report(self, *, on: bool) -> None:
        self.call(member.hold, self.voice, on=on)

    @rule(on=st.booleans())
    def turn_server(self, *, on: bool) -> None:
        value = json.dumps({"member_voices": on, "log_channel": 9})
        self.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (f"g{GUILD}", value))

    @rule(hours=st.sampled_from((0.1, 1.0, 25.0, 24.0 * 40)))
    def wait(self, hours: float) -> None:
        self.now += hours * HOUR

    @rule()
    def keep(self) -> None:
        """The keeper's round: terms, and messages that have to go."""
        self.call(revoke.overdue, self.now)
        if member.of_user(self.db, OWNER) is None:
            self.voice = None
        self.tidy()

    def tidy(self) -> None:
        for row in self.db.execute(
            "SELECT message_id FROM voice_posts WHERE doomed = 1 AND gone_at IS NULL"
        ).fetchall():
            self.visible.pop(row["message_id"], None)
            self.db.execute("UPDATE voice_posts SET gone_at = ? WHERE message_id = ?", (self.now, row["message_id"]))

    # -- a job

    @rule(target=jobs, who=st.sampled_from(PEOPLE), direct=st.booleans(), speak=st.booleans())
    def ask(self, who: int, *, direct: bool, speak: bool) -> Any:
        self.ids += 1
        ask = Ask(
            id=self.ids,
            application_id=1,
            token="t",
            user_id=who,
            guild_id=None if direct else GUILD,
            channel_id=3,
            size_limit=10**7,
            text="hello",
            voice="ann's VOICE",
            seed=1,
            options=Options(speak_in=4 if speak and not direct else None),
            role_ids=frozenset({ROLE}) if who == SINGER else frozenset(),
        )

        def admit(db: sqlite3.Connection) -> bool:
            judged = self.consent.judge(db, ask, self.now)
            if judged.refused or not judged.used:
                return False
            assert who == OWNER or judged.used[0][1] is not None
            assert who != STRANGER or "server" in {grant.kind for grant in grants.of_voice(db, self.voice or 0)}
            queue.insert(
                db,
                id=ask.id,
                application_id=1,
                token="t",
                user_id=who,
                guild_id=ask.guild_id,
                channel_id=3,
                size_limit=10**7,
                text="hello",
                voice=judged.ask.voice,
                seed=1,
                options=judged.ask.options.to_json(),
                flow=queue.flow_of(ask.guild_id, who),
                estimate=1.0,
                received_at=self.now,
                state=State.RECEIVED,
            )
            standing.admitted(db, ask.id, judged)
            return True

        return ask.id if self.call(admit) else multiple()

    @rule(job=jobs)
    def accept(self, job: int) -> None:
        self.call(queue.accept, job, self.now)

    @rule()
    def render(self) -> None:
        """Claim, and lay the voices open: not for a voice that has ended."""
        job = self.call(queue.claim, f"life {self.ids}", self.now)
        if job is not None and self.call(self.consent.go_on, job.id, self.now):
            used = {row["voice"] for row in self.db.execute("SELECT voice FROM job_voices WHERE job = ?", (job.id,))}
            assert not used & set(self.withdrawn)
            assert all(rites.key_of(self.db, voice) for voice in used)

    @rule(job=jobs)
    def finish(self, job: int) -> None:
        found = queue.get(self.db, job)
        if found is not None and found.state is State.RENDERING:
            self.call(
                queue.rendered,
                found,
                path="p",
                voice=found.voice,
                seconds=1.0,
                took=1.0,
                cost=1.0,
                model="m",
                now=self.now,
            )

    @rule(target=sendings, job=jobs)
    def begin_to_send(self, job: int) -> Any:
        """The outbox, up to the moment at which the upload begins."""
        found = queue.get(self.db, job)
        if found is None or found.state is not State.RENDERED:
            return multiple()
        if not self.call(self.consent.go_on, job, self.now):
            return multiple()
        assert all(job not in uses for uses in self.withdrawn.values()), "a send begins after the withdrawal"
        return found

    @rule(sending=sendings)
    def sent(self, sending: Job) -> None:
        """Discord has the message, and says so; perhaps long after."""
        self.ids += 1
        message = 1000 + self.ids
        self.visible[message] = sending.id

        def write(db: sqlite3.Connection) -> bool:
            if not self.consent.posted(db, sending, (3, message), self.now):
                return False
            queue.told(db, sending.id, self.now)
            return True

        if not self.call(write):
            self.tidy()  # the keeper is woken

    # -- what always holds

    @invariant()
    def nothing_of_a_withdrawn_voice_is_left(self) -> None:
        for voice, uses in self.withdrawn.items():
            assert rites.key_of(self.db, voice) is None
            rows = self.db.execute(
                "SELECT id, state FROM jobs WHERE id IN (SELECT job FROM job_voices WHERE voice = ?)", (voice,)
            ).fetchall()
            assert {row["state"] for row in rows} <= {"received", "queued", "rendering", "cancelled", "answered"}
            doomed = {
                row["message_id"]
                for row in self.db.execute("SELECT message_id FROM voice_posts WHERE doomed = 1 AND gone_at IS NULL")
            }
            assert {message for message, job in self.visible.items() if job in uses} <= doomed

    @invariant()
    def what_was_cancelled_says_why(self) -> None:
        reasons = {row["reason"] for row in self.db.execute("SELECT reason FROM jobs WHERE state = 'cancelled'")}
        assert reasons <= {WITHDRAWN}


Village.TestCase.settings = settings(
    max_examples=1000,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Village.TestCase
