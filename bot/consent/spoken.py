"""Whether what was heard is what was to be said: the sentence nearly, the code words all, and in order.

The sentence is English in every language of the bot: the recogniser understands that one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SENTENCE = "I agree that this bot may make a synthetic copy of my voice. My code words are"
MOST_ERRORS = 0.3  # of the sentence's words
LONG = 5  # letters of a word of which one may be heard wrongly: the list has no two that are so close


def to_say(words: Sequence[str]) -> str:
    """What is read aloud."""
    return f"{SENTENCE}: {', '.join(words)}."


def wrong(text: str, words: Sequence[str]) -> str | None:
    """The reason why the heard `text` does not do: "words" or "sentence"; None: it does."""
    heard = tokens(text)
    begin = _begin(heard, words)
    if begin is None:
        return "words"
    sentence = tokens(SENTENCE)
    return "sentence" if distance(heard[:begin], sentence) > MOST_ERRORS * len(sentence) else None


def tokens(text: str) -> list[str]:
    """The words of a text, without marks."""
    return re.findall(r"[a-z]+", text.lower().replace("'", ""))


def _begin(heard: Sequence[str], words: Sequence[str]) -> int | None:
    """Where the code words begin. They are the end of what was said; None: they are not, or not all, or in another order.

    What is said between two of them is passed over: a cough is heard as a word, too.
    """
    place = len(heard)
    for word in reversed(words):
        found = _last(heard[:place], word)
        if found is None:
            return None
        place = found
    return place


def _last(heard: Sequence[str], word: str) -> int | None:
    """Where a code word is heard last; recognisers write some in two parts."""
    for place in reversed(range(len(heard))):
        parts = heard[place], "".join(heard[place : place + 2])
        if any(_alike(part, word) for part in parts):
            return place
    return None


def _alike(heard: str, word: str) -> bool:
    return heard == word or (len(word) >= LONG and heard[:1] == word[:1] and distance(heard, word) <= 1)


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items must be put in, taken out or replaced to make one of the other (Levenshtein)."""
    before = list(range(len(other) + 1))
    for row, item in enumerate(one, start=1):
        now = [row]
        for column, against in enumerate(other, start=1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (item != against)))
        before = now
    return before[-1]
