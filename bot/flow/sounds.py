"""Which speech belongs to which turn: sound that is still being made, or a finished file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from pathlib import Path

from bot.flow import speaker
from bot.flow.speaker import Speech
from bot.flow.turn import Entry
from synth.listener import Listener
from synth.protocol import Sound, take_path

log = logging.getLogger(__name__)


class Growing:
    """A job that is heard while it is made."""

    def __init__(self) -> None:
        self.speech = Speech()
        self._listener: Listener | None = None
        self._known = 0  # packets of this try
        self._same = True  # with what was heard of an earlier one

    def hear(self, sound: Sound) -> None:
        """Reads what is new."""
        if self._listener is None:
            self._listener, self._known = Listener(sound.path), 0
        packets = [packet.data for packet in self._listener.hear(sound.bytes)]
        if self._same:
            self._same = self.speech.put(self._known, packets)
        self._known += len(packets)

    def close(self) -> bool:
        """This try is over. Whether it was the whole."""
        listener, self._listener = self._listener, None
        whole = listener is not None and listener.stream.ended and self._same
        if listener is not None:
            listener.close()
        if whole:
            self.speech.end()
        else:
            self.speech.break_off()
        return whole


class Sounds:
    """The speeches of all turns. Everything but `load`'s reading is done on the event loop."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed`: there may be something new to be heard."""
        self._changed = changed
        self._growing: dict[int, Growing] = {}  # by job
        self._speeches: dict[int, Speech] = {}  # by turn, once it was to be heard

    def hear(self, sound: Sound) -> None:
        """More of a job can be read: to be called as it comes, the file may be about to get its name."""
        self._growing.setdefault(int(sound.job), Growing()).hear(sound)
        self._changed()

    def over(self, job: int) -> None:
        """A try at a job is over, in whatever way; what is to be known of that is written down."""
        growing = self._growing.get(job)
        if growing is not None and growing.close():
            del self._growing[job]  # from now on its file serves
        self._changed()

    def ready(self, entry: Entry) -> bool:
        """Whether this turn can be heard now."""
        speech = self._there(entry)
        return entry.made if speech is None else speech.ready or (entry.made and speech.broken)

    async def of(self, entry: Entry) -> Speech | None:
        """What is to be heard; None where its file is gone."""
        speech = self._there(entry)
        if speech is None or (speech.broken and not speech.heard and entry.made):
            path = take_path(entry.job.path or "", entry.turn.take)
            try:
                speech = await asyncio.to_thread(speaker.load, Path(path))
            except OSError as error:
                log.info("the audio of %r cannot be heard: %s", entry.job, error)
                return None
        self._speeches[entry.turn.id] = speech
        return speech

    def forget(self, turn: int) -> None:
        """It was heard, or will not be."""
        self._speeches.pop(turn, None)

    def keep_only(self, jobs: Collection[int]) -> None:
        """Nobody waits for the others."""
        self._growing = {job: growing for job, growing in self._growing.items() if job in jobs}

    def _there(self, entry: Entry) -> Speech | None:
        speech = self._speeches.get(entry.turn.id)
        growing = self._growing.get(entry.turn.job)
        if speech is None and growing is not None and entry.turn.take == 1:
            return growing.speech
        return speech
