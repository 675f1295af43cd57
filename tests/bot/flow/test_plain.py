"""What of a chat message is spoken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flow.plain import Names, plain

NAMES = Names(people={7: "Alice"}, roles={8: "Cooks"}, channels={9: "general"})


@pytest.mark.parametrize(
    ("content", "spoken"),
    [
        ("hello  there\nyou", "hello there you"),
        ("<@7> and <@!7>, ask <@&8> in <#9>", "Alice and Alice, ask Cooks in general"),
        ("who is <@1>?", "who is ?"),
        ("see https://example.org/a?b=c.", "see link"),
        ("see [this page](https://example.org) or <https://example.org>", "see this page or link"),
        ("good <:dog_face:123> boy <a:wag:4>", "good dog face boy wag"),
        ("fine 👍🏽 ok ❤️", "fine thumbs up sign ok heavy black heart"),
        ("♪ la la ♪ — no...", "♪ la la ♪ — no..."),
        ("[laughs] well", "[laughs] well"),
        ("run `ls -l` and\n```sh\nrm -r\n``` then", "run and then"),
        ("an open ```block", "an open"),
        ("**bold** *it* __under__ ~~gone~~ _so_ snake_case", "bold it under gone so snake_case"),
        ("the end ||he dies|| is sad", "the end is sad"),
        ("# Title\n> quoted\n- one\n* two\n-# small", "Title quoted one two small"),
        ("at <t:1700000000:R> use </bark say:55>", "at use bark say"),
        ("2 * 3 = 6, 5 - 1", "2 3 = 6, 5 - 1"),
        ("```all code```", ""),
    ],
)
def test_the_words_of_a_message(content: str, spoken: str) -> None:
    assert plain(content, NAMES) == spoken


@given(st.text(alphabet=st.sampled_from("ab <>@#&!:`|*_~[](){}/\n-1💀♪")))
def test_anything_can_be_read(content: str) -> None:
    spoken = plain(content, NAMES)
    assert "\n" not in spoken
    assert spoken == spoken.strip()
