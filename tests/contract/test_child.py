"""What the parent may expect of a synth child: the same cases on the scripted one and on the real one, with `pup`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
import soundfile

from synth.life import Life, Target
from synth.protocol import (
    Cancel,
    Cancelled,
    Drain,
    ExitCode,
    Failed,
    Finished,
    Hear,
    Heard,
    Job,
    Loading,
    MakeVoice,
    Message,
    Progress,
    Ready,
    Reason,
    VoiceMade,
)
from synth.worker import WorkerOptions
from synth.worker import main as worker_main
from tests.fakes.child import FakeOptions
from tests.fakes.child import main as fake_main

PATIENCE = 60.0  # seconds; only a failing test waits so long
STAGES = ["semantic", "coarse", "fine", "codec"]
LONG = "This sentence is spoken again, and it is not a short one. " * 20
SHIPPED = Path(__file__).parents[2] / "synth" / "pup" / "model" / "config.json"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Child:
    """A life, its messages in a queue."""

    def __init__(self, target: Target, options: object, long_text: str) -> None:
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self.life = Life(target, options, self.heard.put_nowait)
        self.over = asyncio.create_task(self.life.ended())
        self.long_text = long_text

    async def until(self, *kinds: type[Message]) -> list[Message]:
        """All messages up to the first of these kinds."""
        messages: list[Message] = []
        async with asyncio.timeout(PATIENCE):
            while not (messages and isinstance(messages[-1], kinds)):
                messages.append(await self.heard.get())
        return messages

    async def until_job(self, name: str) -> list[Message]:
        """All messages up to the final one of this job."""
        messages: list[Message] = []
        while not (messages and messages[-1].job == name):
            messages += await self.until(Finished, Failed, Cancelled)
        return messages

    async def code(self) -> int | None:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(PATIENCE):
            return await self.over

    def job(self, name: str, folder: Path, text: str = "hello there", **fields: object) -> Job:
        return Job(id=name, text=text, path=str(folder / f"{name}.ogg"), seed=1, **fields)

    def left(self) -> list[Message]:
        """What came after the last `until`."""
        return [self.heard.get_nowait() for _ in range(self.heard.qsize())]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


KINDS = {
    "fake": (fake_main, FakeOptions(enrols=True), "slow:60"),
    "worker": (
        worker_main,
        WorkerOptions(
            model="pup", device="cpu", threads=1, seats=1, hubert="none", recogniser="none", log_level="ERROR"
        ),
        LONG,
    ),
}
NEEDS_MODEL = pytest.mark.skipif(not SHIPPED.exists(), reason="the model that ships with the code is not there yet")


@pytest.fixture(params=["fake", pytest.param("worker", marks=NEEDS_MODEL)], scope="module")
def kind(request):
    return KINDS[request.param]


@contextlib.asynccontextmanager
async def living(kind) -> AsyncIterator[Child]:
    child = Child(*kind)
    try:
        yield child
    finally:
        child.life.kill()
        await child.code()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def child(kind):
    """One for all the cases that it survives; it is loaded when they begin."""
    async with living(kind) as child:
        child.first_words = await child.until(Ready)
        yield child


async def test_it_tells_how_loading_goes_and_then_what_is_ready(child):
    *before, ready = child.first_words
    assert before
    assert all(isinstance(message, Loading) and 0 <= message.fraction <= 1 for message in before)
    assert ready.voices
    assert ready.model
    assert ready.device == "cpu"
    assert ready.enrols
    assert ready.seconds > 0


async def test_a_job_becomes_progress_through_the_stages_and_one_complete_file(child, tmp_path):
    job = child.job("one", tmp_path)
    child.life.send(job)
    *progress, finished = await child.until(Finished, Failed)
    assert finished.job == "one"
    assert finished.path == job.path
    assert finished.seed == 1
    assert finished.seconds == pytest.approx(soundfile.info(job.path).duration, abs=0.05)
    assert finished.took > 0
    assert names(tmp_path) == ["one.ogg"]
    assert list(dict.fromkeys(message.stage for message in progress)) == STAGES
    done = [message.done / message.total for message in progress]
    assert done == sorted(done)
    assert 0 <= done[0] < done[-1] <= 1


async def test_a_recording_is_heard_and_becomes_a_voice_that_a_job_speaks_in(child, tmp_path):
    said, out = child.job("said", tmp_path, "the old man gave the little dog a piece of bread."), tmp_path / "mine.npz"
    child.life.send(said)
    seconds = (await child.until(Finished, Failed))[-1].seconds
    child.life.send(Hear(id="hear", path=said.path))
    child.life.send(MakeVoice(id="make", path=said.path, out=str(out)))
    heard = (await child.until(Heard, Failed))[-1]
    assert (heard.job, len(heard.text) > 10) == ("hear", True)
    assert heard.seconds >= seconds
    assert 0.5 < heard.level["speech"] <= 1
    made = (await child.until(VoiceMade, Failed))[-1]
    assert (made.job, made.out) == ("make", str(out))
    assert made.seconds > 2
    child.life.send(child.job("again", tmp_path, voice="mine", voice_files={"mine": str(out)}))
    assert (await child.until(Finished, Failed))[-1].job == "again"
    assert names(tmp_path) == ["again.ogg", "mine.npz", "said.ogg"]


async def test_a_recording_that_is_none_fails_alone(child, tmp_path):
    path = tmp_path / "voice.ogg"
    path.write_bytes(b"fail:no-speech")  # in no format that there is; to the scripted child, an order
    child.life.send(Hear(id="hear", path=str(path)))
    child.life.send(MakeVoice(id="make", path=str(path), out=str(tmp_path / "mine.npz")))
    reasons = {message.job: message.reason for _ in range(2) for message in [(await child.until(Failed))[-1]]}
    assert set(reasons) == {"hear", "make"}
    assert set(reasons.values()) <= {Reason.NOT_AUDIO, Reason.NO_SPEECH}
    assert names(tmp_path) == ["voice.ogg"]


async def test_jobs_are_done_in_the_order_of_their_arrival(child, tmp_path):
    for name in ("a", "b", "c"):
        child.life.send(child.job(name, tmp_path))
    messages = [message for _ in range(3) for message in await child.until(Finished)]
    jobs = [message.job for message in messages]
    assert list(dict.fromkeys(jobs)) == ["a", "b", "c"]
    assert jobs == sorted(jobs)


async def test_progress_comes_at_most_ten_times_a_second_besides_changes_of_stage(child, tmp_path):
    child.life.send(child.job("paced", tmp_path))
    *progress, finished = await child.until(Finished)
    assert len(progress) <= finished.took / 0.1 + len(STAGES) + 1


async def test_cancelling_the_running_job_stops_it_and_leaves_no_file(child, tmp_path):
    child.life.send(child.job("gone", tmp_path, child.long_text))
    await child.until(Progress)
    child.life.send(Cancel(job="gone"))
    assert (await child.until(Cancelled, Finished, Failed))[-1] == Cancelled(job="gone")
    assert names(tmp_path) == []


async def test_a_waiting_job_is_dropped_when_cancelled_and_the_others_are_done(child, tmp_path):
    child.life.send(child.job("first", tmp_path, child.long_text))
    child.life.send(child.job("second", tmp_path))
    child.life.send(child.job("third", tmp_path))
    await child.until(Progress)
    child.life.send(Cancel(job="second"))
    assert (await child.until(Cancelled))[-1] == Cancelled(job="second")
    child.life.send(Cancel(job="first"))
    messages = await child.until(Finished)
    assert messages[-1].job == "third"
    assert [message.job for message in messages if isinstance(message, Cancelled)] == ["first"]
    assert names(tmp_path) == ["third.ogg"]


async def test_cancelling_what_it_does_not_know_is_not_noticed(child, tmp_path):
    child.life.send(Cancel(job="nobody's"))
    child.life.send(child.job("next", tmp_path))
    assert (await child.until(Finished, Cancelled, Failed))[-1].job == "next"
    child.life.send(Cancel(job="next"))
    child.life.send(child.job("next", tmp_path))  # a cancellation that came late does not hit a later try
    assert isinstance((await child.until(Finished, Cancelled, Failed))[-1], Finished)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": "  \n "}, Reason.EMPTY_TEXT),
        ({"text": "hello", "voice": "../../etc/passwd"}, Reason.UNKNOWN_VOICE),
        ({"text": "hello", "max_bytes": 200}, Reason.TOO_LARGE),
    ],
)
async def test_what_cannot_be_done_fails_with_its_reason_and_the_child_lives_on(child, tmp_path, fields, reason):
    child.life.send(child.job("bad", tmp_path, **fields))
    failed = (await child.until(Failed, Finished, Cancelled))[-1]
    assert failed.reason is reason
    assert failed.detail
    assert names(tmp_path) == []
    child.life.send(child.job("good", tmp_path))
    assert isinstance((await child.until(Failed, Finished))[-1], Finished)


async def test_a_file_that_cannot_be_written_fails_the_job_only(child, tmp_path):
    child.life.send(child.job("bad", tmp_path / "no such folder"))
    assert (await child.until(Failed, Finished))[-1].reason is Reason.INTERNAL


async def test_ctrl_c_in_the_terminal_does_not_concern_it(child, tmp_path):
    os.kill(child.life.pid, signal.SIGINT)
    child.life.send(child.job("after", tmp_path))
    assert isinstance((await child.until(Finished, Failed))[-1], Finished)


async def test_each_job_had_exactly_one_final_message(child, tmp_path):
    """Runs after the others, on the same child: nothing of them is left in the pipe."""
    child.life.send(child.job("last", tmp_path))
    await child.until(Finished)
    assert child.left() == []


async def test_drain_lets_the_job_at_hand_end_and_takes_no_other(kind, tmp_path):
    async with living(kind) as child:
        await child.until(Ready)
        child.life.send(child.job("at-hand", tmp_path, "slow:0.2" if kind is KINDS["fake"] else "hello there"))
        child.life.send(child.job("too-late", tmp_path))
        await child.until(Progress)
        child.life.send(Drain())
        assert await child.code() == ExitCode.OK
        assert [message.job for message in child.left() if isinstance(message, Finished)] == ["at-hand"]
        assert names(tmp_path) == ["at-hand.ogg"]


async def test_sigterm_ends_an_idle_child_at_once(kind):
    async with living(kind) as child:
        await child.until(Ready)
        os.kill(child.life.pid, signal.SIGTERM)
        assert await child.code() == ExitCode.OK


async def test_the_first_sigterm_lets_the_job_end_and_the_second_does_not(kind, tmp_path):
    async with living(kind) as child:
        await child.until(Ready)
        child.life.send(child.job("long", tmp_path, child.long_text))
        await child.until(Progress)
        os.kill(child.life.pid, signal.SIGTERM)
        await child.until(Progress)
        await child.until(Progress)  # it goes on
        os.kill(child.life.pid, signal.SIGTERM)
        assert await child.code() == -signal.SIGTERM
        assert names(tmp_path) == []


PARENT = """
import asyncio, pathlib, sys
from synth.protocol import Job, Progress, Ready
from tests.contract.test_child import KINDS, Child

async def main():
    child = Child(*KINDS[sys.argv[1]])
    await child.until(Ready)
    if sys.argv[2] == "busy":
        child.life.send(child.job("long", pathlib.Path(sys.argv[3]), child.long_text))
        await child.until(Progress)
    print(child.life.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
async def test_it_does_not_outlive_its_parent(kind, state, tmp_path):
    name = next(name for name, value in KINDS.items() if value is kind)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, name, state, tmp_path, stdout=subprocess.PIPE
    )
    orphan = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(psutil.wait_procs, [orphan], timeout=10)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
