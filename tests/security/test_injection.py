"""Words of people that want to be more than words: to Discord's readers, to the database, to the file system."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import kept
from bot.commands.buttons.keeping import sound_name
from bot.commands.buttons.tidying import note
from bot.commands.line import safe
from bot.flow import queue
from bot.flow.check import clean
from bot.flow.options import Kind, Options
from bot.flow.plain import beginning
from bot.flow.post import filename
from bot.flow.script import tidy
from bot.kept import clean_name
from bot.previews import _file_name
from bot.settings import _write
from bot.shelf import Shelf
from bot.store import connect, recall, remember
from bot.vault import PLAIN
from synth.voices import Voices
from tests.bot.commands.scene import scene_in
from tests.bot.rows import DEFAULTS
from tests.fuzz import seeds

NASTY = (
    *(
        "@everyone",
        "<@123456789012345678>",
        "<@&123456789012345678>",
        "<#123456789012345678>",
        "</bark say:1>",
        "<id:guide>",
    ),
    *(
        "[click](https://evil.example)",
        "https://evil.example/a_b_c",
        "ht**tps://evil.example",
        "[a](ht~~tps://evil.example)",
    ),
    *("|*|hidden|*|", "```", "``", "`", "> quote", "# head", "-# small", "\\", "\n\n@here", "**", "__", "~~", "*_*_*"),
    *(
        "'; DROP TABLE jobs; --",
        '" OR ""="',
        "%s %n {0.__class__} {mention}",
        "../../etc/passwd",
        "..\\..\\x",
        "/etc/passwd",
    ),
    *(
        "CON",
        "nul.txt",
        "a\0b",
        "\u202e\u2066gnp.exe",
        "\u200b",
        "\ud800",
        "\x1b[2J",
        "a" * 5000,
        ".",
        "..",
        "-rf",
        "~",
        "#1",
    ),
)
words = st.lists(st.sampled_from(NASTY) | st.text(max_size=20), max_size=6).map("".join)


# -- Discord's readers


@given(words)
def test_what_all_see_of_a_text_means_nothing_to_discord(text: str) -> None:
    """The status of a voice channel, and `/bark now`: taking marks out must not put others together."""
    shown = beginning(text, 60)
    assert len(shown) <= 60
    assert shown.isprintable()
    assert not set(shown) & set("@<>[]()`*_~|\\#")
    assert "://" not in shown


@pytest.mark.parametrize(
    "text", ["ht**tps://evil.example", "[x](ht||tps://evil.example)", "see h`t`ttps:/\u200b/evil.example"]
)
def test_no_link_is_put_together(text: str) -> None:
    assert not re.search(r"https?:/", beginning(text, 60))


@given(words)
def test_ones_own_text_in_a_list_is_one_line_without_marks_and_mentions(text: str) -> None:
    shown = safe(text)
    assert "\n" not in shown
    assert not re.search(r"@(everyone|here|[!&]?[0-9]{17,20})", shown)
    assert not re.search(r"[*_~|`\[\]()<>#\\]", re.sub(r"\\[*_~|`\[\]()<>#\\]", "", shown))


@given(words)
def test_what_is_repeated_of_a_text_is_letters(text: str) -> None:
    assert not re.search(r"[^\w /.-]", clean(text))
    assert len(clean(text)) <= 60
    assert not re.search(r"[^\w .'\u2019-]|_", clean_name(text))
    assert not re.search(r"[^\w' -]", sound_name(text))


async def test_mentions_and_marks_reach_nobody(tmp_path: Path) -> None:
    """A text through all that repeats it; the loopback Discord complains of any message that could ping."""
    text = f"@everyone <@&1> [click](https://evil.example) ||x|| `` {' '.join(NASTY[:5])}"
    async with scene_in(tmp_path, None, actions_per_minute=0) as scene:
        alice, place = scene.discord.user("alice"), scene.discord.general
        held = await alice.slash("bark", "say", text="hold")
        await held.until(lambda message: message.content)
        second = await alice.slash("bark", "say", text=text)
        await second.until(lambda message: message.content)
        line = await (await alice.slash("bark", "queue")).until(lambda message: message.content)
        gone = await (await alice.slash("bark", "cancel")).until(lambda message: message.content)
        (scene.app._audio / f"{held.id}.go").touch()
        await held.until(lambda message: message.attachments)
        answered = await scene.answered(text=text, channel=place)
        details = await scene.private(await scene.press("alice", answered, "Details"))
        unknown = await (await alice.slash("bark", "say", text="x", voice=text[:100])).until(
            lambda message: message.content
        )
        for message in (line, gone, details, unknown):
            shown = re.sub(r"```.*```", "", message.content, flags=re.DOTALL)
            assert message.ephemeral
            assert "@everyone" not in shown
            assert "](https" not in shown.replace("\\[", "")
        assert details.content.count("```") == 2
        for message in scene.discord.channel_messages(place):
            assert "evil" not in message.content
            assert message.payload()["mentions"] == []


def test_the_client_pings_nobody_unless_told() -> None:
    assert discord.AllowedMentions.none().to_dict() == {"parse": []}


# -- the database


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path_factory.mktemp("database") / "x.sqlite3")
    yield connection
    connection.close()


def schema(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=words, name=words)
def test_no_words_are_sql(database: sqlite3.Connection, tmp_path: Path, text: str, name: str) -> None:
    """Everything that people write goes in, and comes out as it was; the tables stay what they are."""
    text, before, shelf = tidy(text, Kind.SAY) or "x", schema(database), Shelf(tmp_path / "voices", PLAIN)
    called = clean_name(name)[: kept.LONGEST]
    database.execute("BEGIN")
    try:
        row = {
            **DEFAULTS,
            "id": 1,
            "text": text,
            "voice": tidy(name, Kind.SAY),
            "options": Options(locale=name).to_json(),
        }
        insert_with_parameters(database, row)
        job = queue.get(database, 1)
        assert job is not None
        assert (job.text, job.voice, job.options.locale) == (text, row["voice"], name)
        assert note(database, job, 5, 0.0)
        if len(called) >= kept.SHORTEST:
            voice = kept.keep(database, user_id=1, name=called, read=bytes, shelf=shelf, now=0.0)
            assert kept.everything(database) == [voice]
            assert kept.rename(database, voice.id, 2, "Theirs") is None
            assert not kept.delete(database, voice.id, 2)
        stored = _write(database, "g1", {"words": [name, text]})
        assert stored == {"words": [name, text]}
        remember(database, "x", name)
        assert recall(database, "x") == name
        assert schema(database) == before
    finally:
        database.execute("ROLLBACK")


def insert_with_parameters(db: sqlite3.Connection, row: dict[str, object]) -> None:
    from bot.flow.job import State  # noqa: PLC0415 - beside its use

    fields = {name: value for name, value in row.items() if name != "state"}
    assert queue.insert(db, **{**fields, "state": State.RECEIVED, "charged": 0.0})


# -- the file system


@given(name=words, other=words)
def test_no_name_is_a_path(name: str, other: str) -> None:
    """Samples are named by voices, whatever a model calls them: always one part of a path, and each its own."""
    name, other = (tidy(each, Kind.SAY) for each in (name, other))
    part = _file_name(name)
    assert Path(part).name == part
    assert part not in {"", ".", ".."} or not name
    assert not set(part) & set("/\\\0:")
    assert (part == _file_name(other)) is (name == other) or not (name.strip(".") and other.strip("."))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=words)
def test_a_kept_voice_lies_where_its_number_says(tmp_path: Path, name: str) -> None:
    voice = kept.Kept(id=7, user_id=1, guild_id=None, name=clean_name(name), made_at=0.0)
    assert voice.file == "7.npz"
    assert filename(Path("/x") / "123-2.ogg") == "ai-speech-123-2.ogg"
    with pytest.raises(Exception, match="There is no voice"):
        Voices(tmp_path, seeds.RULES).get(name)
