"""The certificate and the key that files are signed with: the operator's own, or a pair of the bot's in the store's folder."""

from __future__ import annotations

import datetime
import logging
from pathlib import Path

from bot.config import Config
from bot.errors import ConfigError, StoreError
from synth import credentials

log = logging.getLogger(__name__)

FOLDER = "c2pa"  # in the store's


def certificate(config: Config) -> Path:
    """Where the chain lies that this bot signs with, if it is there."""
    own = config.guard.c2pa_certificate
    return Path(own) if own else config.store.folder / FOLDER / "certificate.pem"


def prepare(config: Config) -> tuple[str, str]:
    """The paths of chain and key, made if need be; both empty where this machine cannot sign. ConfigError, StoreError."""
    guard = config.guard
    if bool(guard.c2pa_certificate) != bool(guard.c2pa_key):
        raise ConfigError("[guard] c2pa_certificate and c2pa_key belong together: set both, or neither.")
    if not credentials.installed():
        if guard.c2pa_key:
            raise ConfigError(
                "[guard] c2pa_key is set, but the package c2pa-python is not installed: files cannot be signed."
            )
        log.warning("MP3, FLAC and WAV go out without Content Credentials: the package c2pa-python is not installed")
        return "", ""
    if guard.c2pa_certificate and guard.c2pa_key:
        return guard.c2pa_certificate, guard.c2pa_key
    from synth import chain  # noqa: PLC0415 -- cryptography is not for whoever only asks for help

    folder = config.store.folder / FOLDER
    try:
        pair = chain.prepare(folder, datetime.datetime.now(datetime.UTC))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder} cannot be used to sign files: {error}. Make room there, or remove it: it is made anew."
        ) from error
    return str(pair[0]), str(pair[1])
