"""Files that grow beside their place, and whoever listens to them."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

from synth.errors import Stopped
from synth.growing import CannotWrite, aside, growing
from synth.listener import Listener
from synth.ogg import OggOpus
from tests.synth.test_audio import speech
from tests.synth.test_encoder import encoded


@pytest.fixture(scope="module")
def parts() -> list[bytes]:
    return encoded(speech(1), 6_000, 12_000, 18_000)


def test_it_can_be_read_while_it_grows_and_gets_its_name_at_the_end(tmp_path):
    path = tmp_path / "a.ogg"
    with growing(path) as add:
        add(b"one")
        assert aside(path).read_bytes() == b"one"
        add(b"two")
        assert not path.exists()
    assert path.read_bytes() == b"onetwo"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [Stopped, MemoryError, KeyboardInterrupt, GeneratorExit])
def test_whatever_ends_it_early_removes_it_and_leaves_an_older_file(tmp_path, error):
    path = tmp_path / "a.ogg"
    path.write_bytes(b"old")

    def fail() -> None:
        with growing(path) as add:
            add(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_an_error_of_the_system_in_the_block_is_not_taken_for_one_of_the_file(tmp_path):
    with pytest.raises(ConnectionError), growing(tmp_path / "a.ogg"):
        raise ConnectionError


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CannotWrite, match="No such file"), growing(tmp_path / "gone" / "a.ogg"):
        pytest.fail("there is nothing to write to")


def test_a_listener_gets_every_packet_once_across_the_change_of_name(tmp_path, parts):
    path, heard, size = tmp_path / "a.ogg", [], 0
    with contextlib.closing(Listener(path)) as listener:
        with growing(path) as add:
            for part in parts[:-1]:
                add(part)
                size += len(part)
                heard += listener.hear(size)
                assert listener.hear(size) == []
            add(parts[-1])
        heard += listener.hear(path.stat().st_size)
    assert heard == OggOpus().push(b"".join(parts))
    assert listener.stream.ended


def test_no_more_is_read_than_was_told(tmp_path, parts):
    path = tmp_path / "a.ogg"
    with growing(path) as add, contextlib.closing(Listener(path)) as listener:
        add(b"".join(parts))
        assert listener.hear(len(parts[0])) == OggOpus().push(parts[0])


def test_a_listener_that_comes_late_finds_the_finished_file(tmp_path, parts):
    path = tmp_path / "a.ogg"
    with growing(path) as add:
        add(b"".join(parts))
    with contextlib.closing(Listener(path)) as listener:
        assert listener.hear(len(parts[0])) == OggOpus().push(parts[0])


def test_a_listener_keeps_what_was_removed_and_a_later_try_is_another_file(tmp_path, parts):
    path = tmp_path / "a.ogg"
    with contextlib.closing(Listener(path)) as listener:
        with contextlib.suppress(Stopped), growing(path) as add:
            add(parts[0])
            listener.hear(1)
            raise Stopped
        with growing(path) as add:
            add(bytes(10_000))
        assert listener.hear(len(parts[0])) == OggOpus().push(parts[0])


def test_what_is_not_there_is_not_heard(tmp_path):
    listener = Listener(tmp_path / "a.ogg")
    assert listener.hear(100) == []
    listener.close()


def test_a_killed_writer_s_file_is_not_written_over(tmp_path):
    path = tmp_path / "a.ogg"
    aside(path).write_bytes(b"left over")
    with aside(path).open("rb") as reader:
        with growing(path) as add:
            add(b"new")
        assert reader.read() == b"left over"
    assert path.read_bytes() == b"new"


def test_a_disk_that_gets_full_on_the_way_is_told_and_nothing_stays(tmp_path):
    done = subprocess.run([sys.executable, "-c", OUT_OF_ROOM, tmp_path / "a.ogg"], check=False, capture_output=True)
    assert done.stdout == b"1000 DiskFull\n", done.stderr
    assert list(tmp_path.iterdir()) == []


OUT_OF_ROOM = """
import pathlib, resource, sys
from synth.errors import DiskFull
from synth.growing import aside, growing
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500, 1_500))
path = pathlib.Path(sys.argv[1])
try:
    with growing(path) as add:
        add(bytes(1_000))
        size = aside(path).stat().st_size
        add(bytes(1_000))
except DiskFull as error:
    print(size, type(error).__name__)
"""
