"""config.toml and the environment: what is taken, what is refused, and in which words."""

import dataclasses
import os
import tomllib
from pathlib import Path

import pydantic
import pytest

from bot import config
from bot.errors import ConfigError, TokenError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
GOOD_TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAw" + ".GabcDe." + "x" * 38


def keys(model: type[pydantic.BaseModel], before: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, pydantic.BaseModel):
            found |= keys(inner, f"{name}.")
        else:
            found.add(before + name)
    return found


def test_the_example_names_every_key_with_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        "# folder", "folder"
    )  # the one whose default depends on the machine
    values = tomllib.loads(text)
    assert {f"{section}.{key}" for section, body in values.items() for key in body} == keys(config.Config)
    del values["store"]["folder"]
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    assert config.load(path) == config.Config()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[model]\nname = "pup"\nvoice = "a"\n', encoding="utf-8")
    monkeypatch.setenv("BARKBOT_MODEL__NAME", "suno/bark")
    loaded = config.load(path)
    assert (loaded.model.name, loaded.model.voice) == ("suno/bark", "a")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BARKBOT_MODLE__NAME", r"no section \[modle\]"),
        ("BARKBOT_MODEL_NAME", r"write BARKBOT_MODEL__NAME"),
        ("BARKBOT_STORE_KEEP_HOURS", r"write BARKBOT_STORE__KEEP_HOURS"),
        ("BARKBOT_MODEL__NMAE", r"model\.nmae: no such key"),
    ],
)
def test_a_slip_in_the_environment_is_told(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "pup")
    with pytest.raises(ConfigError, match=words):
        config.load()


def test_the_home_folder_may_be_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "config.toml"
    path.write_text('[store]\nfolder = "~/bark"\n[guard]\nwords = "~/words.txt"\nrules = "a~b"\n', encoding="utf-8")
    loaded = config.load(path)
    assert (loaded.store.folder, loaded.guard.words) == (tmp_path / "bark", str(tmp_path / "words.txt"))
    assert loaded.guard.rules == "a~b"
    path.write_text('[store]\nfolder = "~nobody-of-that-name/bark"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"store\.folder: .*no such home"):
        config.load(path)


@pytest.mark.parametrize("name", ["BARKBOT_IMAGE", "BARKBOT_DATA_KEY_FILE", "MODEL__NAME"])
def test_what_is_no_key_of_ours_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    config.load()


def test_all_bad_keys_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[model]\nthreads = -1\nprecision = "int3"\nnome = "x"\n[limits]\nmax_chars = "many"\n[log]\nlevel = "LOUD"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    for name in ("model.threads", "model.precision", "model.nome", "limits.max_chars", "log.level"):
        assert name in str(caught.value)


@pytest.mark.parametrize("content", ["[model\n", "name = \n"])
def test_broken_toml_is_said_in_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load(path)


def test_a_missing_file_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "none.toml")


def test_a_token_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'# token = "{GOOD_TOKEN}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="BARKBOT_TOKEN") as caught:
        config.load(path)
    assert GOOD_TOKEN not in str(caught.value)


def test_the_token_is_taken_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARKBOT_TOKEN", GOOD_TOKEN)
    assert config.take_token() == GOOD_TOKEN
    assert "BARKBOT_TOKEN" not in os.environ


def test_the_token_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(GOOD_TOKEN + "\n", encoding="utf-8")
    monkeypatch.setenv("BARKBOT_TOKEN_FILE", str(tmp_path / "token"))
    assert config.take_token() == GOOD_TOKEN


def test_something_that_is_no_token_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARKBOT_TOKEN", "my secret password")
    with pytest.raises(TokenError) as caught:
        config.take_token()
    assert "secret" not in str(caught.value)


def test_what_makes_voices_of_recordings_is_called_alike_on_both_sides() -> None:
    from synth.enrol.sources import Sources  # noqa: PLC0415 -- the other side

    assert config.VoicesSection().model_dump(exclude={"member_voices"}) == dataclasses.asdict(Sources())
