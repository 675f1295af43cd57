"""What a custom id says: an action, a job, and where it matters a take."""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Self

PREFIX = "bark:"
TEMPLATE = re.compile(r"bark:(?P<action>[a-z]+):(?P<job>[0-9]{1,19})(?::(?P<take>[0-9]))?")
LARGEST_ID = 2**63 - 1  # of a job in the database; Discord's ids are below it too


class Action(enum.StrEnum):
    """What a button does. The words are in messages that live for ever: they may be added to, not changed."""

    AGAIN = "again"
    VARY = "vary"
    EDIT = "edit"
    PLAY = "play"
    MORE = "more"
    KEEP = "keep"
    BUBBLE = "bubble"
    SOUNDBOARD = "soundboard"
    DETAILS = "details"
    DELETE = "delete"
    REPORT = "report"
    SURE = "sure"  # the second press of a report
    CANCEL = "cancel"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A custom id as values. `take` None: the answer as a whole."""

    action: Action
    job: int
    take: int | None = None

    @classmethod
    def parse(cls, custom_id: str) -> Self | None:
        """The values, or None where it is no custom id of ours."""
        found = TEMPLATE.fullmatch(custom_id)
        if found is None or found["action"] not in set(Action) or int(found["job"]) > LARGEST_ID:
            return None
        take = int(found["take"]) if found["take"] else None
        return cls(action=Action(found["action"]), job=int(found["job"]), take=take)

    def __str__(self) -> str:
        """The custom id."""
        return f"{PREFIX}{self.action}:{self.job}" + ("" if self.take is None else f":{self.take}")
