"""History prompts: which voices a model has, and one of them as arrays that were checked once.

A voice is three arrays: semantic tokens, and the codes of the same speech in the coarse and in all codebooks. They come
from the model's folder, by name, or from an .npz file whose path the person at the keyboard gave. Both are read as
hostile: size limits before anything is opened or allocated, no pickles, every value in range.
"""

from __future__ import annotations

import difflib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from synth.errors import BadVoice, ModelError, UnknownVoice

KEYS = ("semantic_prompt", "coarse_prompt", "fine_prompt")
INDEX = "speaker_embeddings_path.json"
FOLDER = "speaker_embeddings"
MAX_BYTES = 16 << 20  # of a file and of each array; two minutes of speech in int64 are 1 MB

Codes = npt.NDArray[np.int64]
Fetch = Callable[[str], Path]  # a path relative to the model's folder -> the file, fetched where it must be


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Voice:
    """A history prompt: the tokens of a few seconds of speech, in every stage's alphabet."""

    name: str
    semantic_prompt: Codes  # (n,)
    coarse_prompt: Codes  # (coarse codebooks, frames)
    fine_prompt: Codes  # (all codebooks, frames); its first rows are usually the coarse prompt, nothing depends on it


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceRules:
    """What a model asks of a history prompt."""

    semantic_vocab_size: int
    codebook_size: int
    n_coarse: int  # codebooks
    n_fine: int  # codebooks, the coarse ones among them
    frames_per_semantic: float  # codec frames for each semantic token: 75 / 49.9 in Bark


class Voices:
    """The voices of one model. Names are answered from memory; arrays are read at first use and kept."""

    def __init__(self, folder: Path, rules: VoiceRules, fetch: Fetch | None = None) -> None:
        """ModelError where the folder's index of voices cannot be read. `fetch` brings files not yet there."""
        self._rules = rules
        self._fetch = fetch or (lambda path: folder / path)
        self._paths = {**_loose_files(folder), **_indexed(folder)}
        self._loaded: dict[str, Voice] = {}

    def names(self) -> tuple[str, ...]:
        """All names, in the order of the model's index."""
        return tuple(self._paths)

    def get(self, name: str) -> Voice:
        """The voice of that name; UnknownVoice with the closest names, BadVoice where its files are no voice."""
        if name not in self._paths:
            raise UnknownVoice(_unknown(name, self.names()))
        if name not in self._loaded:
            paths = {key: self._fetch(path) for key, path in self._paths[name].items()}
            self._loaded[name] = read_voice(name, paths, self._rules)
        return self._loaded[name]

    def get_file(self, path: Path) -> Voice:
        """The voice in an .npz file; BadVoice says what is wrong with it. Never call it with a stranger's string."""
        return read_voice(path.stem, dict.fromkeys(KEYS, path), self._rules)


def read_voice(name: str, paths: Mapping[str, Path], rules: VoiceRules) -> Voice:
    """A voice from its three .npy files, or from one .npz named three times; BadVoice if it breaks a rule."""
    try:
        return check_voice(name, {key: _read(paths.get(key), key) for key in KEYS}, rules)
    except BadVoice as error:
        raise BadVoice(f'The voice "{name}" cannot be used: {error}.') from error


def check_voice(name: str, arrays: Mapping[str, npt.NDArray[Any]], rules: VoiceRules) -> Voice:
    """These arrays as int64, checked against the model; BadVoice names the first thing that is wrong."""
    semantic, coarse, fine = (arrays[key] for key in KEYS)
    _check_shape("semantic_prompt", semantic, ())
    _check_shape("coarse_prompt", coarse, (rules.n_coarse,))
    _check_shape("fine_prompt", fine, (rules.n_fine,))
    _check_range("semantic_prompt", semantic, rules.semantic_vocab_size)
    _check_range("coarse_prompt", coarse, rules.codebook_size)
    _check_range("fine_prompt", fine, rules.codebook_size)
    _check_rates(semantic.shape[0], coarse.shape[1], rules.frames_per_semantic)
    whole = [np.ascontiguousarray(array, dtype=np.int64) for array in (semantic, coarse, fine)]
    for array in whole:
        array.setflags(write=False)
    return Voice(name=name, semantic_prompt=whole[0], coarse_prompt=whole[1], fine_prompt=whole[2])


def _check_shape(key: str, array: npt.NDArray[Any], rows: tuple[int, ...]) -> None:
    if array.dtype.kind not in "iu":
        raise BadVoice(f"{key} holds {array.dtype}, not whole numbers")
    if array.ndim != len(rows) + 1 or array.shape[:-1] != rows or array.shape[-1] == 0:
        wanted = ", ".join([*map(str, rows), "n"]) + ("" if rows else ",")
        raise BadVoice(f"{key} has the shape {array.shape}; the model needs ({wanted}) with n > 0")


def _check_range(key: str, array: npt.NDArray[Any], size: int) -> None:
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= size:
        raise BadVoice(f"{key} holds the value {low if low < 0 else high}; the model knows 0 to {size - 1}")


def _check_rates(tokens: int, frames: int, ratio: float) -> None:
    """The reference compares the ratio at one decimal. Speech of a few tokens is also good when it is a frame off."""
    if round(frames / tokens, 1) != round(ratio, 1) and abs(frames - tokens * ratio) > 1:
        raise BadVoice(
            f"{tokens} semantic tokens and {frames} frames are not the same speech ({ratio:.3f} frames each)"
        )


def _read(path: Path | None, key: str) -> npt.NDArray[np.integer[Any]]:
    if path is None:
        raise BadVoice(f"it has no {key}")
    try:
        with path.open("rb") as file:
            _check_size(path)
            content = _member(file, key) if path.suffix.lower() == ".npz" else file.read(MAX_BYTES)
            return _read_array(io.BytesIO(content), key)
    except FileNotFoundError as error:
        raise BadVoice(f"there is no file {path}") from error
    except BadVoice:
        raise
    except Exception as error:
        # A hostile file gets errors of every kind out of zipfile, of its decompressors, and of numpy's reader of headers.
        raise BadVoice(f"{path.name} is not a file of numpy arrays") from error


def _check_size(path: Path) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise BadVoice(f"{path.name} is larger than {MAX_BYTES >> 20} MB")


def _member(file: IO[bytes], key: str) -> bytes:
    """The bytes of one array in an .npz, never more than the limit, whatever its directory claims."""
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if f"{key}.npy" not in names:
            raise BadVoice(f"it has no {key}")
        info = archive.getinfo(f"{key}.npy")
        with archive.open(info) as member:
            data = member.read(MAX_BYTES + 1) if info.file_size <= MAX_BYTES else b""
    if info.file_size > MAX_BYTES or len(data) > MAX_BYTES:
        raise BadVoice(f"{key} is larger than {MAX_BYTES >> 20} MB")
    return data


def _read_array(file: io.BytesIO, key: str) -> npt.NDArray[np.integer[Any]]:
    """An array of whole numbers, after its header was held against the bytes that are there."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):  # 3.0 is for field names in Unicode: no such array is a prompt
        raise BadVoice(f"{key} has a numpy format that no prompt needs")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.kind not in "iu":
        raise BadVoice(f"{key} holds {dtype}, not whole numbers")
    count = 1
    for length in shape:
        count *= length
    if count * dtype.itemsize != len(file.getbuffer()) - file.tell():
        raise BadVoice(f"{key} says it has the shape {shape}, but that is not how much is there")
    file.seek(0)
    array: npt.NDArray[np.integer[Any]] = np.load(file, allow_pickle=False)
    return array


def _indexed(folder: Path) -> dict[str, dict[str, str]]:
    """The voices that speaker_embeddings_path.json names: name -> key -> path relative to the folder."""
    path = folder / INDEX
    if not path.is_file():
        return {}
    try:
        index = json.loads(path.read_text("utf-8"))
        entries = {name: dict(files) for name, files in index.items() if name != "repo_or_path"}
        return {name: {key: _relative(files[key]) for key in KEYS if key in files} for name, files in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} is not an index of voices: {error}") from error


def _relative(path: object) -> str:
    parts = PurePosixPath(str(path).replace("\\", "/"))
    if parts.is_absolute() or not parts.parts or ".." in parts.parts or ":" in parts.parts[0]:
        raise ValueError(f"{path!r} leads out of the model's folder")
    return str(parts)


def _loose_files(folder: Path) -> dict[str, dict[str, str]]:
    """The voices that lie in speaker_embeddings/ as .npz, or as three .npy files each, with no index."""
    root, suffix = folder / FOLDER, "_semantic_prompt.npy"
    singles = {_name(path, root, ".npz"): dict.fromkeys(KEYS, _name(path, folder)) for path in root.rglob("*.npz")}
    triples = {_name(path, root, suffix) for path in root.rglob(f"*{suffix}")}
    found = singles | {name: {key: f"{FOLDER}/{name}_{key}.npy" for key in KEYS} for name in triples}
    return dict(sorted(found.items()))


def _name(path: Path, root: Path, suffix: str = "") -> str:
    return path.relative_to(root).as_posix().removesuffix(suffix)


def _unknown(name: str, names: tuple[str, ...]) -> str:
    if not names:
        return f'There is no voice "{name}": this model has none.'
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or list(names[:3])
    return f'There is no voice "{name}". Try {" or ".join(close)}.'
