"""PRIVACY.md and TERMS.md tell the truth: each kind that is kept, each time, each command."""

import re
from pathlib import Path

import pytest

from bot import i18n, texts
from bot.commands.privacy import Papers, farewell, overview
from bot.config import Config, GuardSection
from bot.errors import ConfigError
from bot.flow.job import TOKEN_LIFE
from bot.flow.meters import FORGET_AFTER
from bot.moderation.rules import SHOWN_FOR
from bot.privacy.erase import Erased
from bot.privacy.holdings import HOLDINGS
from bot.privacy.keep import DAY, HOUR, Keep

ROOT = Path(__file__).parents[3]
PAPERS = {name: (ROOT / f"{name}.md").read_text(encoding="utf-8") for name in ("PRIVACY", "TERMS")}
ROWS = {
    cells[0]: cells[1:]
    for line in PAPERS["PRIVACY"].splitlines()
    if line.startswith("| ") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 4
}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_kind_has_its_line_and_no_other() -> None:
    assert next(iter(ROWS)) == "kind"
    assert set(ROWS) - {"kind"} == set(texts.HELD.values())


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.what)
def test_times_are_those_of_the_configuration(holding) -> None:
    keep = Config().keep()
    told = {
        "text": f"{keep.text / HOUR:g} hours",
        "clips": f"{keep.clips / HOUR:g} hours after the answer",
        "jobs": f"{keep.jobs / DAY:g} days after the answer" if holding.what == "jobs" else "as long as requests",
        "reports": f"{keep.reports / DAY:g} days",
        "wish": "until you delete them",
        "leak": "a day at most",
        "erasure": "until that has ended",
        "questions": f"{SHOWN_FOR / DAY:g} days; what waits with it {TOKEN_LIFE / 60:g} minutes",
        "ban": "as long as it holds",
        "audit": "for good",
        "consent": f"until {keep.consent / DAY:g} days after its end",
        "ceremonies": f"as long as the voice; without one for {keep.ceremonies / DAY:g} days",
        "posts": "as long as the request, or until the voice ends",
    }
    assert told[holding.until] in ROWS[texts.HELD[holding.what]][1]
    assert FORGET_AFTER == DAY


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ja"])
def test_all_kinds_at_once_fit_a_message(language: str) -> None:
    everything = [(holding, 1_000_000) for holding in HOLDINGS]
    stays = tuple(holding.stays for holding in HOLDINGS if holding.stays)
    with i18n.speaking(language):
        for words in (overview(everything, Keep()), farewell(Erased(cancelled=(1,), files=(), stays=stays), Keep())):
            assert len(words) <= 2000


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.what)
def test_what_stays_is_said_to_stay(holding) -> None:
    at_a_wish = ROWS[texts.HELD[holding.what]][2]
    assert at_a_wish.startswith("stays") == bool(holding.stays)


def test_the_other_times_hold_too() -> None:
    keep = Config().keep()
    assert keep == Keep()
    assert f"deleted {keep.servers / DAY:g} days after the bot" in PAPERS["PRIVACY"]
    assert f"until it is used, {TOKEN_LIFE / 60:g} minutes at most" in PAPERS["PRIVACY"]
    assert f"Texts go {keep.text / HOUR:g} hours after" in README
    assert f"after {keep.jobs / DAY:g} days" in README
    assert f"\n{keep.servers / DAY:g} days after the bot was removed" in README


@pytest.mark.parametrize("paper", PAPERS)
def test_an_operator_fills_in_three_lines_and_no_more(paper: str) -> None:
    text = PAPERS[paper]
    gaps = re.findall(r"FILL IN: ([^*]+)\*\*", text)
    assert gaps == ["name and country", "a mail address", "date"]
    assert f"({paper}.md)" in README


@pytest.mark.parametrize("paper", PAPERS)
def test_commands_in_them_exist(paper: str) -> None:
    words = set(re.findall(r"`/bark ([a-z]+)`", " ".join(PAPERS[paper].split())))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot" / "commands").glob("*.py"))
    assert words
    assert [name for name in words if f'name="{name}"' not in sources] == []


def test_links_are_links() -> None:
    links = Papers(privacy="https://example.org/p").links()
    assert [(link.label, link.url) for link in links] == [("Privacy policy", "https://example.org/p")]
    assert Papers().links() == []
    for wrong in ("example.org", "javascript:x", "https://a b"):
        with pytest.raises((ConfigError, ValueError)):
            GuardSection(privacy_url=wrong)
