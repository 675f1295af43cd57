"""The operator's word file: read at the start, every mistake named, its comments shown by the doctor."""

from pathlib import Path

import pytest

from bot import doctor
from bot.config import Config, GuardSection
from bot.errors import ConfigError
from bot.guard.wordfile import WordFile, read


def test_words_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# My list, CC BY 4.0\n#\n\nspam\n buy now \nばか\n", encoding="utf-8")
    assert read(str(path)) == WordFile(words=("spam", "buy now", "ばか"), comments=("My list, CC BY 4.0",))
    assert read("") == WordFile()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"spam\nx\n", "Line 2"),
        (b"spam\n!!!\n", "Line 2"),
        (b"a" * 41, "Line 1"),
        (b"\xff\xfe", "cannot be read"),
        (b"spam\n" * 20_001, "too long"),
        (b"#" * (1 << 20) + b"#", "too long"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(str(tmp_path / "none.txt"))


async def test_the_doctor_tells_the_licence(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# CC BY 4.0, by Somebody\nspam\n", encoding="utf-8")
    assert (await finding(str(path))).endswith(f"1 words and phrases in {path}, which says: CC BY 4.0, by Somebody")
    assert "nothing about its licence" in await finding(_bare(tmp_path))
    assert (await finding("")).startswith("ok")
    assert (await finding(str(tmp_path / "none.txt"))).startswith("FAIL")


def _bare(folder: Path) -> str:
    (folder / "bare.txt").write_text("spam\n", encoding="utf-8")
    return str(folder / "bare.txt")


async def finding(words: str) -> str:
    looks = doctor.looks(Config(guard=GuardSection(words=words)))
    return (await looks[1]()).line()
