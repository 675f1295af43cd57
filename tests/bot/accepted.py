"""People who have accepted the rules before a test begins: each member of a loopback Discord, also those who come later.

What asks for the acceptance is tested in tests/bot/moderation; everywhere else it would be in the way.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from bot.loopback.server import Loopback
from bot.loopback.world import Person
from bot.moderation.rules import Rulebook
from bot.store import connect

VERSION = Rulebook().version


class Members(dict[str, Person]):
    """The people of a world; whoever comes in is written down in the databases of its bots."""

    paths: tuple[Path, ...] = ()

    def add(self, path: Path) -> None:
        """One more database."""
        self.paths = (*self.paths, *({path} - set(self.paths)))
        self._write(list(self.values()))

    def __setitem__(self, name: str, person: Person) -> None:
        """Somebody new."""
        super().__setitem__(name, person)
        self._write([person])

    def _write(self, people: list[Person]) -> None:
        rows = [(person.id, VERSION) for person in people]
        for path in filter(Path.exists, self.paths):
            with contextlib.closing(sqlite3.connect(path, timeout=10)) as db, db:
                db.execute("PRAGMA synchronous = OFF")
                db.executemany("INSERT OR IGNORE INTO acceptances (user_id, version, at) VALUES (?, ?, 0)", rows)


def everybody_accepts(discord: Loopback, path: Path) -> None:
    """From now on. `path`: the bot's database, made where there is none."""
    if not path.exists():
        connect(path).close()
    people = discord.world.people
    members = discord.world.people = people if isinstance(people, Members) else Members(people)
    members.add(path)
