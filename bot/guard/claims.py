"""Protected names: nobody's text may say that it is them, no voice and no speaker may be called so.

A name in a text is fine ("Ann won the race"), so is what belongs to it ("this is Ann's dog"). What makes a claim stands
in claims.toml, by language; `^` is the beginning of the text.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Iterable

from bot.guard.fold import fold
from bot.guard.listed import Listed, listed, of
from bot.guard.readings import Reading, readings, words

BEGIN = "begin\ue000"  # no word of a folded text
POSSESSIVE = "s"  # what is left of 's


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Protected names, made ready."""

    called: Listed
    claims: Listed

    def claimed(self, read: Iterable[Reading]) -> bool:
        """Whether a text speaks as one of them."""
        return self.claims.found(((BEGIN, *reading) for reading in read), not_before=POSSESSIVE)

    def protect(self, name: str) -> bool:
        """Whether a voice or a speaker may not be called this."""
        return self.called.found(readings(name))


@functools.lru_cache(maxsize=512)  # a server's names stay the same for long
def names(entries: tuple[str, ...]) -> Names:
    """These names."""
    return Names(
        called=listed(entries), claims=of(_claim(template, name) for name in entries for template in _claims())
    )


def _claim(template: str, name: str) -> Reading:
    begin = (BEGIN,) if template.startswith("^") else ()
    return (*begin, *words(fold(template.format(name))))


@functools.cache
def _claims() -> tuple[str, ...]:
    """The templates of claims.toml."""
    file = importlib.resources.files(__package__) / "claims.toml"
    return tuple(
        template for language in tomllib.loads(file.read_text(encoding="utf-8")).values() for template in language
    )
