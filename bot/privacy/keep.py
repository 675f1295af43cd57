"""How long things are kept."""

from __future__ import annotations

import dataclasses

HOUR, DAY = 3600.0, 86_400.0  # seconds


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """In seconds. Texts and clips count from the answer, jobs too; servers from the removal of the bot."""

    text: float = 24 * HOUR
    clips: float = 24 * HOUR
    jobs: float = 30 * DAY
    reports: float = 365 * DAY
    servers: float = 7 * DAY
    consent: float = 365 * DAY  # from the end of a member's own voice, or of a grant
    ceremonies: float = 30 * DAY  # that came to nothing
