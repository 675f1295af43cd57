"""`python -m synth`: real processes, real files, exit codes and sentences."""

from __future__ import annotations

import datetime
import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth import audio, chain, checkpoint, credentials, ogg
from synth.__main__ import FORMATS, main, main_download, main_voices
from synth.aloud import speak_aloud
from synth.bark import Request
from synth.engine import tokenized
from synth.errors import Stopped
from synth.growing import CannotWrite
from synth.voices import KEYS
from tests.synth import folders
from tests.synth.oracle import SHAPES

ONE = ("--threads", "1")  # other tests may run beside these


def run(*words: str, folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "synth", *words],
        input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd=folder,
    )  # fmt: skip


def frames(path: Path) -> int:
    return int(soundfile.info(path).frames)


def test_text_becomes_a_file_with_the_shipped_model(tmp_path: Path) -> None:
    done = run("hello there.", *ONE, "--voice", "pup_low", "--max-seconds", "0.5", "-o", "a.ogg", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert frames(tmp_path / "a.ogg") > 1000
    assert "seed" in done.stdout


@pytest.mark.parametrize("name", list(SHAPES))
def test_any_folder_speaks_and_its_tokens_are_a_voice(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = SHAPES[name]
    folders.save_model(tmp_path / "model", shape)
    np.savez(tmp_path / "x.npz", **folders.voice_arrays(shape))
    common = ["hello there", "--model", str(tmp_path / "model"), "--greedy", "--max-seconds", "1", *ONE]
    for voice, out in (("x", "t"), ("t", "u")):
        files = ["--voice", str(tmp_path / f"{voice}.npz"), "--tokens", str(tmp_path / f"{out}.npz")]
        assert main([*common, *files, "-o", str(tmp_path / f"{out}.wav")]) == 0, capsys.readouterr().err
    with np.load(tmp_path / "t.npz") as tokens:
        assert set(tokens) == set(KEYS)
        assert tokens["fine_prompt"].shape == (shape.fine.n_fine_codebooks, tokens["coarse_prompt"].shape[1])
        assert np.array_equal(tokens["coarse_prompt"], tokens["fine_prompt"][: len(tokens["coarse_prompt"])])


def test_the_ending_of_a_voice_file_may_be_in_capitals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yes.", *ONE, "--tokens", str(tmp_path / "t.npz"), "-o", str(tmp_path / "a.wav")]) == 0
    (tmp_path / "t.npz").rename(tmp_path / "T.NPZ")
    words = ["yes.", *ONE, "--voice", str(tmp_path / "T.NPZ"), "--max-seconds", "1e308", "-o", str(tmp_path / "b.wav")]
    assert main(words) == 0, capsys.readouterr().err


def test_a_seed_decides_the_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert main(["yes.", *ONE, "--seed", str(seed), "-o", str(tmp_path / f"{name}.wav")]) == 0
    first, same, other = ((tmp_path / f"{name}.wav").read_bytes() for name in "abc")
    assert first == same != other
    assert ", seed" not in capsys.readouterr().out


def test_a_precision_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yes.", *ONE, "--precision", "int8", "--no-graphs", "-o", str(tmp_path / "a.wav")]) == 0
    assert frames(tmp_path / "a.wav") > 2400
    with pytest.raises(SystemExit):
        main(["yes.", "--precision", "int3"])
    assert "exact" in capsys.readouterr().err


def test_the_seed_that_is_printed_gives_the_same_audio_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["no.", *ONE, "-o", str(tmp_path / "a.wav")]) == 0
    seed = capsys.readouterr().out.split("seed ")[1].strip()
    assert main(["no.", *ONE, "--seed", seed, "-o", str(tmp_path / "b.wav")]) == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_dash_reads_the_text_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes.\n"))  # of this process, not of our code
    assert main(["-", *ONE, "--seed", "1", "-o", str(tmp_path / "a.wav")]) == 0
    assert main(["yes.", *ONE, "--seed", "1", "-o", str(tmp_path / "b.wav")]) == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_standard_input_that_is_no_text_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff hello"), "utf-8"))  # of this process
    assert main(["-", *ONE, "-o", str(tmp_path / "a.wav")]) == 1
    assert "no text in utf-8" in capsys.readouterr().err


def test_progress_names_the_stages_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yes.", *ONE, "--progress", "--seed", "1", "-o", str(tmp_path / "a.wav")]) == 0
    drawn = capsys.readouterr().err
    assert "semantic" in drawn
    assert "100%" in drawn
    assert main(["yes.", *ONE, "--seed", "1", "-o", str(tmp_path / "a.wav")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--text-temp", "0"], "not a number above 0"),
        (["--text-temp", "nan"], "not a number above 0"),
        (["--waveform-temp", "-1"], "not a number above 0"),
        (["--waveform-temp", "inf"], "not a number above 0"),
        (["--max-seconds", "0"], "not a number above 0"),
        (["--min-eos-p", "1.5"], "neither a probability"),
        (["--seed", "-1"], "not a whole number"),
        (["--seed", "1.5"], "not a whole number"),
        (["--seed", str(2**63)], "not a whole number"),
        (["-o", "a.aac"], "does not end in one of .ogg"),
        (["--stream", "-o", "a.wav"], "--stream writes Ogg Opus"),
        (["--tokens", "t.txt"], "does not end in .npz"),
    ],
)
def test_a_value_that_makes_no_sense_is_a_usage_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["hello", "--model", "/no/such/model", *words])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["", "-o", "a.ogg"], "the text is empty"),
        (["hello", "-o", "no/folder/a.ogg"], "There is no folder no/folder"),
        (["hello", "-o", "a.ogg", "--tokens", "no/folder/t.npz"], "There is no folder no/folder"),
        (["hello", "-o", "a.ogg", "--model", "/no/such/model"], "There is no model folder /no/such/model"),
        (["hello", "-o", "a.ogg", "--voice", "pup_c"], "Try pup_"),
        (["hello", "-o", "a.ogg", "--voice", "absent.npz"], "there is no file absent.npz"),
        (["hello", "-o", "a.ogg", "--device", "abacus"], "There is no device 'abacus'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_does_not_wait_for_torch(tmp_path: Path) -> None:
    code = "import sys, synth.__main__ as m\ntry: m.main(['--help'])\nfinally: print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.endswith("[]\n")


def test_control_c_ends_it_with_130_and_no_traceback(tmp_path: Path) -> None:
    text = "a long long sentence, that takes its time. " * 40
    words = [sys.executable, "-m", "synth", text, *ONE, "--progress", "-o", "a.ogg"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as child:
        assert child.stderr is not None
        seen = ""
        while "semantic" not in seen:  # the first step was made
            seen += child.stderr.read(1)
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
        assert child.wait(timeout=20) == 130
    assert "Traceback" not in rest
    assert rest.endswith("interrupted\n")
    assert not (tmp_path / "a.ogg").exists()


def test_a_streamed_file_and_what_standard_output_gets_hold_the_same_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["hello there.", *ONE, "--seed", "3", "--tokens", "t.npz"]
    assert main([*words, "--stream", "-o", "a.ogg"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("a.ogg: ")
    assert err == ""
    command = [sys.executable, "-W", "ignore", "-m", "synth", *words, "-o", "-"]
    piped = subprocess.run(command, capture_output=True, timeout=60, check=True, cwd=tmp_path)
    assert b"-: " in piped.stderr
    whole, heard = soundfile.read(tmp_path / "a.ogg"), soundfile.read(io.BytesIO(piped.stdout))
    assert np.array_equal(whole[0], heard[0])
    assert out.split()[1] == f"{len(whole[0]) / whole[1]:.1f}"
    with np.load(tmp_path / "t.npz") as tokens:
        assert set(tokens) == set(KEYS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ogg", "t.npz"]


def test_standard_output_is_heard_while_it_is_made_and_may_be_left(tmp_path: Path) -> None:
    text = "a long long sentence, that takes its time. " * 40
    words = [sys.executable, "-W", "ignore", "-m", "synth", text, *ONE, "-o", "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as child:
        stream, packets = ogg.OggOpus(), []
        while len(packets) < 10:
            packets += stream.push(child.stdout.read(200))
        assert child.poll() is None
        child.stdout.close()
        assert child.wait(timeout=60) == 1
        assert child.stderr.read() == b"error: Nobody listens to standard output any more.\n"


def test_a_streamed_file_that_does_not_become_whole_is_removed(tmp_path: Path) -> None:
    model = checkpoint.load("pup")
    request = Request(pieces=tokenized(model, "hello there.", None), seed=1)
    with pytest.raises(Stopped):
        speak_aloud(model, request, audio.Tags(voice=None, seed=1, model="m"), tmp_path / "a.ogg", stop_at_codec)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CannotWrite):
        speak_aloud(model, request, audio.Tags(voice=None, seed=1, model="m"), tmp_path / "no" / "a.ogg", stop_at_codec)


def stop_at_codec(stage: str, _done: float, _total: float) -> None:
    if stage == "codec":
        raise Stopped


def test_voices_are_listed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_voices([]) == 0
    assert capsys.readouterr().out == "pup_deep\npup_high\npup_lively\npup_low\n"


def test_download_voices_says_where_each_part_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "q.pth").touch()
    parts = ["--hubert", str(tmp_path), "--quantizer", str(tmp_path / "q.pth"), "--recogniser", ""]
    assert main_download(["voices", *parts]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["hubert", str(tmp_path)], ["quantizer", str(tmp_path / "q.pth")], ["recogniser", "none"]]
    assert main_download(["voices", "--hubert", "/no/such/folder", "--quantizer", "", "--recogniser", ""]) == 1
    assert "no name of the hub" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main_download(["pup", "--hubert", str(tmp_path)])


def test_download_says_where_the_model_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_download(["pup"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / "config.json").is_file()
    assert main_download(["no such model"]) == 1
    assert "Give a folder" in capsys.readouterr().err


def test_it_offers_what_the_audio_module_can_write() -> None:
    assert all(audio.supported(f"a{suffix}") for suffix in FORMATS)


def test_takes_are_files_of_their_own_each_as_its_seed_alone_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["yes.", *ONE, "--seed", "7", "--progress", "--tokens", str(tmp_path / "t.npz")]
    assert main([*words, "--takes", "3", "-o", str(tmp_path / "a.wav")]) == 0
    said = capsys.readouterr()
    assert [line.split("seed ")[1] for line in said.out.splitlines()] == ["7", "8", "9"]
    assert "100%" in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-1.wav", "a-2.wav", "a-3.wav", "t-1.npz", "t-2.npz", "t-3.npz",
    ]  # fmt: skip
    assert main(["yes.", *ONE, "--seed", "8", "--tokens", str(tmp_path / "u.npz"), "-o", str(tmp_path / "b.wav")]) == 0
    with (
        np.load(tmp_path / "t-2.npz") as one,
        np.load(tmp_path / "u.npz") as other,
        np.load(tmp_path / "t-1.npz") as no,
    ):
        assert all(np.array_equal(one[key], other[key]) for key in KEYS)
        assert not np.array_equal(one["semantic_prompt"], no["semantic_prompt"])


def test_takes_without_a_seed_have_seeds_that_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no.", *ONE, "--takes", "2", "-o", str(tmp_path / "a.wav")]) == 0
    seeds = [line.split("seed ")[1] for line in capsys.readouterr().out.splitlines()]
    assert main(["no.", *ONE, "--seed", seeds[1], "-o", str(tmp_path / "b.wav")]) == 0
    first, second, again = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("a-1", "a-2", "b"))
    assert len(second) == len(again)
    np.testing.assert_allclose(second, again, rtol=0, atol=1e-3)
    assert len(set(seeds)) == 2
    assert len(first) != len(second) or not np.allclose(first, second, atol=0.01)


def test_a_take_that_fails_takes_no_other_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a-2.wav").mkdir()
    words = ["yes.", *ONE, "--seed", "1", "--takes", "2", "-o", str(tmp_path / "a.wav")]
    assert main(words) == 1
    assert "a-2.wav cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "a-1.wav").exists(), "known before anything is spoken"


def test_takes_of_the_most_likely_tokens_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yes.", "--greedy", "--takes", "2", "-o", str(tmp_path / "a.wav")]) == 1
    assert "would be the same" in capsys.readouterr().err


def test_chained_pieces_are_others_than_those_that_keep_to_a_voice(tmp_path: Path) -> None:
    text = "this is one more sentence, of some length. " * 3
    common = [text, *ONE, "--seed", "1", "--voice", "pup_low"]
    for name, more in (("a", []), ("b", ["--chain"])):
        assert (
            main([*common, *more, "--tokens", str(tmp_path / f"{name}.npz"), "-o", str(tmp_path / f"{name}.wav")]) == 0
        )
    with np.load(tmp_path / "a.npz") as plain, np.load(tmp_path / "b.npz") as chained:
        one, other = plain["semantic_prompt"], chained["semantic_prompt"]
    assert np.array_equal(one[:20], other[:20]), "the first piece is the same"
    assert not np.array_equal(one, other)


def test_a_memory_profile_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yes.", *ONE, "--memory", "resident", "--seed", "1", "-o", str(tmp_path / "a.wav")]) == 0
    assert main(["yes.", *ONE, "--memory", "stages", "--device", "cpu", "-o", str(tmp_path / "b.wav")]) == 1
    assert "is for a GPU" in capsys.readouterr().err


def test_a_file_is_signed_with_a_pair_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = chain.prepare(tmp_path, datetime.datetime.now(datetime.UTC))
    said = ["hello there", "--max-seconds", "0.5", "--sign", str(certificate), str(key), *ONE, "-o"]
    assert main([*said, str(tmp_path / "a.mp3")]) == 0, capsys.readouterr().err
    credential = credentials.read((tmp_path / "a.mp3").read_bytes(), ".mp3", certificate.read_bytes())
    assert credential is not None
    assert (credential.valid, credential.own) == (True, True)
    assert main([*said, str(tmp_path / "a.ogg")]) == 1
    assert "Ogg cannot carry" in capsys.readouterr().err
