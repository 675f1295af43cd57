"""Which key the watermark has. Both commands that mark and those that look for marks ask here."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config
from bot.errors import ConfigError
from synth import mark_key


def key_of(config: Config) -> bytes:
    """The key of this bot: from the environment, else from the file, which is made at first. ConfigError."""
    try:
        return mark_key.from_environment() or _kept(config)
    except mark_key.BadKey as error:
        raise ConfigError(str(error)) from error


def known_keys(config: Config) -> tuple[bytes, ...]:
    """Whose marks can be told: this bot's, if it has a key yet, and the public one. Nothing is made. ConfigError."""
    try:
        own = mark_key.from_environment()
        if own is None and path_of(config).exists():
            own = mark_key.read(path_of(config))
    except mark_key.BadKey as error:
        raise ConfigError(str(error)) from error
    return (mark_key.PUBLIC_KEY,) if own is None else (own, mark_key.PUBLIC_KEY)


def path_of(config: Config) -> Path:
    """Where the key is if it is not in the environment."""
    return Path(config.guard.watermark_key_file or config.store.folder / mark_key.FILE)


def _kept(config: Config) -> bytes:
    """A file that the operator named is never made: a wrong name would become a wrong key."""
    path = path_of(config)
    return mark_key.read(path) if config.guard.watermark_key_file else mark_key.kept(path)
