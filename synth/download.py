"""Models from the Hugging Face hub: only the files that are needed, resumed, and verified before they are used.

A fetched model is a plain folder, `<cache>/owner--name/`, beside `owner--name.json` with the commit, sizes and hashes
the hub named. A file gets its name only after its bytes were hashed, so what is there is whole, and a model that is
there loads without the network. Unfinished files keep their bytes as `.part` and go on from there after a restart
(huggingface_hub's own cache starts a file again).
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any, Self

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined] # public, not listed

from synth.errors import ModelError
from synth.meter import CountedFile, Meter, NoBar, Progress

log = logging.getLogger(__name__)

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
CONFIG_FILES = ("config.json", "generation_config.json", "speaker_embeddings_path.json")
TOKENIZER_FILES = ("tokenizer*", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json")
SAFE_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*-of-*.bin")
BARK = (*CONFIG_FILES, *TOKENIZER_FILES)  # besides its weights
CODEC = ("config.json",)  # besides its weights

RESUMES = 3  # new connections for one file, besides the five that http_get makes by itself
BLOCK = 1 << 20  # bytes hashed at a time


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file of a repository as the hub describes it: LFS files by their SHA-256, small ones by git's blob hash."""

    size: int
    sha256: str | None = None
    git: str | None = None

    def part(self) -> str:
        """Suffix of its unfinished copy: bytes of another version are never added to."""
        return f".{(self.sha256 or self.git or 'unknown')[:12]}.part"

    def verify(self, path: Path) -> str | None:
        """None if the bytes at `path` are this file's, else what is wrong with them."""
        if path.stat().st_size != self.size:
            return f"{path.stat().st_size} bytes instead of {self.size}"
        if self.sha256 and _digest(path, hashlib.sha256()) != self.sha256:
            return "its SHA-256 is not the one the hub gives"
        prefix = f"blob {self.size}\0".encode()
        if not self.sha256 and self.git and _digest(path, hashlib.sha1(prefix, usedforsecurity=False)) != self.git:
            return "its hash is not the one the hub gives"
        return None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """The files of a repository at one commit."""

    name: str
    commit: str
    files: Mapping[str, RemoteFile]

    def wanted(self, patterns: tuple[str, ...], *, weights: bool) -> list[str]:
        """The paths that `patterns` choose, and the weights: safetensors where there are any, else pickled ones."""
        chosen = [path for path in self.files if _matches(path, patterns)]
        if weights:
            safe = [path for path in self.files if _matches(path, SAFE_WEIGHTS)]
            chosen += safe or [path for path in self.files if _matches(path, PICKLED_WEIGHTS)]
        return chosen

    def to_json(self) -> str:
        """For `from_json`."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From `to_json`; ValueError, TypeError or KeyError for anything else."""
        fields = json.loads(text)
        files = {path: RemoteFile(**file) for path, file in fields["files"].items()}
        return cls(name=fields["name"], commit=fields["commit"], files=files)


class Hub:
    """The hub, and the folder where what was fetched is kept."""

    def __init__(self, cache: Path, *, endpoint: str | None = None, progress: Progress | None = None) -> None:
        """`endpoint` None: HF_ENDPOINT, else huggingface.co. `progress` hears of every block fetched."""
        self._cache = cache
        self._endpoint = endpoint
        self._progress = progress or (lambda _what, _fraction: None)

    def folder(self, name: str, patterns: tuple[str, ...] = BARK, *, weights: bool = True) -> Path:
        """The local folder with these files of `name`, all of them verified. Asks the hub only if one is missing.

        ModelError says what to do: unknown name, no network, or bytes that are wrong twice.
        """
        folder, known = self._folder(name), self._known(name)
        if known and self._missing(known, known.wanted(patterns, weights=weights)) == []:
            return folder
        with self._lock(name):
            repository = self._ask(name)
            self._drop_outdated(known, repository)
            missing = self._missing(repository, repository.wanted(patterns, weights=weights))
            total = sum(repository.files[path].size for path in missing)
            self._check_room(name, total)
            with Meter(name, total, self._progress) as meter:
                for path in missing:
                    self._fetch(repository, path, meter)
        return folder

    def kept(self, name: str, patterns: tuple[str, ...], *, weights: bool = True) -> Path | None:
        """As `folder`, of what is here already: None where anything is missing. Never asks the hub."""
        known = self._known(name)
        wanted = known.wanted(patterns, weights=weights) if known else []
        return self._folder(name) if known and wanted and not self._missing(known, wanted) else None

    def file(self, name: str, path: str) -> Path:
        """One file of a model whose folder is there already, fetched at the first call: a voice, say."""
        repository = self._known(name)
        if repository is None or path not in repository.files:
            raise ModelError(f"The model {name} has no file {path}.")
        if self._missing(repository, [path]):
            with self._lock(name), Meter(path, repository.files[path].size, self._progress) as meter:
                self._fetch(repository, path, meter)
        return self._folder(name) / path

    def _folder(self, name: str) -> Path:
        return self._cache / name.replace("/", "--")

    def _index(self, name: str) -> Path:
        return self._folder(name).with_name(self._folder(name).name + ".json")

    def _known(self, name: str) -> Repository | None:
        try:
            return Repository.from_json(self._index(name).read_text("utf-8"))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _missing(self, repository: Repository, paths: list[str]) -> list[str]:
        folder = self._folder(repository.name)
        return [path for path in paths if _size(folder / path) != repository.files[path].size]

    def _check_room(self, name: str, needed: int) -> None:
        free = shutil.disk_usage(self._cache).free
        if needed > free:
            raise ModelError(
                f"{name} needs {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free in {self._cache}: make room there."
            )

    def _drop_outdated(self, known: Repository | None, repository: Repository) -> None:
        """Files that changed at the hub since, or whose history is not known and bytes are not right, are fetched anew."""
        before = known.files if known else {}
        for path, file in repository.files.items():
            local = self._folder(repository.name) / path
            if local.is_file() and before.get(path) != file and file.verify(local):
                local.unlink()
        _write(self._index(repository.name), repository.to_json())

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with WeakFileLock(self._folder(name).with_name(self._folder(name).name + ".lock")):
                yield
        except OSError as error:
            raise ModelError(
                f"The model {name} cannot be stored in {self._cache}: {error.strerror or error}."
            ) from error

    def _ask(self, name: str) -> Repository:
        with self._told(name):
            info = HfApi(endpoint=self._endpoint).model_info(name, files_metadata=True)
        files = {}
        for entry in info.siblings or []:
            parts = PurePosixPath(entry.rfilename)
            if not parts.is_absolute() and ".." not in parts.parts and entry.size is not None:
                lfs = entry.lfs.sha256 if entry.lfs else None
                files[entry.rfilename] = RemoteFile(size=entry.size, sha256=lfs, git=entry.blob_id)
        return Repository(name=name, commit=info.sha or "main", files=files)

    def _fetch(self, repository: Repository, path: str, meter: Meter) -> None:
        """One file: fetched, verified, renamed; once more where its bytes are wrong, ModelError the second time."""
        file, target = repository.files[path], self._folder(repository.name) / path
        part = target.with_name(target.name + file.part())
        part.parent.mkdir(parents=True, exist_ok=True)
        wrong: str | None = None
        for _ in range(2):
            self._transfer(repository, path, part, meter)
            wrong = file.verify(part)
            if wrong is None:
                with part.open("rb") as written:
                    os.fsync(written.fileno())
                part.replace(target)
                return
            part.unlink()
            meter.move(-file.size)
            log.warning("%s of %s was fetched wrong (%s): deleted", path, repository.name, wrong)
        raise ModelError(
            f"{path} of {repository.name} arrived broken twice ({wrong}). "
            "Nothing was kept; try again later, or on another network."
        )

    def _transfer(self, repository: Repository, path: str, part: Path, meter: Meter) -> None:
        url = hf_hub_url(repository.name, path, revision=repository.commit, endpoint=self._endpoint)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}  # ranges are of the plain bytes
        size = repository.files[path].size
        if _size(part) > size:
            part.unlink()
        meter.move(max(0, _size(part)))
        for left in reversed(range(RESUMES)):
            with self._told(repository.name), part.open("ab") as file:
                start, counted = file.tell(), CountedFile(file, meter)
                try:
                    http_get(url, counted, resume_size=start, headers=headers, expected_size=size, tqdm_class=NoBar)  # type: ignore[arg-type] # a file and a bar in all that it uses
                    return
                except Exception as error:
                    if left == 0 or _is_final(error):
                        raise
                    log.info("%s: %s; going on from byte %d", path, error, file.tell())

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Whatever goes wrong while talking to the hub, as one sentence."""
        try:
            yield
        except (RepositoryNotFoundError, HFValidationError) as error:
            raise ModelError(
                f"The hub knows no model {name}. Check the name; for a private one set HF_TOKEN; or give a folder."
            ) from error
        except Exception as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise ModelError(
                    f"{name} does not fit on the disk: make room in {self._cache} and try again."
                ) from error
            # The hub's client raises its HTTP library's errors, and that library changed three times.
            raise ModelError(
                f"{name} cannot be fetched from the hub ({_first_line(error)}). "
                "Check the network and try again, or give a folder that holds the model."
            ) from error


def _is_final(error: Exception) -> bool:
    """Whether the same request would be answered the same: the hub said no (4xx)."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return 400 <= status < 500


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return "/" not in path and any(fnmatch(path, pattern) for pattern in patterns)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _digest(path: Path, digest: Any) -> str:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return str(digest.hexdigest())


def _write(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, "utf-8")
    aside.replace(path)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
