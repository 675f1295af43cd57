"""A person's text without Discord's marks: to be spoken, or to be shown where all can see it."""

from __future__ import annotations

import re

LINK = "link"  # what a link is called
_LINKS = re.compile(r"<?https?://\S+>?", re.IGNORECASE)
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_MENTIONS = re.compile(r"<(?:@[!&]?|#|/[^:>]+:|t:|id:)[^>]*>|@(everyone|here)\b")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_MARKS = re.compile(r"\*+|__+|~~|\|\||`+|^\s*(?:>>>|>|#{1,3})\s", re.MULTILINE)


def plain(text: str) -> str:
    """Links by one word, emojis by their names; no mentions, no code blocks, no markup; on one line."""
    text = _CODE.sub(" ", text)
    text = _LINKS.sub(LINK, text)
    text = _EMOJI.sub(r"\1", text)
    text = _MENTIONS.sub(" ", text)
    return " ".join(_MARKS.sub("", text).split())


def beginning(text: str, most: int) -> str:
    """The first words of a plain text, with an ellipsis where it goes on."""
    text = plain(text).replace("@", "").replace("<", "")
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip() + "…"
