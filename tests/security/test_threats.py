"""SECURITY.md tells the truth: each threat has a defence and tests, and each test that it names exists and is run by `make test`."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| Threat ")
]
NAMED = sorted(set(re.findall(r"`(tests/[^`]+::[^`]+)`", TEXT)))


@functools.cache
def marks_in(file: str) -> dict[str, list[str]]:
    """The tests of a file, with their marks."""
    found: dict[str, list[str]] = {}
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found[node.name] = [ast.unparse(mark) for mark in node.decorator_list]
            case ast.ClassDef(name=name):
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
                found |= {
                    f"{name}::{each.name}": [ast.unparse(mark) for mark in each.decorator_list] for each in methods
                }
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr="TestCase")):  # Hypothesis' machines
                found[f"{name}::runTest"] = []
    return found


def test_each_threat_has_a_defence_and_tests() -> None:
    assert len(ROWS) >= 30
    for row in ROWS:
        assert len(row) == 3, row
        assert all(row)
        assert re.fullmatch(r"(`tests/[\w/.]+(::Test\w+)?::(test_\w+|runTest)` ?)+", row[2]), row[0]


@pytest.mark.parametrize("named", NAMED)
def test_each_named_test_is_there(named: str) -> None:
    file, name = named.split("::", 1)
    assert name in marks_in(file)


def test_each_threat_is_tried_in_every_run() -> None:
    """Not in the long suite alone."""
    for row in ROWS:
        names = [named.split("::", 1) for named in re.findall(r"`([^`]+)`", row[2])]
        assert any("slow" not in " ".join(marks_in(file)[name]) for file, name in names), row[0]


def test_nothing_is_left_to_do() -> None:
    assert "TODO" not in TEXT
