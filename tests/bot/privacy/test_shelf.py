"""The files of kept voices: sealed on the disk, open for as long as somebody reads them."""

import stat
from pathlib import Path

import pytest

from bot.shelf import OPEN, Shelf
from bot.vault import PLAIN, Sealed, Vault, is_sealed
from tests.bot.privacy.test_vault import KEY, OTHER

TOKENS = b"tokens of a voice"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.npz"
    path.write_bytes(TOKENS)
    return path


def shelf_in(folder: Path, vault: Vault = PLAIN) -> Shelf:
    shelf = Shelf(folder / "voices", vault)
    shelf.prepare({"1.npz", "2.npz"})
    return shelf


def test_without_a_key_the_file_itself_is_lent(tmp_path: Path, source: Path) -> None:
    shelf = shelf_in(tmp_path)
    shelf.put(source.read_bytes(), "1.npz")
    assert shelf.lend("1.npz", "job") == shelf.path("1.npz")
    assert shelf.read("1.npz") == TOKENS
    shelf.give_back("job")
    assert [path.name for path in (tmp_path / "voices").iterdir()] == ["1.npz"]


def test_with_a_key_a_copy_is_lent_to_each_and_goes_when_it_comes_back(tmp_path: Path, source: Path) -> None:
    shelf = shelf_in(tmp_path, Vault(KEY))
    shelf.put(source.read_bytes(), "1.npz")
    assert is_sealed(shelf.path("1.npz").read_bytes())
    first, second = shelf.lend("1.npz", "1"), shelf.lend("1.npz", "11")
    assert shelf.lend("1.npz", "1") == first  # once more, after a crash
    for copy in (first, second):
        assert copy.read_bytes() == TOKENS
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    shelf.give_back("1")
    assert (first.exists(), second.exists()) == (False, True)
    shelf_in(tmp_path, Vault(KEY))  # a life that was killed left the other
    assert not (tmp_path / "voices" / OPEN).exists()
    assert shelf.read("1.npz") == TOKENS


def test_what_is_not_there_is_found_out_by_its_reader(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path, Vault(KEY))
    assert shelf.lend("2.npz", "job") == shelf.path("2.npz")


def test_files_follow_the_key_and_strange_ones_are_said_to_be_lost(
    tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf_in(tmp_path).put(source.read_bytes(), "1.npz")
    for vault in (Vault(KEY), Vault(OTHER, KEY), Vault(OTHER)):
        assert shelf_in(tmp_path, vault).read("1.npz") == TOKENS
        assert is_sealed((tmp_path / "voices" / "1.npz").read_bytes())
    assert not caplog.records
    shelf = shelf_in(tmp_path, Vault(KEY))
    assert "a kept voice is lost" in caplog.text
    with pytest.raises(Sealed):
        shelf.lend("1.npz", "job")
    shelf_in(tmp_path, Vault(None, OTHER))
    assert (tmp_path / "voices" / "1.npz").read_bytes() == TOKENS


def test_one_voices_file_is_not_anothers(tmp_path: Path, source: Path) -> None:
    shelf = shelf_in(tmp_path, Vault(KEY))
    shelf.put(source.read_bytes(), "1.npz")
    shelf.path("1.npz").rename(shelf.path("2.npz"))
    with pytest.raises(Sealed):
        shelf.read("2.npz")
