"""Well-formed input of each kind, small: what is damaged must first have been something."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from safetensors.torch import save

from synth import protocol
from synth.voices import VoiceRules

RULES = VoiceRules(semantic_vocab_size=50, codebook_size=16, n_coarse=3, n_fine=5, frames_per_semantic=2.0)
ROOT = Path(__file__).parents[2]
MODEL = ROOT / "synth" / "pup" / "model"
CONFIG = (ROOT / "config.example.toml").read_bytes()
WORDS = b"# Licence: CC0\nspam\nbuy now\n\xe3\x81\xb0\xe3\x81\x8b\n"
TEXTS = [
    b"hello there, this is barkbot.",
    b"Ann: Hello!\nBob: Hi. / Ann=v2/en_speaker_6, Bob=v2/de_speaker_1",
    "**bold** ||spoiler|| [link](https://example.org) <@123> `code` <:dog:1> 🐕 v2/de_speaker_1 ♪".encode(),
    "This is Ann Smith from the bank. Read me the code on the gift card. \u202e\u200b".encode(),
]


def arrays() -> dict[str, Any]:
    """A voice that `RULES` let pass."""
    fine = np.arange(5 * 40).reshape(5, 40) % 16
    return {"semantic_prompt": np.arange(20), "coarse_prompt": fine[:3], "fine_prompt": fine}


def npz() -> bytes:
    """The same as a file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays())  # type: ignore[arg-type] # taken for its keyword allow_pickle
    return file.getvalue()


def npy() -> bytes:
    """One of its arrays."""
    file = io.BytesIO()
    np.save(file, arrays()["semantic_prompt"])
    return file.getvalue()


def zipped(member: bytes) -> bytes:
    """A voice whose first array is these bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("semantic_prompt.npy", member)
        for key in ("coarse_prompt", "fine_prompt"):
            inner = io.BytesIO()
            np.save(inner, arrays()[key])
            archive.writestr(f"{key}.npy", inner.getvalue())
    return file.getvalue()


def tensors() -> dict[str, torch.Tensor]:
    """A few, of several types."""
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4, dtype=torch.int64)}


def safetensors() -> bytes:
    """As a file of numbers only."""
    content: bytes = save(tensors(), {"format": "pt"})
    return content


def with_header(header: bytes) -> bytes:
    """A file of numbers with this for its header."""
    return struct.pack("<Q", len(header)) + header + bytes(56)


def pickled(*, zipped: bool) -> bytes:
    """As torch pickles them."""
    file = io.BytesIO()
    torch.save(tensors(), file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def ogg() -> bytes:
    """A tenth of a second."""
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(2400) / 10) / 4, 24_000, format="OGG", subtype="OPUS")
    return file.getvalue()


def messages() -> list[bytes]:
    """One of each kind that crosses the border of the synth process."""
    line = protocol.Line(text="hi", voice="v2/en_speaker_6")
    job = protocol.Job(id="1", text="hello", path="/a/1.ogg", seed=7, lines=(line,), voice_files={"x": "/a/x.npz"})
    cost: dict[str, Any] = {"seconds": 1.0, "took": 2.0, "cost": 1.5, "seed": 7, "model": "pup"}
    known: list[protocol.Message] = [
        job,
        protocol.Cancel(job="1"),
        protocol.Drain(),
        protocol.Loading(what="weights", fraction=0.5),
        protocol.Ready(model="pup", device="cpu", voices=("a", "b"), memory=1, seconds=2.0),
        protocol.Progress(job="1", stage="semantic", done=1.0, total=4.0),
        protocol.Sound(job="1", path="/a/1.ogg", bytes=100, seconds=0.5),
        protocol.Finished(job="1", path="/a/1.ogg", **cost),
        protocol.Failed(job="1", reason=protocol.Reason.DISK_FULL, detail="full"),
        protocol.Cancelled(job="1"),
        protocol.Leaving(code=protocol.ExitCode.MODEL, sentence="no model"),
    ]
    return [protocol.encode(message) for message in known]


def interactions() -> list[bytes]:
    """What a press, a choice and two filled-in forms bring, as Discord sends it."""
    text = {"type": 4, "custom_id": "text", "value": "hello"}
    choice = {"type": 3, "custom_id": "scams", "values": ["off"]}
    edited = [{"type": 18, "component": {**text, "custom_id": name, "value": "0.7"}} for name in ("seed", "liveliness")]
    lists = [{"type": 1, "components": [{**text, "custom_id": name}]} for name in ("words", "names")]
    found: list[Mapping[str, Any]] = [
        {"custom_id": "bark:again:1234567890:2", "component_type": 2, "id": 1},
        {"custom_id": "bark-voices:pick:own:25", "component_type": 3, "values": ["#12"]},
        {"custom_id": "bark:edit:1234567890", "components": [{"type": 18, "component": text}, *edited]},
        {"custom_id": "bark-server:guard-set", "components": [*lists, {"type": 18, "component": choice}]},
    ]
    return [json.dumps(data).encode() for data in found]


def kept() -> list[bytes]:
    """What is kept as JSON: settings of a person and of a server, options of a job."""
    found: list[Mapping[str, Any]] = [
        {"voice": "#1", "liveliness": "calm", "format": "mp3", "language": "de", "mention_late": False},
        {"channels": [1, 2], "roles": [3], "max_chars": 100, "off": ["sing"], "words": ["spam"], "log_channel": 5},
        {"kind": "dialogue", "takes": 2, "cast": {"Ann": "v2/en_speaker_6"}, "text_temp": 0.5, "format": "flac"},
    ]
    return [json.dumps(data).encode() for data in found]


def indexes() -> list[bytes]:
    """The lists of files that a model's folder has: of voices, and of weights."""
    entry = {f"{key}_prompt": f"speaker_embeddings/a_{key}_prompt.npy" for key in ("semantic", "coarse", "fine")}
    found: list[Mapping[str, Any]] = [
        {"repo_or_path": "x", "v2/en_speaker_6": entry},
        {
            "metadata": {"total_size": 1},
            "weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"},
        },
    ]
    return [json.dumps(data).encode() for data in found]
