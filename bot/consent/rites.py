"""Ceremonies in the store: each step is one transaction that looks at what is written down, decides, and writes."""

from __future__ import annotations

import sqlite3

from bot.consent import ceremony as rules
from bot.consent import grants, member
from bot.consent.ceremony import Answer, Ceremony, Pressed, State, Wishes
from bot.consent.member import MemberVoice
from bot.consent.record import note

Outcome = Ceremony | str  # the ceremony as it is now, or the reason why nothing changed
STAYS_OPEN = frozenset(
    {"not-yours", "used", "not-spoken", "not-one-file", "too-large", "length"}
)  # another answer may do


def offer(
    db: sqlite3.Connection, *, rite: str, user_id: int, guild_id: int, name: str, locale: str, terms: str, now: float
) -> Outcome:
    """A page is about to be shown. Not to somebody who has a voice."""
    if member.of_user(db, user_id) is not None:
        return "has-voice"
    db.execute(
        "INSERT INTO ceremonies (id, user_id, guild_id, name, locale, terms, wishes, state, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'offered', ?)",
        (rite, user_id, guild_id, name, locale, terms, Wishes().to_json(), now),
    )
    return _must(db, rite)


def placed(db: sqlite3.Connection, rite: str, page_id: int) -> None:
    """The page is this message."""
    db.execute("UPDATE ceremonies SET page_id = ? WHERE id = ? AND page_id IS NULL", (page_id, rite))


def get(db: sqlite3.Connection, rite: str) -> Ceremony | None:
    """A ceremony by its id."""
    row = db.execute("SELECT * FROM ceremonies WHERE id = ?", (rite,)).fetchone()
    return None if row is None else Ceremony.from_row(row)


def _must(db: sqlite3.Connection, rite: str) -> Ceremony:
    return Ceremony.from_row(db.execute("SELECT * FROM ceremonies WHERE id = ?", (rite,)).fetchone())


def choose(db: sqlite3.Connection, rite: str, press: Pressed, wishes: Wishes) -> Outcome:
    """Something was chosen on the page."""
    known = get(db, rite)
    if reason := rules.cannot_choose(known, press):
        return reason
    db.execute("UPDATE ceremonies SET wishes = ? WHERE id = ?", (wishes.to_json(), rite))
    return _must(db, rite)


def decline(db: sqlite3.Connection, rite: str, press: Pressed) -> Outcome:
    """No."""
    if reason := rules.cannot_choose(get(db, rite), press):
        return reason
    db.execute("UPDATE ceremonies SET state = 'declined' WHERE id = ?", (rite,))
    return _must(db, rite)


def agree(db: sqlite3.Connection, rite: str, press: Pressed, words: tuple[str, ...]) -> Outcome:
    """I agree: the ceremony gets its words. An earlier challenge that nobody answered is over."""
    known, user = get(db, rite), press.user_id
    since = press.now - rules.DAY
    lately = "SELECT count(*) FROM ceremonies WHERE user_id = ? AND agreed_at > ?"
    hearing = "SELECT 1 FROM ceremonies WHERE user_id = ? AND state = 'hearing'"
    full = Pressed(
        user_id=user,
        guild_id=press.guild_id,
        page_id=press.page_id,
        now=press.now,
        lately=db.execute(lately, (user, since)).fetchone()[0],
        busy=db.execute(hearing, (user,)).fetchone() is not None,
        has_voice=member.of_user(db, user) is not None,
    )
    if reason := rules.cannot_agree(known, full):
        return reason
    db.execute(
        "UPDATE ceremonies SET state = 'failed', reason = 'late' WHERE user_id = ? AND state = 'challenged'", (user,)
    )
    db.execute(
        "UPDATE ceremonies SET state = 'challenged', agreed_at = ?, words = ? WHERE id = ?",
        (press.now, " ".join(words), rite),
    )
    agreed = _must(db, rite)
    note(db, press.now, "consent-agreed", user, ceremony=rite, guild=agreed.guild_id, terms=agreed.terms)
    return agreed


def challenged(db: sqlite3.Connection, rite: str, channel_id: int, message_id: int) -> None:
    """The words were sent: the time runs."""
    db.execute("UPDATE ceremonies SET channel_id = ?, challenge_id = ? WHERE id = ?", (channel_id, message_id, rite))


def fail(db: sqlite3.Connection, rite: str, reason: str, now: float) -> None:
    """It came to nothing."""
    sql = "UPDATE ceremonies SET state = 'failed', reason = ? WHERE id = ? AND state IN ('challenged', 'hearing') RETURNING user_id"
    row = db.execute(sql, (reason, rite)).fetchone()
    if row is not None:
        note(db, now, "consent-failed", row["user_id"], ceremony=rite, reason=reason)


def unsent(db: sqlite3.Connection, rite: str, now: float) -> None:
    """The words could not be sent: this was no challenge, and does not count as one."""
    fail(db, rite, "closed", now)
    db.execute("UPDATE ceremonies SET agreed_at = NULL WHERE id = ? AND challenge_id IS NULL", (rite,))


def waiting(db: sqlite3.Connection, user_id: int) -> Ceremony | None:
    """The one that waits for this person's answer."""
    row = db.execute("SELECT * FROM ceremonies WHERE user_id = ? AND state = 'challenged'", (user_id,)).fetchone()
    return None if row is None else Ceremony.from_row(row)


def answer(
    db: sqlite3.Connection, given: Answer, hosts: frozenset[str], now: float
) -> tuple[Ceremony, str | None] | None:
    """A direct message: the ceremony it is for and why it is no answer; None for the reason: it is heard now. None: for none."""
    known = waiting(db, given.author_id)
    if known is None:
        return None
    reason = rules.cannot_hear(known, given, hosts)
    if reason is None:
        db.execute("UPDATE ceremonies SET state = 'hearing', answer_id = ? WHERE id = ?", (given.id, known.id))
    elif reason not in STAYS_OPEN:
        fail(db, known.id, reason, now)
    return _must(db, known.id), reason


def passed(db: sqlite3.Connection, rite: str, now: float) -> MemberVoice | None:
    """It is done, and there is a voice, with the grants that were chosen. None: it is no longer under way."""
    known = get(db, rite)
    if known is None or known.state is not State.HEARING or member.of_user(db, known.user_id) is not None:
        return None
    db.execute("UPDATE ceremonies SET state = 'done' WHERE id = ?", (rite,))
    voice = member.make(db, known, now)
    given = grants.give_all(db, voice, known.wishes, now)
    note(db, now, "voice-made", voice.user_id, voice=voice.id, ceremony=rite, guild=voice.guild_id, grants=len(given))
    return voice


def keep_key(db: sqlite3.Connection, voice: int, key: bytes) -> None:
    """What a voice's file is encrypted with."""
    db.execute("INSERT INTO voice_keys VALUES (?1, sealed('voice_keys.key/' || ?1, ?2))", (voice, key))


def key_of(db: sqlite3.Connection, voice: int) -> bytes | None:
    """The key of a voice; None: it has ended."""
    row = db.execute("SELECT voice, key FROM voice_keys WHERE voice = ?", (voice,)).fetchone()
    return None if row is None else bytes(row["key"])


def recover(db: sqlite3.Connection, now: float) -> list[Ceremony]:
    """At the start: those that an earlier life was hearing. Their recordings are gone with it."""
    rows = db.execute("SELECT * FROM ceremonies WHERE state = 'hearing'").fetchall()
    for row in rows:
        fail(db, row["id"], "restart", now)
    return [Ceremony.from_row(row) for row in rows]
