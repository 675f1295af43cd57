"""Sentences that no training may see: what the miniature is judged by.

Written for this purpose: plain words, five to ten a sentence, every one in the recogniser's dictionary.
"""

from __future__ import annotations

import re

SET_SIZE = 20  # sentences that a recogniser chooses among: the first set, the second set

HELD_OUT = (
    "the cat is asleep under the kitchen table",
    "bring me a glass of cold water",
    "they painted the front gate dark green",
    "our flight was late because of heavy snow",
    "he left his gloves on the bus",
    "the bakery sells fresh bread every morning",
    "turn left at the second traffic light",
    "she wrote a long letter to her aunt",
    "my shoes are still wet from the rain",
    "nobody heard the phone ring last night",
    "the farmer keeps ten sheep and two goats",
    "put the blue cup back on the shelf",
    "we climbed the hill to watch the sunset",
    "this soup needs a little more salt",
    "the boys built a raft out of old barrels",
    "how much did you pay for that lamp",
    "her brother works at a hospital in town",
    "i lost my keys somewhere in the park",
    "a strong wind blew the fence down",
    "please wait here until the music stops",
    "the judge asked everyone to stand up",
    "there is a spider on the bathroom wall",
    "he plays the drums in a school band",
    "you should pack a warm coat for the evening",
    "the river froze twice during that winter",
    "we ran out of paper before lunch",
    "their house has a red door and white windows",
    "the pilot spoke to us in a calm voice",
    "can we sit closer to the fire",
    "my father fixed the clock with a small screw",
    "the queen waved from the balcony",
    "six ducks swam across the pond",
    "she never puts sugar in her tea",
    "the museum opens at nine on sundays",
    "what did the captain say about the storm",
    "our neighbors grow apples and sweet cherries",
    "take this box up to the third floor",
    "the baby laughed when the dog sneezed",
    "it was too dark to read the map",
    "he sold his bike to buy a guitar",
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
