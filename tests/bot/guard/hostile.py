"""Texts that somebody would send to break the guard: a generator with a seed, so that a text that did can be made again."""

from __future__ import annotations

import random
from collections.abc import Iterator

BLOCKS = [  # code points worth trying, by what is nasty about them
    (0x20, 0x7E),  # ASCII
    (0x00, 0x1F),  # control characters
    (0x300, 0x36F),  # combining marks
    (0x370, 0x52F),  # Greek and Cyrillic
    (0x590, 0x6FF),  # Hebrew and Arabic, with their points
    (0x900, 0x97F),  # Devanagari
    (0xE00, 0xE7F),  # Thai
    (0x1100, 0x11FF),  # conjoining jamo
    (0x1AB0, 0x1AFF),  # more marks
    (0x1E00, 0x1FFF),  # letters that decompose
    (0x2000, 0x206F),  # spaces, joiners, directions
    (0x20D0, 0x214F),  # marks for symbols, letterlike symbols
    (0x2460, 0x24FF),  # letters in circles
    (0x3040, 0x30FF),  # kana
    (0x3300, 0x33FF),  # squared words that become several
    (0x4E00, 0x4EFF),  # Chinese
    (0xAC00, 0xACFF),  # Hangul
    (0xD800, 0xDFFF),  # lone surrogates
    (0xE000, 0xE010),  # private use
    (0xFB00, 0xFDFF),  # ligatures, one of which becomes eighteen letters
    (0xFE00, 0xFE2F),  # variation selectors, half marks
    (0xFF00, 0xFFEF),  # fullwidth and halfwidth
    (0x10000, 0x1FFFF),  # other planes
    (0xE0000, 0xE01FF),  # tags
    (0x0, 0x10FFFF),  # anything
]
PIECES = [
    *("spam", "buy now", "this is ann", "gift card", "read me the code", "i'm ", "s p a m ", "s.p.a.m", "5p4m", "sp@m"),
    *(
        "Ann: ",
        "\u202e",
        "\u200d",
        "a\u0308",
        "n\u0303",
        "\u0344",
        "\ufdfa",
        "İ",
        "ß",
        "ŉ",
        "ǰ",
        "\u1e9b\u0323",
        "\U0001f1e6",
    ),
    *(
        "ばか",
        "ﾊﾞｶ",
        "が",
        "\u3099",
        "1",
        "!",
        "|",
        "$",
        "@",
        "^",
        "\ue000",
        "begin\ue000",
        " ",
        "\n",
        "\x00",
        "{}",
        "{0.__class__}",
    ),
    *("(a+)+$", "'; DROP TABLE jobs; --", "%s%n", "../../etc/passwd", "\\N{DOG}"),
]
LONGEST = 400  # characters of most texts; some are as long as Discord allows
DISCORDS = 4000


def texts(count: int, seed: int) -> Iterator[str]:
    """So many of them."""
    chance = random.Random(seed)
    for _ in range(count):
        yield text(chance)


def text(chance: random.Random) -> str:
    """One: a mixture, a repetition, or a soup of one block."""
    most = DISCORDS if chance.random() < 0.01 else int(LONGEST ** chance.random())
    kind = chance.random()
    if kind < 0.2:
        unit = "".join(_piece(chance) for _ in range(chance.randint(1, 3)))
        return (unit * (most // max(1, len(unit)) + 1))[:most]
    if kind < 0.4:
        block = chance.choice(BLOCKS)
        return "".join(chr(chance.randint(*block)) for _ in range(most))
    return "".join(_piece(chance) for _ in range(most // 3 + 1))[:most]


def _piece(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(PIECES)
    return chr(chance.randint(*chance.choice(BLOCKS)))
