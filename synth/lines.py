"""The log as lines that cannot be forged: one event begins one line, and holds nothing that a terminal obeys. Standard library only."""

from __future__ import annotations

import logging

LONGEST = 4000  # characters of a line
MARGIN = "    "  # before what goes on: no event begins like that


class Lines(logging.Formatter):
    """An event's message is one line, whatever was put into it; its traceback follows, set off."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The message: line breaks in it are written out."""
        return shown(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The message and its traceback."""
        first, *more = super().format(record).split("\n")
        return "\n".join([first, *(MARGIN + shown(line) for line in more)])


def shown(text: str) -> str:
    """A text on one line, not too long: control characters, directions and half characters are written out, as Python does."""
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
        )
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
