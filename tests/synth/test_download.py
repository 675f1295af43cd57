"""Fetching from a real HTTP server on 127.0.0.1: what is fetched, resumed, verified, and said when it fails."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synth.checkpoint import find, load
from synth.download import Hub
from synth.errors import ModelError
from tests.synth import folders
from tests.synth.hub import NAME, LittleHub, serving
from tests.synth.oracle import ODD

WEIGHTS = random.Random(0).randbytes(300_000)
FILES = {
    "config.json": b"{}",
    "generation_config.json": b'{"codebook_size": 16}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"pickled",
    "text_2.pt": b"suno's",
    "README.md": b"words",
    "tokenizer.json": b'{"a": 1}',
    "tokenizer_config.json": b"{}",
    "vocab.txt": b"a\nb\n",
    "speaker_embeddings_path.json": b"{}",
    "speaker_embeddings/v2/en_speaker_0_semantic_prompt.npy": b"array",
}
NEEDED = {
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    "speaker_embeddings_path.json",
}  # fmt: skip


@pytest.fixture
def hub() -> Iterator[LittleHub]:
    with serving(FILES) as running:
        yield running


@pytest.fixture
def client(hub: LittleHub, tmp_path: Path) -> Hub:
    return Hub(tmp_path, endpoint=hub.endpoint)


def ranges(hub: LittleHub) -> list[str | None]:
    return [asked for path, asked in hub.heard if path == "model.safetensors"]


def test_only_what_is_needed_is_fetched_and_safetensors_are_preferred(hub: LittleHub, client: Hub) -> None:
    folder = client.folder(NAME)
    assert sorted(hub.fetched()) == sorted(NEEDED)
    assert {path.name for path in folder.iterdir()} == NEEDED
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_pickled_weights_are_fetched_where_there_is_nothing_else(hub: LittleHub, client: Hub) -> None:
    del hub.files["model.safetensors"]
    client.folder(NAME)
    assert "pytorch_model.bin" in hub.fetched()


def test_what_is_there_needs_no_network(hub: LittleHub, client: Hub, tmp_path: Path) -> None:
    folder = client.folder(NAME)
    asked, fetched = hub.asked, len(hub.heard)
    assert Hub(tmp_path, endpoint="http://127.0.0.1:9").folder(NAME) == folder  # 9: the discard port, nobody listens
    assert (hub.asked, len(hub.heard)) == (asked, fetched)


def test_a_cut_connection_is_resumed_where_it_broke(hub: LittleHub, client: Hub) -> None:
    """What was written is kept: all but the last, unfinished block of the client, which is 10 MiB long."""
    large = random.Random(1).randbytes(12 << 20)
    hub.files["model.safetensors"] = large
    hub.cut_after["model.safetensors"] = 11 << 20
    assert (client.folder(NAME) / "model.safetensors").read_bytes() == large
    assert ranges(hub) == [None, f"bytes={10 << 20}-"]


def test_a_later_call_resumes_what_an_earlier_one_left(hub: LittleHub, client: Hub, tmp_path: Path) -> None:
    hub.status["model.safetensors"] = 500
    with pytest.raises(ModelError, match="Check the network"):
        client.folder(NAME)
    (part,) = (tmp_path / "owner--tiny").glob("model.safetensors.*.part")
    part.write_bytes(WEIGHTS[:123_456])
    hub.status.clear()
    folder = Hub(tmp_path, endpoint=hub.endpoint).folder(NAME)
    assert ranges(hub)[-1] == "bytes=123456-"
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert not list(folder.glob("*.part"))


def test_a_server_that_ignores_ranges_sends_it_all_again(hub: LittleHub, client: Hub) -> None:
    hub.ignores_ranges = True
    hub.cut_after["model.safetensors"] = 100_000
    assert (client.folder(NAME) / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("path", ["model.safetensors", "tokenizer.json"])
def test_a_flipped_bit_is_found_and_the_file_fetched_once_more(
    hub: LittleHub, client: Hub, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub.flips[path] = 1
    assert (client.folder(NAME) / path).read_bytes() == FILES[path]
    assert hub.fetched().count(path) == 2
    assert f"{path} of {NAME} was fetched wrong" in caplog.text


def test_bytes_that_are_wrong_twice_are_an_error_and_not_kept(hub: LittleHub, client: Hub, tmp_path: Path) -> None:
    hub.flips["model.safetensors"] = 2
    with pytest.raises(ModelError, match="broken twice"):
        client.folder(NAME)
    assert not list((tmp_path / "owner--tiny").glob("model.safetensors*"))


def test_what_changed_at_the_hub_is_fetched_anew_and_the_rest_is_not(hub: LittleHub, client: Hub) -> None:
    folder = client.folder(NAME)
    (folder / "vocab.txt").unlink()  # or nobody would ask the hub
    hub.files["tokenizer.json"] = b'{"b": 2}'
    hub.heard.clear()
    client.folder(NAME)
    assert sorted(hub.fetched()) == ["tokenizer.json", "vocab.txt"]
    assert (folder / "tokenizer.json").read_bytes() == b'{"b": 2}'


def test_an_unknown_name_says_so(client: Hub) -> None:
    with pytest.raises(ModelError, match=r"knows no model owner/other\. Check the name"):
        client.folder("owner/other")


def test_a_hub_that_is_down_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Check the network and try again, or give a folder"):
        Hub(tmp_path, endpoint="http://127.0.0.1:9").folder(NAME)


def test_a_cache_that_cannot_be_written_to_says_so(hub: LittleHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be stored"):
        Hub(tmp_path / "file", endpoint=hub.endpoint).folder(NAME)


def test_what_does_not_fit_on_the_disk_is_not_begun(hub: LittleHub, client: Hub) -> None:
    hub.claims["model.safetensors"] = 1 << 60
    with pytest.raises(ModelError, match="make room there"):
        client.folder(NAME)
    assert not hub.heard


def test_a_file_that_is_shorter_than_the_hub_says_is_an_error(hub: LittleHub, client: Hub, tmp_path: Path) -> None:
    hub.claims["vocab.txt"] = 5
    with pytest.raises(ModelError, match="cannot be fetched"):
        client.folder(NAME)
    assert not (tmp_path / "owner--tiny" / "vocab.txt").exists()


def test_names_that_lead_out_of_the_folder_are_never_fetched(hub: LittleHub, client: Hub, tmp_path: Path) -> None:
    hub.files["../tokenizer_evil.json"] = b"{}"
    client.folder(NAME)
    with pytest.raises(ModelError, match="has no file"):
        client.file(NAME, "../tokenizer_evil.json")
    assert not list(tmp_path.rglob("*evil*"))


def test_progress_rises_from_what_is_there_to_one(hub: LittleHub, tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    hub.cut_after["model.safetensors"] = 100_000
    Hub(tmp_path, endpoint=hub.endpoint, progress=lambda what, done: heard.append((what, done))).folder(NAME)
    fractions = [done for _, done in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert all(what == f"fetching {NAME}" for what, _ in heard)


def test_one_file_is_fetched_at_first_use_only(hub: LittleHub, client: Hub) -> None:
    client.folder(NAME)
    path = "speaker_embeddings/v2/en_speaker_0_semantic_prompt.npy"
    assert client.file(NAME, path).read_bytes() == b"array"
    assert client.file(NAME, path).read_bytes() == b"array"
    assert hub.fetched().count(path) == 1


def test_a_model_of_the_hub_loads_and_its_voices_are_fetched_one_by_one(tmp_path: Path) -> None:
    source = tmp_path / "source"
    folders.save_model(source, ODD)
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    with serving(files) as hub:
        model = load(NAME, cache=tmp_path / "cache", endpoint=hub.endpoint)
        assert model.name == NAME
        assert not any("speaker_embeddings/" in path for path in hub.fetched())
        voice = model.voices.get("v2/en_speaker_0")
        assert sum("speaker_embeddings/" in path for path in hub.fetched()) == 3
    again = load(NAME, cache=tmp_path / "cache", endpoint="http://127.0.0.1:9")  # nobody listens
    assert np.array_equal(again.voices.get("v2/en_speaker_0").fine_prompt, voice.fine_prompt)


def test_the_list_of_voices_needs_no_weights(tmp_path: Path) -> None:
    files = {**FILES, "speaker_embeddings_path.json": b'{"v2/de_speaker_1": {}}'}
    with serving(files) as hub:
        location = find(NAME, cache=tmp_path, endpoint=hub.endpoint, weights=False)
        assert location.voices().names() == ("v2/de_speaker_1",)
        assert "model.safetensors" not in hub.fetched()
