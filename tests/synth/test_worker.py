"""The child's parts that the contract does not show: pacing, the inbox, and how it ends when it cannot begin."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys

import pytest

from synth.outbox import Outbox, Pace, Steps
from synth.protocol import Cancel, Cancelled, ExitCode, Job, Leaving, Loading, Progress, Ready, decode, encode
from synth.worker import Worker, WorkerOptions
from synth.worker import main as worker_main
from tests.contract.test_child import Child
from tests.fakes.child import FakeOptions
from tests.fakes.child import main as fake_main


@pytest.fixture
def pipe():
    ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
    with ours, theirs:
        yield ours, theirs


def told(connection):
    messages = []
    while connection.poll():
        messages.append(decode(connection.recv_bytes()))
    return messages


def test_progress_is_told_at_most_every_tenth_of_a_second_and_at_every_new_stage(pipe):
    ours, theirs = pipe
    moments = iter([0.0, 0.04, 0.08, 0.11, 0.12, 0.13, 0.30])
    step = Steps("j", Outbox(theirs), Pace(lambda: next(moments)))
    for stage, done in [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 5), ("b", 6), ("b", 7)]:
        step(stage, done, 7)
    assert [(message.stage, message.done) for message in told(ours)] == [("a", 1), ("a", 4), ("b", 5), ("b", 7)]


def test_a_waiting_job_is_dropped_without_waiting_for_more(pipe):
    ours, theirs = pipe
    inbox = multiprocessing.get_context("spawn").SimpleQueue()
    worker = Worker(inbox, Outbox(theirs))
    for message in (Job(id="a", text="", path="", seed=1), Cancel(job="a"), Cancel(job="b")):
        inbox.put(encode(message))
    worker.look()
    assert told(ours) == [Cancelled(job="a")]
    inbox.close()


def test_a_parent_that_cannot_hear_any_more_ends_the_child(pipe):
    ours, theirs = pipe
    ours.close()
    with pytest.raises(SystemExit) as ended:
        Outbox(theirs).send(Progress(job="a", stage="fine", done=0, total=1))
    assert ended.value.code == ExitCode.PARENT_GONE


@pytest.mark.parametrize(
    ("load", "code", "sentence"),
    [
        ("no-model", ExitCode.MODEL, "There is no model here. Run `barkbot download suno/bark-small`."),
        ("no-device", ExitCode.DEVICE, "the device is broken"),
    ],
)
async def test_a_child_that_cannot_load_says_why_and_ends_with_a_named_code(load, code, sentence):
    child = Child(fake_main, FakeOptions(load=load), "")
    assert await child.code() == code
    assert child.left() == [Loading(what="weights", fraction=0.0), Leaving(code=code, sentence=sentence)]


async def test_the_real_child_names_the_model_folder_that_is_missing(tmp_path):
    options = WorkerOptions(model=str(tmp_path / "no-such-model"), device="cpu", threads=1)
    child = Child(worker_main, options, "")
    assert await child.code() == ExitCode.MODEL
    assert "no-such-model" in child.left()[-1].sentence


async def test_sigterm_while_loading_ends_it_at_once():
    child = Child(fake_main, FakeOptions(load="hang"), "")
    await child.until(Loading)
    child.life._process.terminate()
    assert await child.code() == ExitCode.OK


async def test_a_broken_device_ends_the_process_and_so_the_job(tmp_path):
    child = Child(fake_main, FakeOptions(), "")
    await child.until(Ready)
    child.life.send(child.job("a", tmp_path, "exit:71"))
    assert await child.code() == ExitCode.DEVICE
    assert child.left() == [Leaving(code=ExitCode.DEVICE, sentence="the device is broken")]


async def test_an_exception_that_nobody_expected_fails_the_job_only(tmp_path, capfd):
    child = Child(fake_main, FakeOptions(), "")
    await child.until(Ready)
    child.life.send(child.job("a", tmp_path, "error"))
    child.life.send(child.job("b", tmp_path))
    failed, *_ = [message for message in await child.until_job("b") if getattr(message, "job", "") == "a"]
    assert (failed.reason, failed.detail) == ("internal", "ZeroDivisionError: as the script says")
    child.life.kill()
    assert await child.code() == -signal.SIGKILL
    assert "Traceback" in capfd.readouterr().err  # in the log, for the operator


def test_importing_the_border_imports_no_torch():
    code = "import sys, synth.process, synth.worker, synth.protocol; print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
