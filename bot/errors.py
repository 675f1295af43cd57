"""What can stop the bot, or a part of it.

    BarkbotError               something an operator can act on; its text says what to do
    +-- ConfigError            config.toml or the environment: every bad key at once, by name
    +-- TokenError             no token, or Discord refuses it
    +-- StoreError             the database cannot be used
    |   +-- StoreLocked        another barkbot holds it
    |   +-- StoreTooNew        it was written by a newer barkbot
    |   +-- Sealed             it is encrypted with another data key (vault.py)
    +-- ModelMissing           the synth process cannot load its model
    +-- Unreachable            Discord cannot be reached

Refusals (too long, queue full, unknown voice) are values, not exceptions: see `flow/check.py`.
What can go wrong inside the synth process: `synth/errors.py`.
"""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """The exit codes of `barkbot`, for supervisors and scripts."""

    OK = 0
    FAILED = 1  # anything without a better code
    CONFIG = 2
    TOKEN = 3
    STORE = 4
    MODEL = 5
    DISCORD = 6
    INTERRUPTED = 130


class BarkbotError(Exception):
    """Something an operator can act on; the text says what to do."""

    exit_code = Exit.FAILED


class ConfigError(BarkbotError):
    """The configuration is not usable."""

    exit_code = Exit.CONFIG


class TokenError(BarkbotError):
    """There is no token, or Discord refuses it."""

    exit_code = Exit.TOKEN


class StoreError(BarkbotError):
    """The database cannot be used."""

    exit_code = Exit.STORE


class StoreLocked(StoreError):
    """Another barkbot on this machine holds the database."""


class StoreTooNew(StoreError):
    """The database was written by a newer barkbot."""


class ModelMissing(BarkbotError):
    """The synth process cannot load its model."""

    exit_code = Exit.MODEL


class Unreachable(BarkbotError):
    """Discord cannot be reached."""

    exit_code = Exit.DISCORD
