"""`python -m synth`: real processes, real files, exit codes and sentences."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth import audio
from synth.__main__ import FORMATS, main, main_download, main_voices
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


def test_voices_are_listed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_voices([]) == 0
    assert capsys.readouterr().out == "pup_deep\npup_high\npup_lively\npup_low\n"


def test_download_says_where_the_model_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_download(["pup"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / "config.json").is_file()
    assert main_download(["no such model"]) == 1
    assert "Give a folder" in capsys.readouterr().err


def test_it_offers_what_the_audio_module_can_write() -> None:
    assert all(audio.supported(f"a{suffix}") for suffix in FORMATS)
