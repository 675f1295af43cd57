"""The rules that everybody accepts once: their version, who accepted them, and what waits until somebody does.

What was asked for is kept beside the rules that were shown, for as long as the interaction's token lives: an acceptance
makes it at once. The buttons name only that row, so they work after a restart, and accept what was shown, not what holds now.
All functions with a `db` take the connection that `Store.call` hands them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Self

from bot import audit, texts
from bot.errors import ConfigError
from bot.flow.ask import Ask
from bot.flow.job import TOKEN_LIFE
from bot.flow.options import Options
from bot.texts import say

NUMBER = 1  # of the rules in bot/texts.py: to be raised when their sense changes
LONGEST = 1000  # characters of an operator's own rules: they share a message with ours
SHORT = 8  # characters of the hash that people see
SHOWN_FOR = 30 * 86_400.0  # seconds that a question may wait for its answer


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Rulebook:
    """The rules; `house`: the operator's own, in their words. `ask` False: nobody is asked to accept them."""

    house: str = ""
    ask: bool = True

    def __post_init__(self) -> None:
        if len(self.house) > LONGEST:
            raise ConfigError(
                f"The rules in guard.rules have {len(self.house)} characters; {LONGEST} are the most. Shorten them."
            )

    @classmethod
    def of(cls, path: str, *, ask: bool) -> Self:
        """With an operator's file; '' is none. ConfigError where it cannot be read, or is too long."""
        try:
            house = Path(path).read_text(encoding="utf-8").strip() if path else ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The rules in guard.rules ({path}) cannot be read: {error}.") from error
        return cls(house=house, ask=ask)

    @property
    def version(self) -> str:
        """Its number and the SHA-256 of the English text: another text is another version."""
        text = f"{texts.RULES}\n{self.house}"
        return f"{NUMBER}-{hashlib.sha256(text.encode()).hexdigest()}"

    def shown(self, *, held: bool) -> str:
        """The text in the reader's language, with its version; `held`: what they asked for waits."""
        house, short = f"{self.house}\n" if self.house else "", self.version.partition("-")[2][:SHORT]
        waits = say(texts.RULES_WAITS) if held else ""
        return say(texts.RULES_SHOWN, rules=say(texts.RULES), house=house, number=NUMBER, hash=short, waits=waits)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What was asked for, to be asked again as the answer to a press. `token`: of the interaction that showed the rules."""

    text: str = dataclasses.field(repr=False)
    voice: str | None
    seed: int
    options: Options
    token: str = dataclasses.field(repr=False)

    @classmethod
    def of(cls, ask: Ask) -> Self | None:
        """What of an ask has to be kept; None where nobody waits for it."""
        if ask.token is None:
            return None
        return cls(text=ask.text, voice=ask.voice, seed=ask.seed, options=ask.options, token=ask.token)

    def to_json(self) -> str:
        """For the table."""
        return json.dumps({**dataclasses.asdict(self), "options": self.options.to_json()})

    @classmethod
    def from_json(cls, content: str) -> Self:
        """What `to_json` wrote."""
        values = json.loads(content)
        return cls(**{**values, "options": Options.from_json(values["options"])})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Rules that were shown to somebody. `held` None: nothing waits, or it has waited too long."""

    user_id: int
    version: str
    held: Held | None


def accepted(db: sqlite3.Connection, user_id: int, version: str) -> bool:
    """Whether this person has accepted this version."""
    sql = "SELECT 1 FROM acceptances WHERE user_id = ? AND version = ?"
    return db.execute(sql, (user_id, version)).fetchone() is not None


def accept(db: sqlite3.Connection, user_id: int, version: str, now: float) -> bool:
    """Write the acceptance down. False if it was there."""
    sql = "INSERT INTO acceptances (user_id, version, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    fresh = db.execute(sql, (user_id, version, now)).rowcount == 1
    if fresh:
        audit.write(db, now, "rules-accepted", subject=user_id, version=version)
    return fresh


def show(db: sqlite3.Connection, number: int, question: Question, now: float) -> None:
    """Remember that the rules are shown, as the answer to an interaction of this id, and what was asked for."""
    tidy(db, now)
    held = None if question.held is None else question.held.to_json()
    db.execute(
        "INSERT INTO questions (id, user_id, version, at, held)"
        " VALUES (:id, :user, :version, :at, sealed('questions.held/' || :id, :held)) ON CONFLICT DO NOTHING",
        {"id": number, "user": question.user_id, "version": question.version, "at": now, "held": held},
    )


def asked(db: sqlite3.Connection, user_id: int, version: str) -> bool:
    """Whether this person was asked before and has not answered."""
    sql = "SELECT 1 FROM questions WHERE user_id = ? AND version = ?"
    return db.execute(sql, (user_id, version)).fetchone() is not None


def question(db: sqlite3.Connection, number: int, now: float) -> Question | None:
    """What was shown under this id; None: it is not known any more."""
    tidy(db, now)
    row = db.execute("SELECT id, user_id, version, held FROM questions WHERE id = ?", (number,)).fetchone()
    if row is None:
        return None
    held = None if row["held"] is None else Held.from_json(row["held"])
    return Question(user_id=row["user_id"], version=row["version"], held=held)


def answered(db: sqlite3.Connection, number: int, *, forget: bool) -> None:
    """What waits here is taken out, or with `forget` all of the question."""
    if forget:
        db.execute("DELETE FROM questions WHERE id = ?", (number,))
    else:
        db.execute("UPDATE questions SET held = NULL WHERE id = ?", (number,))


def tidy(db: sqlite3.Connection, now: float) -> None:
    """Let go of what has waited too long."""
    db.execute("UPDATE questions SET held = NULL WHERE held IS NOT NULL AND at <= ?", (now - TOKEN_LIFE,))
    db.execute("DELETE FROM questions WHERE at <= ?", (now - SHOWN_FOR,))
