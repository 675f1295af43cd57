"""What the audit trail is told of member voices. The one place that knows how it is kept."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

log = logging.getLogger(__name__)


def note(db: sqlite3.Connection, now: float, kind: str, user_id: int, **facts: Any) -> None:  # noqa: ARG001 - the trail's
    """One entry, in the transaction that it is about. `facts` hold no texts and no names."""
    log.info("%s: user %d %s", kind, user_id, facts)
