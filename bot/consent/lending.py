"""Member voices for one job: laid open before it is rendered, gone as soon as it is over."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from bot.consent import rites
from bot.consent.standing import Consent
from bot.consent.vault import Damaged, Vault
from bot.flow.job import Job
from bot.store import Store
from synth.process import JobCancelled, JobFailed
from synth.protocol import Reason


class Lender:
    """What the renderer asks for voices."""

    def __init__(self, *, store: Store, consent: Consent, vault: Vault, clock: Callable[[], float]) -> None:
        self._store, self._consent, self._vault, self._clock = store, consent, vault, clock

    @contextlib.asynccontextmanager
    async def lend(self, job: Job) -> AsyncIterator[dict[str, str]]:
        """The files of a job's member voices by name, while the job may use them.

        Raises JobCancelled where it may not, any more; it is written down as cancelled by then. JobFailed for a damaged file.
        """
        if not job.options.cue:
            yield {}
            return
        keys = await self._store.insist(self._keys, job.id)
        if keys is None:
            raise JobCancelled
        files = {name: self._vault.scratch(f"{job.id}-{voice}.npz") for name, (voice, _) in keys.items()}
        try:
            for name, (voice, key) in keys.items():
                await self._lay_open(files[name], voice, key)
            yield {name: str(path) for name, path in files.items()}
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)

    async def _lay_open(self, place: Path, voice: int, key: bytes) -> None:
        try:
            await asyncio.to_thread(self._vault.lay_open, place, voice, key)
        except (Damaged, OSError) as error:
            raise JobFailed(Reason.UNKNOWN_VOICE, str(error)) from error

    def _keys(self, db: sqlite3.Connection, job: int) -> dict[str, tuple[int, bytes]] | None:
        """Name -> voice and key, in the transaction that says that the job may go on."""
        if not self._consent.go_on(db, job, self._clock()):
            return None
        sql = (
            "SELECT voice.name, voice.id FROM job_voices used JOIN member_voices voice ON voice.id = used.voice"
            " WHERE used.job = ?"
        )
        found = {row["name"]: (row["id"], rites.key_of(db, row["id"])) for row in db.execute(sql, (job,)).fetchall()}
        return {name: (voice, key) for name, (voice, key) in found.items() if key is not None}
