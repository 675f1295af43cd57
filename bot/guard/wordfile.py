"""The operator's word file: a word or phrase on each line; lines with # are comments, where its licence stands."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bot.errors import ConfigError
from bot.guard.listed import usable

LARGEST = 1 << 20  # bytes
SHORTEST, LONGEST = 2, 40  # characters of a word or phrase, as for the servers' lists
MOST = 20_000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WordFile:
    """What stands in it."""

    words: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


def read(path: str) -> WordFile:
    """The file; nothing where none is named. ConfigError names what is wrong with it."""
    if not path:
        return WordFile()
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
        lines = content.decode("utf-8", "strict" if len(content) <= LARGEST else "ignore").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"The word list {path} ([guard] words) cannot be read: {error}.") from error
    if len(content) > LARGEST or len(lines) > MOST:
        raise ConfigError(f"The word list {path} is too long: {MOST} lines and {LARGEST >> 20} MB are the most.")
    for number, line in enumerate(lines, 1):
        if not _fits(line.strip()):
            raise ConfigError(
                f"Line {number} of the word list {path} is no word or phrase of {SHORTEST} to {LONGEST} characters."
            )
    stripped = [line.strip() for line in lines]
    return WordFile(
        words=tuple(line for line in stripped if line and not line.startswith("#")),
        comments=tuple(line.lstrip("# ") for line in stripped if line.startswith("#") and line.strip("# ")),
    )


def _fits(line: str) -> bool:
    return not line or line.startswith("#") or (SHORTEST <= len(line) <= LONGEST and usable(line))
