"""The tokenizer of a folder, in each form it can have."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from synth.errors import ModelError
from synth.tokenizer import load_tokenizer
from tests.synth import folders

MANY = 1000


def test_tokenizer_json_gives_ids_without_special_tokens(tmp_path: Path) -> None:
    folders.save_tokenizer(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    assert load_tokenizer(tmp_path, MANY).encode(folders.TEXT) == folders.TEXT_IDS


@pytest.mark.parametrize(
    "config",
    [
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
        {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False, "model_max_length": 4},
    ],
)
def test_a_plain_vocabulary_gives_the_same_ids(tmp_path: Path, config: dict[str, object]) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(folders.WORDS) + "\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(tmp_path, MANY)
    assert tokenizer.encode(folders.TEXT) == folders.TEXT_IDS
    assert tokenizer.encode("Eine") == [7, 8]  # cased


def test_a_long_text_is_encoded_whole_and_quietly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(folders.WORDS) + "\n")
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 4}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    with caplog.at_level(logging.WARNING):
        assert len(load_tokenizer(tmp_path, MANY).encode("hello " * 600)) == 600
    assert not caplog.records


def test_an_id_the_model_does_not_know_is_an_error_not_a_crash(tmp_path: Path) -> None:
    folders.save_tokenizer(tmp_path)
    tokenizer = load_tokenizer(tmp_path, 13)
    assert tokenizer.encode("hello,") == [5, 12]
    with pytest.raises(ModelError, match="knows only 13"):
        tokenizer.encode("hello.")


def test_a_folder_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no tokenizer"):
        load_tokenizer(tmp_path, MANY)


@pytest.mark.parametrize("text", ["{", '{"version": "1.0"}', "[]"])
def test_a_broken_tokenizer_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    with pytest.raises(ModelError, match="cannot be read"):
        load_tokenizer(tmp_path, MANY)
