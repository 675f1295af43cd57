"""The queue of record: every step of a job as one transaction. All functions take the connection that `Store.call` hands them.

Order: start-time fair queueing on two levels. Each server (each person, in direct messages) has a flow, and each member a flow
within it. Work is given to the flow that has received least; a flow that comes back from being idle starts at the present
virtual time, so that it neither jumps far ahead nor pays for having been away. Someone who asks for 200 texts waits for them;
the others do not.
"""

from __future__ import annotations

import collections
import heapq
import sqlite3
from collections.abc import Iterable
from typing import Any

from bot.flow import made, stage
from bot.flow.job import Job, State
from bot.sealing import COLUMNS

EVERYTHING = ""  # the flow above all servers
MAX_DEATHS = 3  # synth processes a job may take with it before it is put aside
MAX_RESTARTS = 6  # lives of the bot

# What a halt (moderation/halts.py) keeps waiting; `halts.touches` says the same.
_HALTED = """EXISTS (
        SELECT 1 FROM halts WHERE halts.place IN ('', 'g' || job.guild_id) AND (
            halts.feature IN ('', coalesce(job.options ->> 'kind', 'say'))
            OR (halts.feature = 'voice' AND job.options ->> 'speak_in' IS NOT NULL)
            OR (halts.feature = 'long' AND job.options ->> 'long' AND coalesce(job.options ->> 'kind', 'say') = 'say')))"""

_FAIR = f"""
    SELECT job.id FROM jobs job
    JOIN flows outer_flow ON outer_flow.flow = substr(job.flow, 1, instr(job.flow || '/', '/') - 1)
    JOIN flows inner_flow ON inner_flow.flow = job.flow
    WHERE job.state = 'queued' AND NOT {_HALTED}
    ORDER BY outer_flow.served, outer_flow.flow, inner_flow.served, job.queued_at, job.id
"""


def flow_of(guild_id: int | None, user_id: int) -> str:
    """The flow of a member in a server, or of a person in direct messages."""
    return f"g{guild_id}/u{user_id}" if guild_id is not None else f"u{user_id}/u{user_id}"


def outer_of(flow: str) -> str:
    """The flow above this one: the server, or the person in direct messages."""
    return flow.partition("/")[0]


def insert(db: sqlite3.Connection, **columns: Any) -> bool:
    """A new row, `received` or `refused`. False if this interaction is known already (a replayed event)."""
    names = ", ".join(columns)
    holes = ", ".join(f"sealed('jobs.{name}/' || :id, :{name})" if name in COLUMNS else f":{name}" for name in columns)
    return db.execute(f"INSERT OR IGNORE INTO jobs ({names}) VALUES ({holes})", columns).rowcount == 1


def drop(db: sqlite3.Connection, job: int) -> None:
    """Forget a received job: Discord says that the interaction belongs to somebody else."""
    db.execute("DELETE FROM jobs WHERE id = ? AND state = 'received'", (job,))


def accept(db: sqlite3.Connection, job: int, now: float) -> bool:
    """received -> queued: Discord took the deferred reply. False if it was no longer `received`."""
    row = db.execute(
        "UPDATE jobs SET state = 'queued', queued_at = ? WHERE id = ? AND state = 'received' RETURNING *", (now, job)
    ).fetchone()
    if row is None:
        return False
    _join(db, row["flow"])
    stage.add_for(db, Job.from_row(row), now)
    return True


def _join(db: sqlite3.Connection, flow: str) -> None:
    """Lift a flow that was idle to the present virtual time of its level; make it if it is new."""
    outer = outer_of(flow)
    for level, name, pattern in ((EVERYTHING, outer, f"{outer}/*"), (outer, flow, flow)):
        db.execute("INSERT OR IGNORE INTO flows (flow) VALUES (?)", (level,))
        db.execute("INSERT OR IGNORE INTO flows (flow) VALUES (?)", (name,))
        busy = db.execute(
            "SELECT count(*) FROM jobs WHERE flow GLOB ? AND state IN ('queued', 'rendering')", (pattern,)
        ).fetchone()[0]
        if busy <= 1:  # the job that is joining
            db.execute(
                "UPDATE flows SET served = max(served, (SELECT clock FROM flows WHERE flow = ?)) WHERE flow = ?",
                (level, name),
            )


def _charge(db: sqlite3.Connection, flow: str, seconds: float) -> None:
    outer = outer_of(flow)
    db.execute("UPDATE flows SET served = served + ? WHERE flow IN (?, ?)", (seconds, outer, flow))


def claim(db: sqlite3.Connection, lease: str, now: float) -> Job | None:
    """queued -> rendering: the next job in fair order, for this life of the bot. None if nothing waits."""
    row = db.execute(
        f"UPDATE jobs SET state = 'rendering', lease = ?, started_at = ? WHERE id = ({_FAIR} LIMIT 1) RETURNING *",
        (lease, now),
    ).fetchone()
    if row is None:
        return None
    job = Job.from_row(row)
    outer = outer_of(job.flow)
    db.execute("UPDATE flows SET clock = (SELECT served FROM flows WHERE flow = ?) WHERE flow = ?", (outer, EVERYTHING))
    db.execute("UPDATE flows SET clock = (SELECT served FROM flows WHERE flow = ?) WHERE flow = ?", (job.flow, outer))
    _charge(db, job.flow, job.estimate)
    return job


def rendered(
    db: sqlite3.Connection,
    job: Job,
    *,
    path: str,
    voice: str | None,
    seconds: float,
    took: float,
    cost: float,
    model: str,
    now: float,
    hashes: Iterable[bytes] = (),
) -> bool:
    """rendering -> rendered: the file is complete. The flow pays what the work really cost."""
    changed = db.execute(
        "UPDATE jobs SET state = 'rendered', lease = NULL, path = ?, voice = ?, seconds = ?, took = ?, model = ?, settled_at = ?"
        " WHERE id = ? AND state = 'rendering'",
        (path, voice, seconds, took, model, now, job.id),
    ).rowcount
    if changed:
        _charge(db, job.flow, cost - job.estimate)
        made.remember(db, job.id, hashes, now)
    return changed == 1


def fail(db: sqlite3.Connection, job: int, reason: str, now: float) -> bool:
    """rendering or rendered -> failed: this job cannot be done or delivered."""
    sql = "UPDATE jobs SET state = 'failed', lease = NULL, reason = ?, settled_at = ? WHERE id = ? AND state IN ('rendering', 'rendered')"
    return db.execute(sql, (reason, now, job)).rowcount == 1


def cancel(db: sqlite3.Connection, job: int, now: float, *, told: bool = False, reason: str | None = None) -> bool:
    """queued or rendering -> cancelled. `told`: nobody waits for words about it (the message was deleted)."""
    sql = (
        "UPDATE jobs SET state = 'cancelled', lease = NULL, settled_at = ?, reason = ?"
        " WHERE id = ? AND state IN ('queued', 'rendering')"
    )
    done = db.execute(sql, (now, reason, job)).rowcount == 1
    if done and told:
        db.execute("UPDATE jobs SET told_at = ?, token = NULL WHERE id = ?", (now, job))
    return done


def died(db: sqlite3.Connection, job: int, now: float) -> State:
    """The synth process died while this job was rendered: it goes again, or is put aside after `MAX_DEATHS`."""
    return _again(db, job, "deaths", MAX_DEATHS, now)


def interrupted(db: sqlite3.Connection, job: int, now: float) -> State:
    """The same for a life of the bot, which seldom ends by a job's doing: machines are switched off, sessions vanish."""
    return _again(db, job, "restarts", MAX_RESTARTS, now)


def _again(db: sqlite3.Connection, job: int, count: str, most: int, now: float) -> State:
    last = f"{count} + 1 >= {most}"
    db.execute(
        f"UPDATE jobs SET {count} = {count} + 1, lease = NULL, settled_at = iif({last}, ?, NULL),"
        f" reason = iif({last}, 'deaths', NULL), state = iif({last}, 'quarantined', 'queued') WHERE id = ? AND state = 'rendering'",
        (now, job),
    )
    return _back(db, job)


def give_back(db: sqlite3.Connection, job: int) -> None:
    """rendering -> queued, at no fault of the job: the bot is being stopped, or the kill switch was pressed."""
    sql = "UPDATE jobs SET state = 'queued', lease = NULL, started_at = NULL WHERE id = ? AND state = 'rendering'"
    if db.execute(sql, (job,)).rowcount:
        _back(db, job)


def lost(db: sqlite3.Connection, job: int) -> None:
    """rendered -> queued: the finished file is gone."""
    db.execute(
        "UPDATE jobs SET state = 'queued', path = NULL, seconds = NULL, settled_at = NULL WHERE id = ? AND state = 'rendered'",
        (job,),
    )


def _back(db: sqlite3.Connection, job: int) -> State:
    """Return what the flow paid for work that was not finished."""
    row = db.execute("SELECT flow, estimate, state FROM jobs WHERE id = ?", (job,)).fetchone()
    if row is None:  # deleted meanwhile, with all else of its person or server
        return State.CANCELLED
    _charge(db, row["flow"], -row["estimate"])
    return State(row["state"])


def recover(db: sqlite3.Connection, now: float) -> list[Job]:
    """At the start: what an earlier life left `rendering` goes again. Returns what it left `received`, to be looked up at Discord."""
    for row in db.execute("SELECT id FROM jobs WHERE state = 'rendering'").fetchall():
        interrupted(db, row["id"], now)
    return [Job.from_row(row) for row in db.execute("SELECT * FROM jobs WHERE state = 'received' ORDER BY id")]


def outbox(db: sqlite3.Connection) -> list[Job]:
    """Jobs whose asker has not been told the outcome."""
    sql = "SELECT * FROM jobs WHERE told_at IS NULL AND state IN ('rendered', 'failed', 'cancelled', 'quarantined') ORDER BY settled_at, id"
    return [Job.from_row(row) for row in db.execute(sql)]


def sending(db: sqlite3.Connection, job: int, now: float) -> None:
    """Remember, before the first try, that a message that cannot be replaced is being sent."""
    db.execute("UPDATE jobs SET send_at = ? WHERE id = ? AND send_at IS NULL", (now, job))


def told(db: sqlite3.Connection, job: int, now: float) -> bool:
    """The asker has the outcome: rendered -> answered, other outcomes keep their state. The token is of no more use.

    False if that was written down before, or the job was deleted meanwhile.
    """
    done = db.execute(
        "UPDATE jobs SET state = iif(state = 'rendered', 'answered', state), told_at = ?, token = NULL WHERE id = ? AND told_at IS NULL",
        (now, job),
    )
    return done.rowcount == 1


def expire(db: sqlite3.Connection, job: int, reason: str, now: float) -> None:
    """There is nowhere left to deliver to."""
    db.execute(
        "UPDATE jobs SET state = iif(state IN ('queued', 'rendered'), 'expired', state), reason = coalesce(reason, ?),"
        " settled_at = coalesce(settled_at, ?), told_at = ?, token = NULL WHERE id = ? AND told_at IS NULL",
        (reason, now, now, job),
    )


def get(db: sqlite3.Connection, job: int) -> Job | None:
    """One job by its id."""
    row = db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
    return None if row is None else Job.from_row(row)


def waiting(db: sqlite3.Connection) -> bool:
    """Whether there is anything to claim."""
    sql = f"SELECT 1 FROM jobs job WHERE state = 'queued' AND NOT {_HALTED} LIMIT 1"
    return db.execute(sql).fetchone() is not None


def newest(db: sqlite3.Connection, user: int) -> Job | None:
    """The last text of this person that was not refused and is still kept; what was only read aloud does not count."""
    row = db.execute(
        "SELECT * FROM jobs WHERE user_id = ? AND state NOT IN ('received', 'refused')"
        " AND text <> '' AND options ->> 'quiet' IS NULL ORDER BY id DESC LIMIT 1",
        (user,),
    ).fetchone()
    return None if row is None else Job.from_row(row)


def line(db: sqlite3.Connection) -> list[Job]:
    """The jobs being rendered, then the waiting ones in the order in which they would be claimed if nothing else came."""
    running = [
        Job.from_row(row) for row in db.execute("SELECT * FROM jobs WHERE state = 'rendering' ORDER BY started_at")
    ]
    waiting = {
        row["id"]: Job.from_row(row)
        for row in db.execute("SELECT * FROM jobs WHERE state = 'queued' ORDER BY queued_at, id")
    }
    served = {row["flow"]: row["served"] for row in db.execute("SELECT flow, served FROM flows")}
    return running + [waiting[job] for job in fair_order(list(waiting.values()), served)]


def fair_order(waiting: list[Job], served: dict[str, float]) -> list[int]:
    """The ids of `waiting` (oldest first) in the order of claims, given what each flow has received: what `claim` does, ahead of time."""
    lines: dict[str, collections.deque[Job]] = {}
    for job in waiting:
        lines.setdefault(job.flow, collections.deque()).append(job)
    members: dict[str, list[tuple[float, float, int, str]]] = {}  # heaps of (served, oldest job, flow) by outer flow
    for flow, jobs in lines.items():
        members.setdefault(outer_of(flow), []).append((served[flow], jobs[0].queued_at or 0.0, jobs[0].id, flow))
    for heap in members.values():
        heapq.heapify(heap)
    outers = [(served[outer], outer) for outer in members]
    heapq.heapify(outers)
    order: list[int] = []
    while outers:
        outer_served, outer = heapq.heappop(outers)
        inner_served, _, _, flow = heapq.heappop(members[outer])
        job = lines[flow].popleft()
        order.append(job.id)
        if lines[flow]:
            oldest = lines[flow][0]
            heapq.heappush(members[outer], (inner_served + job.estimate, oldest.queued_at or 0.0, oldest.id, flow))
        if members[outer]:
            heapq.heappush(outers, (outer_served + job.estimate, outer))
    return order
