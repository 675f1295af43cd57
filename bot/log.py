"""The log: one line an event, on standard error, with secrets taken out wherever they turn up."""

from __future__ import annotations

import logging
import re
import sys

from bot.config import TOKEN_SHAPE
from synth.lines import Lines

# Discord's URLs carry the interaction's token: /webhooks/<application>/<token>, /interactions/<id>/<token>
_FIELD = re.compile(r"""(["']token["']: *["'])[^"']+""")  # in what is sent to Discord and comes from there
_URL = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.%~=+-]{20,}")


def redact(text: str) -> str:
    """The text without bot tokens and interaction tokens."""
    return _FIELD.sub(r"\1[token]", _URL.sub(r"\1[token]", TOKEN_SHAPE.sub("[token]", text)))


class _Formatter(Lines):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def shorten(record: logging.LogRecord) -> bool:
    """A lost connection is one line: discord.py would print its whole traceback at each try."""
    if record.name == "discord.client" and record.exc_info and record.getMessage().startswith("Attempting a reconnect"):
        record.msg, record.args = f"{record.getMessage()} ({record.exc_info[1]})", None
        record.exc_info = record.exc_text = None
    return True


def set_up(level: str) -> None:
    """Send everything from `level` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    handler.addFilter(shorten)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("discord.http", "discord.webhook.async_", "discord.gateway"):
        logging.getLogger(name).setLevel(
            max(logging.INFO, logging.getLevelName(level))
        )  # at DEBUG these log forms and URLs whole
