"""History prompts: what is accepted, what is refused and with which words."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synth.errors import BadVoice, ModelError, UnknownVoice
from synth.voices import KEYS, MAX_BYTES, VoiceRules, Voices

BARK = VoiceRules(semantic_vocab_size=10_000, codebook_size=1024, n_coarse=2, n_fine=8, frames_per_semantic=75 / 49.9)
SMALL = VoiceRules(semantic_vocab_size=50, codebook_size=16, n_coarse=3, n_fine=5, frames_per_semantic=2.0)
REAL = Path(os.environ.get("BARK_VOICES", "nowhere"))  # a folder of Bark's own history prompts


def arrays(rules: VoiceRules = SMALL, tokens: int = 20) -> dict[str, Any]:
    random = np.random.default_rng(0)
    fine = random.integers(0, rules.codebook_size, (rules.n_fine, int(tokens * rules.frames_per_semantic)))
    semantic = random.integers(0, rules.semantic_vocab_size, tokens)
    return {"semantic_prompt": semantic, "coarse_prompt": fine[: rules.n_coarse], "fine_prompt": fine}


def save(path: Path, content: dict[str, Any]) -> Path:
    np.savez(path, **content)
    return path


def refused(tmp_path: Path, content: dict[str, Any]) -> str:
    with pytest.raises(BadVoice) as caught:
        Voices(tmp_path, SMALL).get_file(save(tmp_path / "x.npz", content))
    return str(caught.value)


def test_a_file_is_read_as_int64_and_cannot_be_written_to(tmp_path: Path) -> None:
    content = {key: array.astype(np.uint16) for key, array in arrays().items()}
    voice = Voices(tmp_path, SMALL).get_file(save(tmp_path / "my.npz", content))
    assert voice.name == "my"
    for key in KEYS:
        assert getattr(voice, key).dtype == np.int64
        assert np.array_equal(getattr(voice, key), content[key])
        with pytest.raises(ValueError, match="read-only"):
            getattr(voice, key)[...] = 0


def test_the_index_names_the_voices_and_its_files_are_read_once(tmp_path: Path) -> None:
    content, index = arrays(), {"repo_or_path": "somewhere/else", "v2/en_speaker_6": {}}
    (tmp_path / "speaker_embeddings" / "v2").mkdir(parents=True)
    for key in KEYS:
        path = f"speaker_embeddings/v2/en_speaker_6_{key}.npy"
        np.save(tmp_path / path, content[key])
        index["v2/en_speaker_6"][key] = path  # type: ignore[index]
    (tmp_path / "speaker_embeddings_path.json").write_text(json.dumps(index))
    voices = Voices(tmp_path, SMALL)
    assert voices.names() == ("v2/en_speaker_6",)
    voice = voices.get("v2/en_speaker_6")
    assert np.array_equal(voice.fine_prompt, content["fine_prompt"])
    assert voices.get("v2/en_speaker_6") is voice


def test_loose_files_are_voices_too(tmp_path: Path) -> None:
    folder = tmp_path / "speaker_embeddings"
    (folder / "v2").mkdir(parents=True)
    save(folder / "v2" / "de_speaker_1.npz", arrays())
    for key in KEYS:
        np.save(folder / f"announcer_{key}.npy", arrays()[key])
    voices = Voices(tmp_path, SMALL)
    assert voices.names() == ("announcer", "v2/de_speaker_1")
    assert np.array_equal(voices.get("announcer").fine_prompt, voices.get("v2/de_speaker_1").fine_prompt)


def test_an_unknown_name_gets_the_closest_ones(tmp_path: Path) -> None:
    (tmp_path / "speaker_embeddings").mkdir()
    for name in ("en_speaker_1", "en_speaker_2", "announcer"):
        save(tmp_path / "speaker_embeddings" / f"{name}.npz", arrays())
    with pytest.raises(UnknownVoice, match="en_speaker_2") as caught:
        Voices(tmp_path, SMALL).get("en_speakr_2")
    assert "announcer" not in str(caught.value)


def test_a_name_is_never_a_path(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npz", arrays())
    for name in (str(path), "x", "../x", "x.npz"):
        with pytest.raises(UnknownVoice):
            Voices(tmp_path, SMALL).get(name)


@pytest.mark.parametrize("path", ["../x.npy", "/etc/passwd", "a/../../x.npy", "..\\x.npy", "C:\\x.npy"])
def test_an_index_that_leads_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    index = {"evil": dict.fromkeys(KEYS, path)}
    (tmp_path / "speaker_embeddings_path.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="leads out"):
        Voices(tmp_path, SMALL)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": "b"}'])
def test_an_index_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "speaker_embeddings_path.json").write_text(text)
    with pytest.raises(ModelError, match="not an index"):
        Voices(tmp_path, SMALL)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    content = arrays()
    del content["coarse_prompt"]
    assert "no coarse_prompt" in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("semantic_prompt", np.zeros(20), "float64"),
        ("semantic_prompt", np.zeros(20, bool), "bool"),
        ("semantic_prompt", np.zeros((1, 20), int), "shape (1, 20)"),
        ("semantic_prompt", np.zeros(0, int), "n > 0"),
        ("semantic_prompt", np.full(20, 50), "the value 50"),
        ("semantic_prompt", np.full(20, -1), "the value -1"),
        ("semantic_prompt", np.full(20, 2**64 - 1, np.uint64), "the value 18446744073709551615"),
        ("fine_prompt", np.zeros((4, 40), int), "shape (4, 40)"),
        ("fine_prompt", np.full((5, 40), 16), "the value 16"),
        ("semantic_prompt", np.zeros(30, int), "not the same speech"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, key: str, value: Any, words: str) -> None:
    content = {**arrays(), "coarse_prompt": np.zeros((3, 40), int), "fine_prompt": np.zeros((5, 40), int), key: value}
    assert words in refused(tmp_path, content)


def test_coarse_and_fine_prompts_need_not_agree_as_in_the_reference(tmp_path: Path) -> None:
    content = {**arrays(), "fine_prompt": np.ones((5, 17), int)}
    voice = Voices(tmp_path, SMALL).get_file(save(tmp_path / "x.npz", content))
    assert np.array_equal(voice.coarse_prompt, content["coarse_prompt"])
    assert np.array_equal(voice.fine_prompt, content["fine_prompt"])


def test_a_few_tokens_may_be_a_frame_off_the_rate(tmp_path: Path) -> None:
    rules = VoiceRules(semantic_vocab_size=50, codebook_size=16, n_coarse=3, n_fine=5, frames_per_semantic=1.5)
    content = {"semantic_prompt": np.zeros(7, int), "coarse_prompt": np.zeros((3, 10), int)}
    path = save(tmp_path / "x.npz", {**content, "fine_prompt": np.zeros((5, 10), int)})
    assert Voices(tmp_path, rules).get_file(path).fine_prompt.shape == (5, 10)


class Canary:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_pickled_arrays_are_refused_and_not_run(tmp_path: Path) -> None:
    content = {**arrays(), "semantic_prompt": np.array([Canary(tmp_path / "ran")], dtype=object)}
    assert "semantic_prompt" in refused(tmp_path, content)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_named_npz_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(pickle.dumps(Canary(tmp_path / "ran")))
    with pytest.raises(BadVoice, match="not a file of numpy arrays"):
        Voices(tmp_path, SMALL).get_file(path)
    assert not (tmp_path / "ran").exists()


def write_members(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def as_npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_a_zip_bomb_is_refused_by_its_unpacked_size(tmp_path: Path) -> None:
    members = {key: as_npy(array) for key, array in arrays().items()}
    members["semantic_prompt"] = as_npy(np.zeros(MAX_BYTES // 8 + 1, np.int64))
    path = write_members(tmp_path / "bomb.npz", members)
    assert path.stat().st_size < 100_000
    with pytest.raises(BadVoice, match="larger than 16 MB"):
        Voices(tmp_path, SMALL).get_file(path)


def test_a_header_that_claims_more_than_is_there_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": (1 << 40,)})
    members = {key: as_npy(array) for key, array in arrays().items()} | {
        "semantic_prompt": file.getvalue() + b"\0" * 64
    }
    with pytest.raises(BadVoice, match="not how much is there"):
        Voices(tmp_path, SMALL).get_file(write_members(tmp_path / "x.npz", members))


def test_a_large_file_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(BadVoice, match="larger than 16 MB"):
        Voices(tmp_path, SMALL).get_file(path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npz", arrays())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadVoice):
        Voices(tmp_path, SMALL).get_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadVoice, match="there is no file"):
        Voices(tmp_path, SMALL).get_file(tmp_path / "absent.npz")


@pytest.mark.skipif(not REAL.is_dir(), reason="Suno's own prompts are not here; BARK_VOICES names their folder")
def test_sunos_own_prompts_are_accepted() -> None:
    paths = sorted(REAL.rglob("*.npz"))
    assert paths
    for path in paths:
        voice = Voices(REAL, BARK).get_file(path)
        assert voice.semantic_prompt.shape[0] > 190
