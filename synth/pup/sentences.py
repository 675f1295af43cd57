"""Sentences that no training may see: what the miniature is judged by.

Written for this purpose: plain words, five to ten a sentence, every one in the recogniser's dictionary. Of a hundred, these
are forty that it reads without a fault from the teacher's speech: a word it gets wrong was lost by the miniature.
"""

from __future__ import annotations

import re

SET_SIZE = 20  # sentences that a recogniser chooses among: the first set, the second set

HELD_OUT = (
    "the cat is asleep under the kitchen table",
    "they painted the front gate dark green",
    "our flight was late because of heavy snow",
    "he left his gloves on the bus",
    "turn left at the second traffic light",
    "my shoes are still wet from the rain",
    "this soup needs a little more salt",
    "how much did you pay for that lamp",
    "her brother works at a hospital in town",
    "i lost my keys somewhere in the park",
    "please wait here until the music stops",
    "the judge asked everyone to stand up",
    "there is a spider on the bathroom wall",
    "the pilot spoke to us in a calm voice",
    "can we sit closer to the fire",
    "our neighbors grow apples and sweet cherries",
    "he sold his bike to buy a guitar",
    "he has been working here for twenty years",
    "i will call you again tomorrow morning",
    "the doctor told him to stay in bed",
    "the president will speak to the nation tonight",
    "he could not remember the name of the street",
    "she was very happy to see her mother",
    "you can find the answer in this book",
    "the police are looking for two men",
    "the price of oil went up again today",
    "the plane will land in about ten minutes",
    "we watched a movie and went to bed early",
    "the teacher asked the class a difficult question",
    "he wrote his name on the first page",
    "my friend lives on the other side of town",
    "she works in the garden every weekend",
    "they were waiting for us at the airport",
    "he drinks three cups of coffee a day",
    "we will have to leave before six",
    "the team won the game in the last minute",
    "the weather will be better next week",
    "he gave me a ticket for the concert",
    "can you tell me how to get to the station",
    "his office is on the second floor",
)

_NO_LETTER = re.compile(r"[^a-z']+")
_VARIANT = re.compile(r"\(\d+\)")  # a recogniser's mark for a word's second pronunciation


def plain(text: str) -> str:
    """`text` as words to compare: lower case, letters and apostrophes, one space between."""
    return _NO_LETTER.sub(" ", _VARIANT.sub("", text.lower())).strip()


def is_held_out(text: str) -> bool:
    """Whether a training text must be dropped: it holds one of these sentences, whatever its case and marks."""
    words = f" {plain(text)} "
    return any(f" {sentence} " in words for sentence in HELD_OUT)


def choices(sentence: str) -> tuple[str, ...]:
    """The set of `SET_SIZE` sentences that this one belongs to; ValueError for a stranger."""
    start = HELD_OUT.index(sentence) // SET_SIZE * SET_SIZE
    return HELD_OUT[start : start + SET_SIZE]
