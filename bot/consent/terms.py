"""What a member agrees to: the text, its version, and a hash that is kept with each consent."""

from __future__ import annotations

import hashlib

from bot import texts
from bot.texts import say

VERSION = 1  # of the English text and so of its translations; a test knows the hash that belongs to it
DEFAULT_DAYS, MOST_DAYS = 90, 180
DAYS = (7, 30, DEFAULT_DAYS, MOST_DAYS)  # that can be chosen


def text(server: str) -> str:
    """The terms in the language of the task at hand."""
    return say(texts.CONSENT_TERMS, server=server, most=MOST_DAYS)


def mark(terms: str) -> str:
    """Version and SHA-256 of what somebody reads, as it is kept: "1:3fa9..."."""
    return f"{VERSION}:{hashlib.sha256(terms.encode()).hexdigest()}"


def current(kept: str) -> bool:
    """Whether what was read is of the version that holds now."""
    return kept.partition(":")[0] == str(VERSION)
