"""Secrets never reach the log, and one event stays one line of printable text."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import log

URL_SAFE = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=40, max_size=200)


@given(URL_SAFE)
def test_interaction_tokens_are_taken_out_of_urls(token: str) -> None:
    for path in ("/api/v10/webhooks/123456/", "/api/v10/interactions/99/"):
        line = log.redact(f"PATCH https://discord.com{path}{token}/messages/@original has returned 200")
        assert line == f"PATCH https://discord.com{path}[token]/messages/@original has returned 200"


@given(URL_SAFE)
def test_tokens_are_taken_out_of_payloads(token: str) -> None:
    """As discord.py would log them, were it let."""
    for line in (
        f'{{"t":"INTERACTION_CREATE","d":{{"token":"{token}","type":2}}}}',
        f"{{'token': '{token}', 'op': 0}}",
    ):
        assert token not in log.redact(line)
        assert "[token]" in log.redact(line)


def test_bot_tokens_are_taken_out_everywhere() -> None:
    token = "MTAwMDAwMDAwMDAwMDAwMDAw" + ".GabcDe." + "x" * 38
    assert token not in log.redact(f"Authorization: Bot {token}")


def test_a_lost_connection_is_one_line() -> None:
    error = ConnectionResetError("by peer")
    lost = logging.LogRecord(
        "discord.client", logging.ERROR, "", 0, "Attempting a reconnect in %.2fs", (1.5,), (type(error), error, None)
    )
    log.shorten(lost)
    assert logging.Formatter().format(lost) == "Attempting a reconnect in 1.50s (by peer)"


def test_a_logged_traceback_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    token = "MTAwMDAwMDAwMDAwMDAwMDAw" + ".GabcDe." + "x" * 38
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    try:
        log.set_up("DEBUG")
        error = ValueError(f"cannot use {token}")
        logging.getLogger("somewhere").error("it broke \x1b[31mred\x00", exc_info=error)
        written = capsys.readouterr().err
    finally:
        root.handlers[:], root.level = kept
    assert "it broke" in written
    assert token not in written
    assert "\x1b" not in written
