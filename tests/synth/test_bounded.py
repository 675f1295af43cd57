"""A stranger's file is read in a child that has nothing to lose: what it understands, and what it survives."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from synth import bounded, bounded_tasks
from synth.bounded import Bounds, NotAudio, TimedOut, TooBig, TooLong, run, run_async
from synth.decode import decoded, kind_of

TONE = 440.0
RATE = 16_000
KINDS = [("OGG", "OPUS"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")]


def sound(
    seconds: float = 1.0, *, rate: int = 48_000, kind: str = "OGG", subtype: str = "OPUS", channels: int = 1
) -> bytes:
    """A tone in a file."""
    tone = 0.3 * np.sin(2 * np.pi * TONE * np.arange(round(seconds * rate)) / rate)
    out = io.BytesIO()
    soundfile.write(out, np.stack([tone] * channels, axis=1), rate, format=kind, subtype=subtype)
    return out.getvalue()


def bounds(**values) -> Bounds:
    usual = {
        "task": "decode",
        "seconds": 20.0,
        "within": 10.0,
        "memory": 1 << 30,
        "max_bytes": 1 << 24,
        "max_out": 1 << 22,
    }
    return Bounds(**{**usual, "options": {"rate": RATE}, **values})


def loudest_hertz(samples: np.ndarray, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


class TestDecode:
    """The task itself, in this process: the child only binds it."""

    @pytest.mark.parametrize(("kind", "subtype"), KINDS)
    @pytest.mark.parametrize("channels", [1, 2])
    def test_each_format_becomes_one_channel_at_the_rate_that_was_asked_for(self, kind, subtype, channels):
        samples, about = decoded(sound(kind=kind, subtype=subtype, channels=channels), bounds())
        assert (about["rate"], about["format"]) == (RATE, kind)
        assert about["seconds"] == pytest.approx(1.0, abs=0.1)
        assert loudest_hertz(samples, RATE) == pytest.approx(TONE, abs=2)
        assert np.abs(samples).max() == pytest.approx(0.3, abs=0.1)

    def test_the_content_decides_whatever_the_name_says(self, tmp_path):
        path = tmp_path / "voice.ogg"
        path.write_bytes(sound(kind="FLAC", subtype="PCM_16"))
        assert kind_of(path.read_bytes()) == "FLAC"
        with pytest.raises(NotAudio):
            decoded(path.read_bytes(), bounds(options={"formats": ["OGG"]}))

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:10\nhttp://127.0.0.1:1/a.ts\n",
            b"ffconcat version 1.0\nfile /etc/passwd\n",
            b"OggS",
            b"OggS" + bytes(10_000),
            b"fLaC" + bytes(10_000),
            b"ID3" + bytes(10_000),
            b"\xff\xfb" + bytes(10_000),
            b"RIFF\xff\xff\xff\xffWAVE" + bytes(10_000),
            b".snd" + bytes(100),  # AU: libsndfile would read it
            b"RIFF" + (100).to_bytes(4, "little") + b"AVI LIST",
        ],
        ids=lambda data: data[:12].decode("latin-1").strip() or "nothing",
    )
    def test_what_is_no_sound_is_not_audio(self, data):
        with pytest.raises(NotAudio):
            decoded(data, bounds())

    @pytest.mark.parametrize(("kind", "subtype"), KINDS)
    def test_a_broken_file_is_its_beginning_or_not_audio(self, kind, subtype):
        whole = sound(2.0, kind=kind, subtype=subtype)
        random = np.random.default_rng(1)
        for length in random.integers(4, len(whole), 10):
            bent = bytearray(whole[:length])
            for place in random.integers(0, length, 5):
                bent[place] = random.integers(256)
            try:
                samples, _ = decoded(bytes(bent), bounds())
            except (NotAudio, TooLong):
                continue
            assert np.isfinite(samples).all()
            assert 0 < len(samples) <= 20 * RATE

    def test_a_wav_that_claims_a_thousand_channels_or_one_hertz_or_no_numbers_is_refused(self):
        wav = bytearray(sound(kind="WAV", subtype="PCM_16"))
        many, slow = bytearray(wav), bytearray(wav)
        many[22:24] = (1000).to_bytes(2, "little")
        many[32:34] = (2000).to_bytes(2, "little")
        slow[24:28] = (1).to_bytes(4, "little")
        nowhere = io.BytesIO()
        soundfile.write(nowhere, np.array([0.1, np.nan, np.inf]), RATE, format="WAV", subtype="FLOAT")
        for data in (bytes(many), bytes(slow), nowhere.getvalue()):
            with pytest.raises(NotAudio):
                decoded(data, bounds())

    def test_what_is_longer_is_refused_or_cut(self):
        data = sound(3.0, kind="FLAC", subtype="PCM_16")
        with pytest.raises(TooLong):
            decoded(data, bounds(seconds=2.0))
        assert len(decoded(data, bounds(seconds=2.0, options={"rate": RATE, "cut": True}))[0]) == 2 * RATE
        assert len(decoded(data, bounds(seconds=3.0))[0]) == 3 * RATE

    def test_a_flac_of_hours_in_a_few_bytes_costs_no_more_than_its_beginning(self):
        silence = io.BytesIO()
        with soundfile.SoundFile(silence, "w", samplerate=8_000, channels=1, format="FLAC", subtype="PCM_16") as file:
            for _ in range(60):
                file.write(np.zeros(8_000 * 60, np.int16))
        assert len(silence.getvalue()) < 2 << 20
        with pytest.raises(TooLong):
            decoded(silence.getvalue(), bounds())


class TestChild:
    def test_it_says_what_the_task_says_and_knows_nothing_of_its_parent(self, tmp_path, monkeypatch):
        monkeypatch.setenv("BARKBOT_TOKEN", "a secret")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        (tmp_path / "numpy.py").write_text("raise SystemExit(3)")  # what an inherited path would bring
        path = tmp_path / "recording"
        path.write_bytes(sound(2.0))
        found = run("decode", path, rate=RATE)
        assert (found["rate"], found["format"]) == (RATE, "OGG")
        samples = np.frombuffer(found["data"], "<f4")
        assert len(samples) == 2 * RATE
        assert loudest_hertz(samples, RATE) == pytest.approx(TONE, abs=2)

    async def test_the_same_for_an_event_loop(self):
        found, refused = await asyncio.gather(
            run_async("decode", sound(), rate=8_000), run_async("decode", b"no sound"), return_exceptions=True
        )
        assert len(found["data"]) == 8_000 * 4
        assert isinstance(refused, NotAudio)
        with pytest.raises(TooLong):
            await run_async("decode", sound(), seconds=0.5)

    @pytest.mark.parametrize("kind", ["folder", "pipe", "link", "nothing", "device"])
    def test_only_a_plain_file_is_opened(self, kind, tmp_path):
        path = tmp_path / "voice.ogg"
        match kind:
            case "folder":
                path.mkdir()
            case "pipe":
                os.mkfifo(path)
            case "link":
                path.symlink_to("/etc/passwd")
            case "device":
                path = Path("/dev/zero")
        with pytest.raises(NotAudio):
            run("decode", path)

    def test_a_file_of_too_many_bytes_is_not_even_opened_by_the_child(self, tmp_path):
        path = tmp_path / "recording"
        with path.open("wb") as file:
            file.truncate(1 << 40)  # a sparse terabyte
        with pytest.raises(TooBig):
            run("decode", path)
        with pytest.raises(TooBig):
            run("decode", bytes(101), max_bytes=100)


HOSTILE = """
import sys; sys.path.insert(0, sys.argv[1])
import synth.bounded_tasks as it
def hostile(data, bounds):
    {code}
it.find = lambda name: hostile
it.main(sys.argv[2])
"""


def taken_over(monkeypatch, code: str) -> None:
    """The next children do this instead of a task: a decoder that a file took over, after the child bound itself."""
    monkeypatch.setattr(bounded, "START", HOSTILE.format(code=code))


class TestHostile:
    def test_one_that_does_nothing_for_ever_is_killed_with_all_that_it_started(self, monkeypatch):
        code = "import os, time\n    os.fork()\n    time.sleep(600)"
        taken_over(monkeypatch, code)
        began = time.monotonic()
        with pytest.raises(TimedOut):
            run("decode", b"OggS", within=1.0)
        assert time.monotonic() - began < 10
        for child in psutil.process_iter(["cmdline"]):
            assert "it.find = lambda name: hostile" not in " ".join(child.info["cmdline"] or [])

    async def test_a_caller_who_is_cancelled_leaves_no_child_behind(self, monkeypatch):
        taken_over(monkeypatch, "import time; time.sleep(600)")
        task = asyncio.create_task(run_async("decode", b"OggS", within=300.0))
        ours = psutil.Process()
        while not any(bounded.START in child.cmdline() for child in ours.children()):
            await asyncio.to_thread(time.sleep, 0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(bounded.START in child.cmdline() for child in ours.children())

    @pytest.mark.parametrize(
        ("code", "error", "bound"),
        [
            ("return {}, bytearray(1 << 31)", TooBig, {}),  # memory
            ("sys.setrecursionlimit(10**9); return {}, b''.join(iter(lambda: bytes(1 << 20), None))", TooBig, {}),
            ("return {}, bytes(5 << 20)", NotAudio, {"max_out": 1 << 20}),  # more than it may write
            ("import os; os.write(1, b'x' * (1 << 18)); os._exit(0)", NotAudio, {}),  # no answer
            ("import os; os.write(1, bytes([5, 0, 0, 0]) + b'[1,2]'); os._exit(0)", NotAudio, {}),
            ("import os; os.abort()", NotAudio, {}),
            ("[open('/dev/null') for _ in range(100)]", NotAudio, {}),  # descriptors
            ("while True: pass", TimedOut, {"within": 1.0}),
        ],
        ids=["memory", "hoard", "flood", "babble", "list", "crash", "files", "spin"],
    )
    def test_it_gets_no_more_than_its_bounds(self, monkeypatch, code, error, bound):
        taken_over(monkeypatch, code)
        with pytest.raises(error):
            run("decode", b"OggS", **bound)

    def test_endless_input_is_cut_off_where_it_becomes_too_big(self):
        words = bounded.command(bounds(max_bytes=1 << 20))
        endless = "import sys\nwhile True: sys.stdout.buffer.write(bytes(65536))"
        with (
            subprocess.Popen(
                [sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as writer,
            subprocess.Popen(words, stdin=writer.stdout, stdout=subprocess.PIPE) as child,
        ):
            writer.stdout.close()
            assert b"too-big" in child.stdout.read()

    def test_without_bubblewrap_or_with_one_that_may_not_the_limits_alone_hold(self, monkeypatch, tmp_path):
        """Where containers forbid namespaces bwrap is there, and fails."""
        program = tmp_path / "bwrap"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o700)
        for path in (str(tmp_path), str(tmp_path / "nothing")):
            monkeypatch.setenv("PATH", path)
            bounded._bubble.cache_clear()
            assert bounded.command(bounds())[0] == sys.executable
        bounded._bubble.cache_clear()

    def test_bubblewrap_gets_no_network_and_no_folder_but_those_of_python(self, monkeypatch, tmp_path):
        """One that starts what it was given, and writes down how: the real one needs namespaces, which few machines of tests allow."""
        program = tmp_path / "bwrap"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/words\nwhile [ "$1" != {sys.executable} ]; do shift; done\nexec "$@"\n'
        )
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        bounded._bubble.cache_clear()
        try:
            assert run("decode", sound(), rate=RATE)["format"] == "OGG"
        finally:
            bounded._bubble.cache_clear()
        words = (tmp_path / "words").read_text().split()
        assert "--unshare-all" in words
        bound = [words[place + 1] for place, word in enumerate(words) if word in {"--ro-bind", "--bind"}]
        assert str(bounded.ROOT) in bound
        assert "--bind" not in words
        assert not {"/", "/home", "/var", "/etc", "/usr", str(Path.home()), str(tmp_path), str(Path.cwd())} & set(bound)


def test_every_task_that_is_registered_is_there():
    for name in bounded_tasks.TASKS:
        assert callable(bounded_tasks.find(name))
