"""The library in its folder: made once, made again when something changed, and not at all where that is impossible."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synth.cpu import build as builder
from synth.cpu.build import NoKernels, build, find_compiler, processor
from synth.cpu.library import open_kernels

ROOT = Path(__file__).parents[3]


def counting_compiler(folder: Path) -> tuple[str, Path]:
    """The machine's compiler behind a script that writes a line for each library it is asked for."""
    script, calls = folder / "counting", folder / "calls"
    script.write_text(f'#!/bin/sh\ncase "$*" in *-shared*) echo x >> {calls};; esac\nexec {find_compiler()[0]} "$@"\n')
    script.chmod(0o755)
    return str(script), calls


@pytest.fixture(autouse=True)
def a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    try:
        find_compiler()
    except NoKernels as reason:
        pytest.skip(str(reason))


def test_it_is_compiled_once_and_then_found(tmp_path, monkeypatch):
    compiler, calls = counting_compiler(tmp_path)
    monkeypatch.setenv("CC", compiler)
    first = build(tmp_path / "deep" / "cache")
    again = build(tmp_path / "deep" / "cache")
    assert first == again
    assert calls.read_text() == "x\n"
    assert [path.name for path in first.parent.iterdir()] == [first.name], "nothing else stays behind"


@pytest.mark.parametrize("changed", ["compiler", "flags", "processor", "source"])
def test_whatever_changes_gives_a_library_of_its_own(tmp_path, monkeypatch, changed):
    """A folder shared by two machines holds one for each, and an update of the program is not served an old one."""
    before = builder._key(find_compiler())
    if changed == "compiler":
        monkeypatch.setenv("CC", counting_compiler(tmp_path)[0])
    if changed == "flags":
        monkeypatch.setattr(builder, "FLAGS", (*builder.FLAGS, "-g"))
    if changed == "processor":
        monkeypatch.setattr(builder, "processor", lambda: "another")
    if changed == "source":
        copies = [(tmp_path / file.name, file.read_bytes()) for file in builder.SOURCE.parent.glob("*.[ch]")]
        for path, content in copies:
            path.write_bytes(content + b"\n" * path.name.startswith("vectors"))
        monkeypatch.setattr(builder, "SOURCE", tmp_path / builder.SOURCE.name)
    assert builder._key(find_compiler()) != before


def test_a_processor_is_told_by_its_name_and_its_instructions(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text(
        "processor : 0\nmodel name : X\ncpu MHz : 1234\nflags : a b\n\nprocessor : 1\nmodel name : X\nflags : a b\n"
    )
    one = processor(info)
    info.write_text(info.read_text().replace("1234", "4321"))
    assert processor(info) == one, "the clock changes all the time"
    info.write_text(info.read_text().replace("a b", "a"))
    assert processor(info) != one
    assert processor(tmp_path / "nowhere")


def test_two_processes_at_once_make_one_good_library(tmp_path):
    script = (
        "import sys; from pathlib import Path; from synth.cpu.library import open_kernels; sys.stdin.read(1); "
        "print(open_kernels(Path(sys.argv[1]), 1).panel)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with (
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        for process in (one, other):  # both have imported what they need, and start together
            assert process.stdin
            process.stdin.write("x")
            process.stdin.flush()
        outputs = [process.communicate()[0] for process in (one, other)]
        assert one.returncode == other.returncode == 0
    assert outputs[0] == outputs[1] == f"{open_kernels(tmp_path, 1).panel}\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_compiler_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoKernels, match="there is no C compiler"):
        build(tmp_path)


def script(path: Path, *lines: str) -> str:
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return str(path)


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", script(tmp_path / "bad", "echo 'stdlib.h: not found' >&2", "exit 1"))
    with pytest.raises(NoKernels, match=r"bad failed: stdlib\.h: not found"):
        build(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("command", ["/nowhere/cc", "true"])
def test_a_compiler_that_is_none_is_told(tmp_path, monkeypatch, command):
    monkeypatch.setenv("CC", command)
    with pytest.raises(NoKernels, match=Path(command).name):
        build(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NoKernels, match="cannot be used"):
        build(tmp_path / "file" / "cache")


def test_a_damaged_library_is_made_anew(tmp_path):
    """Loading it would end the process: a page behind the end of a file cannot be read."""
    path = build(tmp_path)
    good = path.read_bytes()
    path.unlink()
    path.write_bytes(good[: len(good) // 3])
    assert open_kernels(tmp_path, 1).panel > 0
    assert good in [file.read_bytes() for file in tmp_path.iterdir()]


def test_what_is_no_library_after_all_is_told(tmp_path, monkeypatch):
    """A compiler that writes something else, each time."""
    maker = script(tmp_path / "odd", 'while [ "$1" != -o ]; do shift; done', 'echo text > "$2"')
    monkeypatch.setenv("CC", maker)
    with pytest.raises(NoKernels, match="cannot be loaded"):
        open_kernels(tmp_path / "cache", 1)


def test_flags_of_the_users_compiler_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", f"{find_compiler()[0]} -DSOMETHING='a b'")
    assert find_compiler()[1] == "-DSOMETHING=a b"
    assert os.access(build(tmp_path), os.R_OK)
