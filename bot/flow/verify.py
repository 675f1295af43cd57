"""`/bark verify` and `barkbot verify`: what a clip tells of where it comes from, in words that promise no more than that."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from bot import texts
from bot.flow import made
from bot.flow.check import clean
from bot.flow.made import Made
from bot.store import Store
from bot.texts import say
from synth import bounded, verify
from synth.credentials import Credential
from synth.verify import Findings, Found

MOST_BYTES = 16 << 20  # more than anybody may upload who does not pay for it
AT_ONCE = 2  # children that look at clips; one more waits for one of them
WAITING = 8  # people who wait: more are asked to come again
SMALLEST = 1e-99  # of a probability that is shown


class Busy(Exception):
    """So many clips are looked at that this one would wait too long, or one of this person's."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is known of a file: whether it was made here, and what is in it. `unreadable` says why nothing is."""

    made: Made | None
    findings: Findings | None
    unreadable: bounded.Unreadable | None = None


class Verifier:
    """Looks at clips, some at a time."""

    def __init__(
        self,
        *,
        find: Callable[[bytes, str], Awaitable[Made | None]],
        certificate: Path,
        keys: Callable[[], Sequence[bytes]],
    ) -> None:
        """`find`: a file by its digest and name; `certificate`: the chain that is signed with; `keys`: of watermarks."""
        self._find, self._certificate, self._keys = find, certificate, keys
        self._room, self._waiting = asyncio.Semaphore(AT_ONCE), set[int]()

    @contextlib.asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[None]:
        """A place for this person, in which their file is fetched and looked at: files wait where they are. Busy."""
        if user_id in self._waiting or len(self._waiting) >= WAITING:
            raise Busy
        self._waiting.add(user_id)
        try:
            async with self._room:
                yield
        finally:
            self._waiting.discard(user_id)

    async def look(self, data: bytes, filename: str) -> Verdict:
        """At a file's bytes. ConfigError, OSError where a key or certificate cannot be read."""
        known = await self._find(await asyncio.to_thread(made.digest, data), filename)
        own, keys = await asyncio.to_thread(self._papers)
        try:
            return Verdict(made=known, findings=await verify.examine(data, own=own, keys=keys))
        except bounded.Unreadable as error:
            return Verdict(made=known, findings=None, unreadable=error)

    def _papers(self) -> tuple[bytes | None, Sequence[bytes]]:
        there = self._certificate.is_file()
        return self._certificate.read_bytes() if there else None, self._keys()


def from_store(store: Store) -> Callable[[bytes, str], Awaitable[Made | None]]:
    """Finds files in the bot's own store."""

    async def find(known: bytes, filename: str) -> Made | None:
        return await store.call(made.find, known, filename)

    return find


def from_file(path: Path) -> Callable[[bytes, str], Awaitable[Made | None]]:
    """Finds them beside a bot that may be running: reads its database, and makes none. sqlite3.Error."""

    def look(known: bytes, filename: str) -> Made | None:
        if not path.is_file():
            return None
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            return made.find(database, known, filename)
        finally:
            database.close()

    async def find(known: bytes, filename: str) -> Made | None:
        return await asyncio.to_thread(look, known, filename)

    return find


def report(verdict: Verdict) -> str:
    """The verdict as people read it."""
    lines = [_origin(verdict.made)] if verdict.made else []
    findings = verdict.findings
    if findings is None:
        late = isinstance(verdict.unreadable, bounded.TimedOut)
        return "\n".join([*lines, say(texts.VERIFY_TOO_HARD) if late else say(texts.VERIFY_NOT_AUDIO)])
    lines += [_mark(findings.mark), _credential(findings), _tags(findings)]
    if findings.seconds >= verify.LISTENED - 1:
        lines.append(say(texts.VERIFY_LISTENED, length=texts.duration(findings.seconds)))
    if not verdict.made and not _points_here(findings):
        lines.append(say(texts.VERIFY_NO_PROOF))
    return "\n".join(lines)


def _origin(known: Made) -> str:
    return say(texts.VERIFY_MADE if known.same else texts.VERIFY_NAMED, when=round(known.at))


def _mark(mark: Found | None) -> str:
    if mark is None or not mark.found:
        return say(texts.VERIFY_NO_MARK)
    return say(texts.VERIFY_MARK if mark.own else texts.VERIFY_PUBLIC_MARK, p=chance(mark.p))


def chance(p: float) -> str:
    """A probability, however small."""
    return f"{max(p, SMALLEST):.0e}"


def _credential(findings: Findings) -> str:
    credential = findings.credential
    if not findings.readable:
        return say(texts.VERIFY_CREDENTIAL_UNREAD)
    if credential is None:
        return say(texts.VERIFY_NO_CREDENTIAL)
    if not credential.valid:
        return say(texts.VERIFY_CREDENTIAL_BROKEN)
    if credential.own:
        return say(texts.VERIFY_CREDENTIAL_OWN)
    return _others(credential)


def _others(credential: Credential) -> str:
    template = texts.VERIFY_CREDENTIAL_AI if credential.made_by_ai else texts.VERIFY_CREDENTIAL
    return say(template, signer=clean(credential.signer) or "?")


def _tags(findings: Findings) -> str:
    return say(texts.VERIFY_TAGGED if findings.tagged else texts.VERIFY_NOT_TAGGED)


def _points_here(findings: Findings) -> bool:
    credential, mark = findings.credential, findings.mark
    says_so = credential is not None and credential.valid and (credential.own or credential.made_by_ai)
    return says_so or findings.tagged or (mark is not None and mark.found)
