"""Where the networks that listen come from: folders, files, or a hub on 127.0.0.1, and never at a user's request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.download import Hub
from synth.enrol.sources import Places, Sources, fetch, places
from synth.errors import ModelError
from tests.synth.hub import NAME, LittleHub, serving

FILES = {
    "config.json": b"{}",
    "preprocessor_config.json": b"{}",
    "generation_config.json": b"{}",
    "tokenizer.json": b"{}",
    "normalizer.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickled",
    "tf_model.h5": b"another program's",
    "quantifier_hubert_base_ls960_14.pth": b"quantizer",
    "quantifier_V1_hubert_base_ls960_23.pth": b"the other",
}
QUANTIZER = f"{NAME}/quantifier_hubert_base_ls960_14.pth"


@pytest.fixture
def hub() -> Iterator[LittleHub]:
    with serving(FILES) as running:
        yield running


@pytest.fixture
def client(hub: LittleHub, tmp_path: Path) -> Hub:
    return Hub(tmp_path / "cache", endpoint=hub.endpoint)


def test_what_is_not_here_is_none_and_the_hub_is_not_asked(hub: LittleHub, client: Hub) -> None:
    assert places(Sources(hubert=NAME, quantizer=QUANTIZER, recogniser=NAME), client) == Places()
    assert places(Sources(hubert="", quantizer="", recogniser=""), client) == Places()
    assert hub.asked == 0


def test_fetched_once_it_is_here_and_nothing_else_is_fetched(hub: LittleHub, client: Hub) -> None:
    sources = Sources(hubert=NAME, quantizer=QUANTIZER, recogniser="")
    found = fetch(sources, client)
    assert found.hubert == found.quantizer.parent
    assert found.quantizer.read_bytes() == b"quantizer"
    assert sorted(hub.fetched()) == [
        "config.json", "model.safetensors", "preprocessor_config.json", "quantifier_hubert_base_ls960_14.pth",
    ]  # fmt: skip
    asked = hub.asked
    assert fetch(sources, client) == places(sources, client) == found
    assert hub.asked == asked


def test_a_recogniser_comes_with_its_words(hub: LittleHub, client: Hub) -> None:
    assert fetch(Sources(hubert="", quantizer="", recogniser=NAME), client).recogniser
    assert {"tokenizer.json", "normalizer.json", "generation_config.json"} <= set(hub.fetched())


def test_folders_and_files_are_taken_as_they_are(client: Hub, tmp_path: Path) -> None:
    (tmp_path / "q.pth").touch()
    found = fetch(Sources(hubert=str(tmp_path), quantizer=str(tmp_path / "q.pth"), recogniser=str(tmp_path)), client)
    assert found == Places(hubert=tmp_path, quantizer=tmp_path / "q.pth", recogniser=tmp_path)


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (Sources(hubert="/no/such/folder", quantizer="", recogniser=""), "no name of the hub"),
        (Sources(hubert="", quantizer="q.pth", recogniser=""), "no name of the hub"),
        (Sources(hubert="", quantizer=f"{NAME}/other.pth", recogniser=""), "has no file"),
        (Sources(hubert="", quantizer="owner/../secret.pth", recogniser=""), "no name of the hub"),
    ],
)
def test_what_is_nowhere_is_said(sources: Sources, words: str, client: Hub) -> None:
    with pytest.raises(ModelError, match=words):
        fetch(sources, client)


def test_a_file_that_is_gone_is_not_here_any_more(client: Hub) -> None:
    sources = Sources(hubert=NAME, quantizer=QUANTIZER, recogniser="")
    fetch(sources, client).quantizer.unlink()
    assert places(sources, client).quantizer is None
    assert places(sources, client).hubert
