"""What decides about a press, as pure functions: custom ids, rights, temperatures, names, forms."""

from __future__ import annotations

import itertools
import random
import re
import sqlite3
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.buttons import forms, view_for, waiting_view
from bot.commands.buttons.anew import COOLEST, STEPS, WARMEST, moved
from bot.commands.buttons.keeping import sound_name
from bot.commands.buttons.mark import LARGEST_ID, TEMPLATE, Action, Mark
from bot.commands.buttons.rights import ASKER, ASKER_OR_MODERATOR, FINISHED, LIKE_COMMANDS, UNFINISHED, Presser, refusal
from bot.commands.buttons.telling import SHOWN, plain
from bot.commands.buttons.view import more_view
from bot.flow.check import Refused
from bot.flow.job import Job, State
from bot.flow.options import Options
from bot.schema import MIGRATIONS
from tests.bot.rows import DEFAULTS

ids = st.integers(0, LARGEST_ID)
marks = st.builds(Mark, action=st.sampled_from(Action), job=ids, take=st.none() | st.integers(0, 9))
people = st.builds(
    Presser,
    user_id=st.integers(1, 3),
    guild_id=st.none() | st.integers(1, 2),
    channel_id=st.integers(1, 2),
    moderator=st.booleans(),
    may_use_commands=st.booleans(),
)


def a_job(**values: Any) -> Job:
    columns = [column for script in MIGRATIONS for column in re.findall(r"\n    (\w+) +(?:INTEGER|TEXT|REAL)", script)]
    fields = {name: None for name in Job.__dataclass_fields__ if name in columns}
    plain_values = {"id": 1, "deaths": 0, "restarts": 0, "options": Options(), **DEFAULTS, **values}
    return Job(**{**fields, **plain_values, "state": State(plain_values["state"])})


jobs = st.builds(
    a_job,
    user_id=st.integers(1, 3),
    guild_id=st.none() | st.integers(1, 2),
    channel_id=st.integers(1, 2),
    state=st.sampled_from(State),
    options=st.builds(Options, takes=st.integers(1, 4)),
)
keys = st.sampled_from(("components", "component", "value", "custom_id"))


@given(marks)
def test_a_custom_id_says_what_went_in(mark: Mark) -> None:
    assert Mark.parse(str(mark)) == mark
    assert len(str(mark)) <= 100  # Discord's most


large = st.integers(2**62, 10**30).map(lambda job: f"bark:again:{job}")


@given(large | st.text() | st.from_regex(TEMPLATE) | st.from_regex(r"bark:[a-z]*:[0-9]*(:[0-9]*)?", fullmatch=True))
def test_whatever_a_custom_id_says_it_is_understood_whole_or_not_at_all(custom_id: str) -> None:
    mark = Mark.parse(custom_id)
    if mark is not None:
        sqlite3.connect(":memory:").execute("SELECT ?", (mark.job,))  # fits an INTEGER
        assert Mark.parse(str(mark)) == mark
        assert TEMPLATE.fullmatch(custom_id)


@pytest.mark.parametrize("action", Action)
def test_who_may_press_what_and_when_in_all_cases(action: Action) -> None:
    yes_no = (False, True)
    for own, moderator, commands, here, state in itertools.product(yes_no, yes_no, yes_no, yes_no, State):
        job = a_job(user_id=1, guild_id=2, state=state)
        presser = Presser(
            user_id=1 if own else 9,
            guild_id=2 if here else 8,
            channel_id=3,
            moderator=moderator,
            may_use_commands=commands,
        )
        theirs = own or action not in ASKER | ASKER_OR_MODERATOR or (moderator and action in ASKER_OR_MODERATOR)
        allowed = commands or action not in LIKE_COMMANDS
        timely = state in (UNFINISHED if action is Action.CANCEL else FINISHED)
        expected = here and theirs and allowed and timely
        assert (refusal(Mark(action=action, job=1), job, presser) is None) == expected


@pytest.mark.parametrize(
    ("values", "user", "channel", "allowed"),
    [
        ({"guild_id": None}, 1, 3, True),  # their own, where they asked
        ({"guild_id": 2}, 1, 77, True),  # a late answer that went to its asker directly
        ({"guild_id": None}, 9, 3, True),  # a group: others see it too
        ({"guild_id": None}, 9, 77, False),
        ({"guild_id": 2}, 9, 3, False),
    ],
)
def test_in_direct_messages(values: dict[str, Any], user: int, channel: int, allowed: bool) -> None:  # noqa: FBT001 - a case
    presser = Presser(user_id=user, guild_id=None, channel_id=channel, moderator=False, may_use_commands=True)
    job = a_job(state="answered", **values)
    assert (refusal(Mark(action=Action.AGAIN, job=1), job, presser) is None) == allowed


@given(marks, people)
def test_a_job_that_is_not_there_and_one_of_elsewhere_sound_the_same(mark: Mark, presser: Presser) -> None:
    elsewhere = a_job(guild_id=99, channel_id=98, user_id=97, state="answered")
    assert refusal(mark, None, presser) == refusal(mark, elsewhere, presser) is not None


@pytest.mark.parametrize("action", Action)
def test_the_asker_may_press_everything_at_its_time(action: Action) -> None:
    presser = Presser(user_id=1, guild_id=2, channel_id=3, moderator=False, may_use_commands=True)
    job = a_job(state="queued" if action is Action.CANCEL else "answered")
    assert refusal(Mark(action=action, job=1), job, presser) is None


@given(st.floats(0.01, 5.0), st.integers(0, 2**32))
def test_vary_moves_a_temperature_and_stays_within_bounds(temperature: float, seed: int) -> None:
    changed = moved(temperature, random.Random(seed))
    assert COOLEST <= changed <= WARMEST
    assert changed != temperature
    if COOLEST + max(STEPS) <= temperature <= WARMEST - max(STEPS):
        assert min(STEPS) - 0.006 <= abs(changed - temperature) <= max(STEPS) + 0.006  # it is rounded to two places


@given(st.text(max_size=200))
def test_any_text_gives_a_name_that_a_soundboard_takes(text: str) -> None:
    name = sound_name(text)
    assert 2 <= len(name) <= 32
    assert re.fullmatch(r"[\w' -]+", name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[laughs] Woof!", "laughs Woof"),
        ("♪ la la ♪", "la la"),
        ("?!", "bark"),
        ("x", "bark"),
        ("w" * 40, "w" * 32),
        ("the quick brown fox jumps over the lazy dog", "the quick brown fox jumps over"),
        ("@everyone <@1> https://a.b", "everyone 1 https a b"),
    ],
)
def test_names_of_sounds(text: str, name: str) -> None:
    assert sound_name(text) == name


@given(st.text(max_size=3000))
def test_a_text_cannot_leave_its_code_block(text: str) -> None:
    shown = plain(text)
    assert "`" not in shown
    assert len(shown) <= SHOWN


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_form_is_understood_or_refused(seed: str, liveliness: str) -> None:
    form = forms.edited({"text": "hello", "seed": seed, "liveliness": liveliness}, 2**32 - 1)
    if not isinstance(form, Refused):
        assert form.seed is None or 0 <= form.seed < 2**32
        assert form.liveliness is None or forms.CALMEST <= form.liveliness <= forms.WILDEST


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_a_form_sends_need_not_make_sense(data: object) -> None:
    assert forms.typed({"components": data}) is not None
    assert forms.typed(data) is not None


def test_what_a_form_sends_is_read_from_labels_and_rows() -> None:
    label = {"type": 18, "component": {"type": 4, "custom_id": "text", "value": "a"}}
    row = {"type": 1, "components": [{"type": 4, "custom_id": "seed", "value": "b"}]}
    assert forms.typed({"components": [label, row]}) == {"text": "a", "seed": "b"}


@given(
    jobs,
    people,
    st.none() | st.integers(1, 4),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
async def test_every_message_has_buttons_that_discord_takes(
    job: Job,
    presser: Presser,
    take: int | None,
    offers: tuple[bool, bool, bool],
) -> None:
    clip, short, playable = offers
    more = more_view(job, take, presser, clip=clip, short=short, playable=playable)
    for view in (view_for(job, playable=playable), waiting_view(job), more):
        rows = view.to_components()
        assert len(rows) <= 5
        custom_ids = [button["custom_id"] for row in rows for button in row["components"]]
        assert len(set(custom_ids)) == len(custom_ids)
        assert all(1 <= len(row["components"]) <= 5 for row in rows)
        assert all(Mark.parse(custom_id).job == job.id for custom_id in custom_ids)
        assert view.is_finished()  # so that discord.py does not keep it


@pytest.mark.parametrize("takes", [1, 2, 3, 4])
async def test_play_is_offered_on_servers_where_somebody_plays(takes: int) -> None:
    def offered(view: discord.ui.View) -> bool:
        return any(":play:" in item.custom_id for item in view.children)

    job, presser = (
        a_job(options=Options(takes=takes)),
        Presser(user_id=1, guild_id=2, channel_id=3, moderator=False, may_use_commands=True),
    )
    assert offered(view_for(job, playable=True)) == (takes == 1)
    assert not offered(view_for(job))
    assert not offered(view_for(a_job(guild_id=None), playable=True))
    assert offered(more_view(job, 1, presser, clip=True, short=False, playable=True))
