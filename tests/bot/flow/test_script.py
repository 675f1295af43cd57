"""What is spoken of what was typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.options import Format, Kind, Options
from bot.flow.script import Line, cast_for, script, tidy, turns


@pytest.mark.parametrize(
    ("kind", "text", "spoken"),
    [
        (Kind.SAY, "  hello \n there ", ["hello there"]),
        (Kind.SING, "la la\n\n  ♪ la ♪ ", ["♪ la la ♪", "♪ la ♪"]),
        (Kind.SOUND, "rain on a tin roof", ["[rain on a tin roof]"]),
        (Kind.SOUND, "[music]", ["[music]"]),
        (Kind.DIALOGUE, "Ann: hello\nBob:  hi,\n and bye", ["hello", "hi, and bye"]),
    ],
)
def test_each_kind_has_its_marks(kind, text, spoken):
    assert [line.text for line in script(tidy(text, kind), kind, {})] == spoken


def test_each_speaker_of_a_dialogue_has_a_voice():
    text = "Ann: hello\nBob: hi\nAnn: bye: now\nat 12:30 perhaps"
    cast = cast_for(text, {"Bob": "b"}, ["a", "b", "c"])
    assert cast == {"Ann": "a", "Bob": "b"}
    assert script(text, Kind.DIALOGUE, cast)[2] == Line(text="bye: now at 12:30 perhaps", voice="a")


def test_more_speakers_than_voices_share_them():
    assert set(cast_for("A: x\nB: y\nC: z", {}, ["a", "b"]).values()) == {"a", "b"}
    assert cast_for("A: x", {}, []) == {}


@given(st.text(max_size=200), st.sampled_from(Kind))
def test_any_text_becomes_lines_without_losing_a_letter(text, kind):
    tidied = tidy(text, kind)
    assert tidy(tidied, kind) == tidied
    lines = script(tidied, kind, {})
    if kind is Kind.SAY:
        assert "".join(line.text for line in lines) == tidied
    if kind is Kind.DIALOGUE:
        names = "".join(name for name, _ in turns(tidied))
        assert len("".join(line.text for line in lines).split()) >= len(tidied.split()) - len(
            names.split()
        ) - tidied.count(":")


@given(
    st.builds(
        Options,
        kind=st.sampled_from(Kind),
        takes=st.integers(1, 4),
        text_temp=st.none() | st.floats(0.1, 2),
        format=st.sampled_from(Format),
        cast=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        voice_message=st.booleans(),
        speak_in=st.none() | st.integers(0, 2**63),
        parent=st.none() | st.integers(0, 2**63),
    )
)
def test_options_come_back_from_json_as_they_went(options):
    assert Options.from_json(options.to_json()) == options


def test_what_is_not_said_is_not_stored():
    assert Options().to_json() == "{}"
