"""Where the networks that listen to recordings are: folders and files on this machine, or what was fetched of the hub.

Nothing is fetched at anybody's request: `barkbot download voices` does it beforehand.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from synth.download import HUB_NAME, TOKENIZER_FILES, Hub
from synth.errors import ModelError

HUBERT_FILES = ("config.json", "preprocessor_config.json")  # besides its weights
WHISPER_FILES = (
    *("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"),
    *("normalizer.json", *TOKENIZER_FILES),
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Names of the hub, or folders and files; "" is none. A file of the hub is owner/name/file."""

    hubert: str = "facebook/hubert-base-ls960"
    quantizer: str = "GitMylo/bark-voice-cloning/quantifier_hubert_base_ls960_14.pth"
    recogniser: str = "openai/whisper-base"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """What of it is on this machine, whole."""

    hubert: Path | None = None
    quantizer: Path | None = None
    recogniser: Path | None = None


def places(sources: Sources, hub: Hub) -> Places:
    """Where they are. Never asks the hub."""
    return Places(
        hubert=_folder(sources.hubert, HUBERT_FILES, hub),
        quantizer=_file(sources.quantizer, hub),
        recogniser=_folder(sources.recogniser, WHISPER_FILES, hub),
    )


def fetch(sources: Sources, hub: Hub) -> Places:
    """Fetch what is not here, resumed and verified as models are. ModelError where one is neither here nor of the hub."""
    for name, files in ((sources.hubert, HUBERT_FILES), (sources.recogniser, WHISPER_FILES)):
        if name and not _folder(name, files, hub):
            hub.folder(_checked(name, name), files)
    if sources.quantizer and not _file(sources.quantizer, hub):
        model, file = _split(sources.quantizer)
        hub.folder(_checked(model, sources.quantizer), (file,), weights=False)
    found = places(sources, hub)
    if sources.quantizer and not found.quantizer:
        raise ModelError(f"The hub has no file {sources.quantizer}.")
    return found


def _folder(name: str, files: tuple[str, ...], hub: Hub) -> Path | None:
    """A folder of that name, or the whole of a hub's model."""
    place = Path(name).expanduser()
    if name and place.is_dir():
        return place
    return hub.kept(name, files) if HUB_NAME.fullmatch(name) else None


def _file(name: str, hub: Hub) -> Path | None:
    place = Path(name).expanduser()
    if name and place.is_file():
        return place
    model, file = _split(name)
    kept = hub.kept(model, (file,), weights=False) if model else None
    return kept / file if kept else None


def _split(name: str) -> tuple[str, str]:
    """owner/name/file as (owner/name, file); nothing where it is no such name."""
    model, _, file = name.rpartition("/")
    return (model, file) if HUB_NAME.fullmatch(model) else ("", "")


def _checked(model: str, name: str) -> str:
    if not HUB_NAME.fullmatch(model):
        raise ModelError(f"{name} is not on this machine, and no name of the hub.")
    return model
