"""Any order of what people, the queue and the clock do: after a withdrawal is committed no clip of it is sent, and none stays.

The real rows and the real transactions, on SQLite in memory; what stands between them (a render, an upload) takes as long
as the search wants. A send that was begun before the commit may end after it: then it is deleted.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot import audit, sealing
from bot.consent import grants, member, revoke, rites, standing
from bot.consent.ceremony import Wishes
from bot.consent.grants import Kind
from bot.consent.standing import WITHDRAWN, Consent
from bot.flow import queue
from bot.flow.ask import Ask
from bot.flow.job import Job, State
from bot.flow.options import Options
from bot.privacy.erase import erase
from bot.privacy.keep import Keep
from bot.privacy.retention import sweep
from bot.schema import MIGRATIONS
from bot.vault import PLAIN

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
WISHES = st.builds(
    Wishes,
    members=st.just((FRIEND,)),
    roles=st.sampled_from(((), (ROLE,))),
    everybody=st.booleans(),
    files=st.booleans(),
    speak=st.booleans(),
    days=st.sampled_from((7, 30, 90)),
)


class Village(RuleBasedStateMachine):
    """One voice after another, of one member. A rule is enabled where there is something for it to do."""

    def __init__(self) -> None:
        super().__init__()
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        sealing.attach(self.db, PLAIN)
        self.db.create_function("pseudonym", 2, audit.called)
        self.db.deserialize(TEMPLATE)
        self.db.execute("PRAGMA foreign_keys = ON")
        self.consent = Consent(on=True)
        self.now, self.ids, self.rites = 1e9, 0, 0
        self.voice: int | None = None
        self.withdrawn: dict[int, set[int]] = {}  # voice -> jobs that use it
        self.visible: dict[int, int] = {}  # message -> job
        self.uploads: dict[int, Job] = {}  # begun, and not known to have ended: the jobs as they were then
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

    @initialize(wishes=WISHES)
    def begin(self, wishes: Wishes) -> None:
        self.enrol(wishes, later=True)

    @precondition(lambda self: self.voice is None)
    @rule(wishes=WISHES, later=st.booleans())
    def enrol_again(self, wishes: Wishes, *, later: bool) -> None:
        self.enrol(wishes, later=later)

    def enrol(self, wishes: Wishes, *, later: bool) -> None:
        """A ceremony that was passed, and its notice; `later`: the quarantine is over."""
        self.rites += 1
        rite = f"rite-{self.rites}"

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
        self.now += 25 * HOUR if later else 0.0

    @precondition(lambda self: self.voice is not None)
    @rule(why=st.sampled_from(("owner", "moderator", "privacy")))
    def withdraw(self, why: str) -> None:
        assert self.voice is not None
        uses = {row["job"] for row in self.db.execute("SELECT job FROM job_voices WHERE voice = ?", (self.voice,))}
        assert self.call(revoke.end_voice, self.voice, why, self.now) is not None
        self.withdrawn[self.voice], self.voice = uses, None

    @rule(who=st.sampled_from((OWNER, SINGER, FRIEND)))
    def forget(self, who: int) -> None:
        """Somebody deletes everything: whose voice it is, or who used it."""
        voice = self.voice or 0
        uses = {row["job"] for row in self.db.execute("SELECT job FROM job_voices WHERE voice = ?", (voice,))}
        self.call(erase, who, self.now, Keep())
        assert [row["id"] for row in self.db.execute("SELECT id FROM member_voices WHERE user_id = ?", (who,))] == []
        assert self.db.execute("SELECT 1 FROM grants WHERE subject = ?", (who,)).fetchone() is None
        if who == OWNER and self.voice is not None:
            self.withdrawn[self.voice], self.voice = uses, None

    @precondition(lambda self: self.voice is not None)
    @rule(
        what=st.sampled_from(("give", "take", "report", "clear", "off", "on")),
        kind=st.sampled_from(Kind),
        wishes=WISHES,
    )
    def change(self, what: str, kind: Kind, wishes: Wishes) -> None:
        """Grants, reports, and the server's switch."""
        voice = member.get(self.db, self.voice or 0)
        assert voice is not None
        match what:
            case "give":
                subject = {Kind.MEMBER: FRIEND, Kind.ROLE: ROLE, Kind.SERVER: GUILD}[kind]
                self.call(grants.give, voice, (kind, subject), wishes, self.now)
            case "take":
                for grant in grants.of_voice(self.db, voice.id)[:1]:
                    self.call(revoke.end_grant, voice.id, grant.id, self.now)
            case "report" | "clear":
                self.call(member.hold, voice.id, on=what == "report")
            case _:
                self.turn_server(on=what == "on")

    def turn_server(self, *, on: bool) -> None:
        value = json.dumps({"member_voices": on, "log_channel": 9})
        self.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (f"g{GUILD}", value))

    @rule(hours=st.sampled_from((0.1, 1.0, 25.0, 24.0 * 8)))
    def wait_and_keep(self, hours: float) -> None:
        """Time passes, and the keeper makes its round: terms, and messages that have to go."""
        for job in list(self.uploads) if hours >= 1 else ():  # no upload takes so long
            self.sent(self.uploads.pop(job))
        self.now += hours * HOUR
        self.call(revoke.overdue, self.now)
        self.call(sweep, self.now, Keep())
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

    @rule(
        who=st.sampled_from((OWNER, *PEOPLE)),
        direct=st.sampled_from((False, False, True)),
        speak=st.booleans(),
        steps=st.integers(0, 4),
    )
    def ask(self, who: int, *, direct: bool, speak: bool, steps: int) -> None:
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
        if self.call(self.admit, ask):
            self.go_on(0, steps)

    def admit(self, db: sqlite3.Connection, ask: Ask) -> bool:
        """What the intake does; whether there is a job."""
        judged, who = self.consent.judge(db, ask, self.now), ask.user_id
        if judged.refused or not judged.used:
            return False
        given = {grant.kind for grant in grants.of_voice(db, judged.used[0][0])}
        assert who == OWNER or (judged.used[0][1] is not None and ask.guild_id == GUILD)
        assert who != STRANGER or Kind.SERVER in given
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

    @precondition(lambda self: self.open())
    @rule(which=st.integers(0, 3), steps=st.integers(1, 5))
    def go_on(self, which: int, steps: int) -> None:
        """One of the open jobs goes some steps further; the others wait where they are."""
        job = self.open()[-1 - which % len(self.open())]
        for _ in range(steps):
            state = self.call(queue.get, job).state
            {State.RECEIVED: self.accept, State.QUEUED: self.render, State.RENDERING: self.finish}.get(
                state, self.send
            )(job)

    def open(self) -> list[int]:
        """Those that are not over, and those that were being sent when they were."""
        states = "('received', 'queued', 'rendering', 'rendered')"
        found = {row["id"] for row in self.db.execute(f"SELECT id FROM jobs WHERE state IN {states}")}
        return sorted(found | set(self.uploads))

    def accept(self, job: int) -> None:
        self.call(queue.accept, job, self.now)

    def render(self, _: int) -> None:
        """Claim what is next, and lay its voices open: not for a voice that has ended."""
        claimed = self.call(queue.claim, "life", self.now)
        if self.call(self.consent.go_on, claimed.id, self.now):
            used = {
                row["voice"] for row in self.db.execute("SELECT voice FROM job_voices WHERE job = ?", (claimed.id,))
            }
            assert not used & set(self.withdrawn)
            assert all(rites.key_of(self.db, voice) for voice in used)

    def finish(self, number: int) -> None:
        job = queue.get(self.db, number)
        assert job is not None
        self.call(
            queue.rendered, job, path="p", voice=job.voice, seconds=1.0, took=1.0, cost=1.0, model="m", now=self.now
        )

    def send(self, number: int) -> None:
        """The outbox: up to the moment at which an upload begins; or to its end, perhaps long after."""
        job = queue.get(self.db, number)
        if number in self.uploads:
            self.sent(self.uploads.pop(number))
        elif job is not None and job.state is State.RENDERED and self.call(self.consent.go_on, number, self.now):
            assert all(number not in uses for uses in self.withdrawn.values()), "a send begins after the withdrawal"
            self.uploads[number] = job

    def sent(self, job: Job) -> None:
        """Discord has the message, and says so."""
        message = 1000 + job.id

        def write(db: sqlite3.Connection) -> bool:
            if not self.consent.posted(db, job, (3, message), self.now):
                return False
            queue.told(db, job.id, self.now)
            return True

        self.visible[message] = job.id
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
            assert {row["state"] for row in rows} <= {
                "received",
                "queued",
                "rendering",
                "cancelled",
                "answered",
                "expired",
            }
            doomed = {
                row["message_id"]
                for row in self.db.execute("SELECT message_id FROM voice_posts WHERE doomed = 1 AND gone_at IS NULL")
            }
            assert {message for message, job in self.visible.items() if job in uses} <= doomed

    @invariant()
    def what_was_cancelled_says_why(self) -> None:
        reasons = {row["reason"] for row in self.db.execute("SELECT reason FROM jobs WHERE state = 'cancelled'")}
        assert reasons <= {WITHDRAWN, None}  # None: taken back by who asked, with everything


Village.TestCase.settings = settings(
    max_examples=1000,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Village.TestCase
