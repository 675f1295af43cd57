"""config.toml and the environment -> a frozen `Config`. All bad keys are reported at once, by name.

Order of precedence: environment (BARKBOT_MODEL__NAME for [model] name), then the file, then the defaults below.
The token is no part of it: it comes from BARKBOT_TOKEN, from the file named by BARKBOT_TOKEN_FILE, or from a prompt, and is
taken out of the environment at once so that no child process inherits it.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
import pydantic
from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from bot import secret
from bot.errors import ConfigError, TokenError
from bot.flow.check import Limits
from bot.privacy.keep import DAY, HOUR, Keep

TOKEN_SHAPE = re.compile(r"[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}")
PREFIX = "BARKBOT_"  # of all that the environment says
DEFAULT_FILE = Path("config.toml")
LARGEST = 1 << 20  # bytes of the file


def _at_home(path: str) -> str:
    """`~` is the user's home, as in a shell: files and unit files are read by none."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError as error:
        raise ValueError(f"there is no such home folder: {path}") from error


FilePath = Annotated[str, pydantic.AfterValidator(_at_home)]
Folder = Annotated[Path, pydantic.AfterValidator(lambda path: Path(_at_home(str(path))))]
Seconds = Annotated[float, Field(gt=0)]
Temperature = Annotated[float, Field(gt=0, le=5)]

Link = Annotated[str, Field(pattern=r"^(https?://\S+)?$", max_length=512)]


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class ModelSection(_Section):
    """Which Bark, and where it runs."""

    name: str = "auto"
    device: str = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    precision: Literal["exact", "int8", "int4"] = "exact"
    graphs: bool = True
    memory: Literal["auto", "resident", "embeddings", "stages"] = "auto"
    seats: Annotated[int, Field(ge=0, le=64)] = 0
    voice: str = ""
    text_temp: Temperature = 0.7
    waveform_temp: Temperature = 0.7
    min_eos_p: Annotated[float, Field(ge=0, le=1)] = 0.2
    hang_after: Seconds = 120.0
    unload_after: Annotated[float, Field(ge=0)] = 0.0


class StoreSection(_Section):
    """Where jobs and finished audio are kept."""

    folder: Folder = Field(default_factory=lambda: Path(platformdirs.user_data_dir("barkbot", appauthor=False)))
    keep_hours: Annotated[float, Field(ge=0)] = 24.0
    keep_clips: Annotated[int, Field(ge=0)] = 2000


class LimitsSection(_Section):
    """How much one person, one server and the queue may hold."""

    max_chars: Annotated[int, Field(ge=1, le=4000)] = 1000
    long_chars: Annotated[int, Field(ge=1, le=20_000)] = 4000
    waiting_per_user: Annotated[int, Field(ge=1)] = 3
    waiting_per_guild: Annotated[int, Field(ge=1)] = 20
    max_wait: Seconds = 720.0
    kept_voices: Annotated[int, Field(ge=0)] = 20
    user_seconds_per_hour: Annotated[int, Field(ge=0)] = 1800
    user_burst_seconds: Annotated[int, Field(ge=1)] = 600
    member_seconds_per_hour: Annotated[int, Field(ge=0)] = 1800
    member_burst_seconds: Annotated[int, Field(ge=1)] = 600
    guild_seconds_per_hour: Annotated[int, Field(ge=0)] = 7200
    guild_burst_seconds: Annotated[int, Field(ge=1)] = 1800
    global_seconds_per_hour: Annotated[int, Field(ge=0)] = 0
    global_burst_seconds: Annotated[int, Field(ge=1)] = 1800
    actions_per_minute: Annotated[int, Field(ge=0)] = 30

    def as_limits(self) -> Limits:
        """Those of an ask, for the decision in `flow/check.py`."""
        return Limits(**self.model_dump(exclude={"kept_voices", "actions_per_minute"}))


class GuardSection(_Section):
    """What the bot does not say, wherever it is."""

    words: FilePath = ""
    accept_rules: bool = True
    rules: FilePath = ""
    contact: Annotated[str, Field(max_length=200)] = ""
    names: tuple[Annotated[str, Field(min_length=2, max_length=40)], ...] = ()
    watermark_key_file: FilePath = ""
    c2pa_certificate: FilePath = ""
    c2pa_key: FilePath = ""
    privacy_url: Link = ""
    terms_url: Link = ""


class RetentionSection(_Section):
    """How long what people wrote, and what came of it, is kept. Audio: `store.keep_hours`."""

    text_hours: Annotated[float, Field(gt=0)] = 24.0
    job_days: Annotated[float, Field(gt=0)] = 30.0
    report_days: Annotated[float, Field(gt=0)] = 365.0
    server_days: Annotated[float, Field(gt=0)] = 7.0


class DiscordSection(_Section):
    """How Discord is talked to."""

    progress_every: Seconds = 2.5
    message_content: bool = False
    api: str = ""
    gateway: str = ""


class VoiceSection(_Section):
    """How long the bot stays in a voice channel."""

    alone_after: Seconds = 60.0
    idle_after: Seconds = 300.0


class VoicesSection(_Section):
    """Voices of members: whether there may be any, and what they are made by (the defaults of `synth.enrol.sources`)."""

    member_voices: bool = False
    hubert: str = "facebook/hubert-base-ls960"
    quantizer: str = "GitMylo/bark-voice-cloning/quantifier_hubert_base_ls960_14.pth"
    recogniser: str = "openai/whisper-base"


class LogSection(_Section):
    """What is told in the terminal."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Config(BaseSettings):
    """Everything that can be set, with its default. `config.example.toml` explains each key."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, case_sensitive=False
    )

    model: ModelSection = ModelSection()
    store: StoreSection = StoreSection()
    limits: LimitsSection = LimitsSection()
    guard: GuardSection = GuardSection()
    retention: RetentionSection = RetentionSection()
    discord: DiscordSection = DiscordSection()
    voice: VoiceSection = VoiceSection()
    voices: VoicesSection = VoicesSection()
    log: LogSection = LogSection()

    def keep(self) -> Keep:
        """How long everything is kept, for the timer and those who ask."""
        retention = self.retention
        return Keep(
            text=retention.text_hours * HOUR,
            clips=self.store.keep_hours * HOUR,
            jobs=retention.job_days * DAY,
            reports=retention.report_days * DAY,
            servers=retention.server_days * DAY,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what `load` read from the file."""
        return env_settings, init_settings


def load(path: Path | None = None) -> Config:
    """The configuration from `path` (default: config.toml if it is there) and the environment. Raises ConfigError."""
    if path is None and not DEFAULT_FILE.exists():
        return _build({}, "the environment")
    path = path or DEFAULT_FILE
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    if len(content) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST >> 20} MB: that is no configuration.")
    if TOKEN_SHAPE.search(content):  # before anything that would repeat it
        raise ConfigError(
            f"{path} holds what looks like a bot token. Take it out, reset it on Discord's developer page, and set BARKBOT_TOKEN."
        )
    try:
        values = tomllib.loads(content)
    except (ValueError, RecursionError) as error:  # the latter: brackets within brackets
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    return _build(values, str(path))


def _check_environment(names: Iterable[str]) -> None:
    """Refuse what looks like a key and is none: pydantic passes over it without a word."""
    keys = {section: field.annotation for section, field in Config.model_fields.items()}
    flat = {f"{section}_{key}": f"{section}__{key}" for section, kind in keys.items() for key in kind.model_fields}  # type: ignore[union-attr]
    for name in sorted(names):
        if not name.upper().startswith(PREFIX):
            continue
        key = name[len(PREFIX) :].lower()
        section, nested, _ = key.partition("__")
        if nested and section not in keys:
            raise ConfigError(
                f"{name} in the environment is no key: there is no section [{section}]. The sections are {', '.join(keys)}."
            )
        if key in flat:
            raise ConfigError(
                f"{name} in the environment is no key: write {PREFIX}{flat[key].upper()}, with two underscores after the section."
            )


def _build(values: dict[str, Any], source: str) -> Config:
    _check_environment(os.environ)
    try:
        return Config(**values)
    except SettingsError as error:
        raise ConfigError(
            f"The environment cannot be understood: {error}. A key is set as BARKBOT_SECTION__KEY, for example BARKBOT_LOG__LEVEL."
        ) from error
    except pydantic.ValidationError as error:
        lines = [f"  {'.'.join(str(part) for part in problem['loc'])}: {_words(problem)}" for problem in error.errors()]
        raise ConfigError(
            f"Please correct in {source} (or BARKBOT_... in the environment):\n" + "\n".join(lines)
        ) from error


def _words(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "no such key (see config.example.toml)"
    message: str = problem["msg"]
    given = TOKEN_SHAPE.sub("[token]", repr(problem["input"]))[:200]
    return f"{message[0].lower()}{message[1:]} (it is {given})"


def take_token() -> str:
    """The bot's token, removed from this process's environment. Raises TokenError with what to do."""
    token = secret.take("BARKBOT_TOKEN").strip()
    file = os.environ.pop("BARKBOT_TOKEN_FILE", "").strip()
    if not token and file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"The token file {file} cannot be read: {error}.") from error
    if not token and sys.stdin.isatty():
        token = getpass.getpass("Bot token (from discord.com/developers, not shown): ").strip()
    if not token:
        raise TokenError(
            "There is no token. Set BARKBOT_TOKEN, or BARKBOT_TOKEN_FILE to a file that holds it. README.md says how to get one."
        )
    if not TOKEN_SHAPE.fullmatch(token):
        raise TokenError(
            "BARKBOT_TOKEN does not look like a bot token. Copy it anew from the Bot page of discord.com/developers."
        )
    return token
