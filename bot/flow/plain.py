"""What of a chat message can be spoken: its words, without the marks that only eyes understand."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Mapping

_CODE = re.compile(r"```.*?(?:```|$)|``.+?``|`[^`\n]+`", re.DOTALL)
_SPOILER = re.compile(r"\|\|.+?\|\|", re.DOTALL)
_NAMED_LINK = re.compile(r"\[([^\]\n]+)\]\(<?https?://[^)\s]+>?\)")
_LINK = re.compile(r"<?https?://[^\s>]+>?")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_MENTION = re.compile(r"<(@[!&]?|#)(\d+)>")
_COMMAND = re.compile(r"</([\w -]+):\d+>")
_TIME = re.compile(r"<t:-?\d+(?::\w)?>")
_LINE_MARKS = re.compile(r"^[ \t]*(?:>{1,3}|#{1,3}|-#|[-*])[ \t]+", re.MULTILINE)
_FACE_MARKS = re.compile(r"\*{1,3}|__|~~|\|\||\\(?=[^\w\s])")
_UNDERSCORES = re.compile(r"(?<!\w)_(?=\S)|(?<=\S)_(?!\w)")
_JOINERS = re.compile(
    "[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]"
)  # parts of emoji that are no emoji by themselves
_MEANT = re.compile(r"[@<>\[\]()`*_~|\\#]")
_SCHEME = re.compile(r"(\w):/+")  # of a link
NOTES = range(0x2669, 0x2670)  # ♩ to ♯: Bark sings by ♪
PICTURES = (range(0x2300, 0x2400), range(0x2600, 0x27C0), range(0x2B00, 0x2C00), range(0x1F000, 0x20000))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What is mentioned, by id."""

    people: Mapping[int, str]
    roles: Mapping[int, str]
    channels: Mapping[int, str]


NAMELESS = Names(people={}, roles={}, channels={})  # mentions are left out


def plain(content: str, names: Names) -> str:
    """The words of a message: mentions and emoji by name, links as "link", without code, spoilers and markup."""
    text = _SPOILER.sub(" ", _CODE.sub(" ", content))
    text = _LINK.sub("link", _NAMED_LINK.sub(r"\1", text))
    text = _EMOJI.sub(lambda found: f" {found[1].replace('_', ' ')} ", text)
    text = _TIME.sub(" ", _COMMAND.sub(r"\1", _MENTION.sub(_named(names), text)))
    text = _UNDERSCORES.sub("", _FACE_MARKS.sub("", _LINE_MARKS.sub("", text)))
    return re.sub(r"\s+", " ", _pictures(text)).strip()


def _named(names: Names) -> Callable[[re.Match[str]], str]:
    def name(found: re.Match[str]) -> str:
        kinds = {"#": names.channels, "@&": names.roles}
        return kinds.get(found[1], names.people).get(int(found[2]), " ")

    return name


def _pictures(text: str) -> str:
    """Emoji as their English names: what Bark can say."""
    return "".join(
        f" {unicodedata.name(character, '').lower()} " if _is_picture(character) else character
        for character in _JOINERS.sub("", text)
    )


def _is_picture(character: str) -> bool:
    code = ord(character)
    return code not in NOTES and any(code in block for block in PICTURES)


def beginning(text: str, most: int) -> str:
    """The first words of a text, without marks and mentions, with an ellipsis where it goes on: all may see them.

    Taking marks out can put others together (`ht**tps://`, `|*|`), and what is left alone may be harmless only by itself:
    so no character that Discord gives a meaning stays.
    """
    shown = "".join(filter(str.isprintable, _SCHEME.sub(r"\1 ", plain(text, NAMELESS))))
    words = re.sub(r"\s+", " ", _SCHEME.sub(r"\1 ", _MEANT.sub("", shown))).strip()
    if len(words) <= most:
        return words
    cut = words[: most - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip() + "…"
