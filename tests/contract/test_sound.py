"""Sound that leaves a child while it is made: the same cases on the scripted child and on the real one, with `pup`."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from synth.growing import aside
from synth.listener import Listener
from synth.ogg import OggOpus, Packet
from synth.process import JobFailed, Synth, SynthDied
from synth.protocol import Finished, Job, Progress, Reason, Sound
from tests.contract.test_child import KINDS, LONG, NEEDS_MODEL, PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS = {"fake": "slow:60", "worker": LONG}


@pytest.fixture(params=["fake", pytest.param("worker", marks=NEEDS_MODEL)], scope="module")
def kind(request):
    return request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def synth(kind):
    """One for all the cases."""
    target, options, _ = KINDS[kind]
    synth = Synth(target, options)
    async with asyncio.timeout(10 * PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(synth.run())
        try:
            yield synth
        finally:
            await synth.close()


class Ear:
    """What arrives of one job: messages, and the packets as they can be read."""

    def __init__(self, folder: Path, text: str = "hello there, my old friend.", **fields: object) -> None:
        self.job = Job(id="j", text=text, path=str(folder / "j.ogg"), seed=1, **{"stream": True, **fields})
        self.messages: list[Progress | Sound] = []
        self.packets: list[Packet] = []
        self.first = asyncio.Event()
        self.listener = Listener(self.job.path)

    @property
    def sounds(self) -> list[Sound]:
        return [message for message in self.messages if isinstance(message, Sound)]

    def render(self, synth: Synth) -> asyncio.Task[Finished]:
        return asyncio.create_task(synth.render(self.job, self.messages.append, self._hear))

    def _hear(self, sound: Sound) -> None:
        self.messages.append(sound)
        self.packets += self.listener.hear(sound.bytes)
        if self.packets:
            self.first.set()

    def bytes(self) -> bytes:
        """All that could be read, from the file that is open still."""
        self.listener._file.seek(0)
        return self.listener._file.read(self.sounds[-1].bytes)

    def file(self) -> bytes:
        """What is there when it is finished."""
        return Path(self.job.path).read_bytes()

    def heard(self) -> list[Packet]:
        """The packets in that."""
        return OggOpus().push(self.bytes())

    async def until_first(self, task: asyncio.Task[Finished]) -> None:
        """Until there is a packet; an error if the job ends before."""
        heard = asyncio.create_task(self.first.wait())
        await asyncio.wait([heard, task], return_when=asyncio.FIRST_COMPLETED)
        heard.cancel()
        assert not task.done()


@pytest.fixture
def hear(tmp_path):
    """Makes ears that are closed at the end."""
    with contextlib.ExitStack() as ears:

        def ear(*text: str, folder: Path = tmp_path, **fields: object) -> Ear:
            ear = Ear(folder, *text, **fields)
            ears.callback(ear.listener.close)
            return ear

        yield ear


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_packets_come_while_it_is_made_and_are_those_of_the_finished_file(synth, hear, tmp_path):
    ear = hear()
    finished = await ear.render(synth)
    data = ear.file()
    assert isinstance(ear.messages[-1], Sound)
    assert any(isinstance(message, Progress) for message in ear.messages[ear.messages.index(ear.sounds[0]) :])
    sizes, seconds = [sound.bytes for sound in ear.sounds], [sound.seconds for sound in ear.sounds]
    assert len(sizes) > 1
    assert sizes == sorted(set(sizes))
    assert seconds == sorted(seconds)
    assert sizes[-1] == len(data)
    assert {(sound.job, sound.path) for sound in ear.sounds} == {("j", finished.path)}
    whole = OggOpus()
    assert ear.packets == whole.push(data)
    assert whole.ended
    assert ear.listener.stream.ended
    assert finished.seconds == pytest.approx(soundfile.info(finished.path).duration, abs=0.021)
    assert seconds[-1] == pytest.approx(finished.seconds, abs=0.021)
    assert names(tmp_path) == ["j.ogg"]


async def test_what_can_be_read_early_decodes_to_the_beginning_of_the_whole(synth, hear):
    ear = hear()
    await ear.render(synth)
    data = ear.file()
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    sound = next(sound for sound in ear.sounds if sound.seconds)
    start, rate = soundfile.read(io.BytesIO(data[: sound.bytes]), dtype="float32")
    assert len(start) / rate == pytest.approx(sound.seconds, abs=0.001)
    assert np.array_equal(start, whole[: len(start)])


async def test_a_job_that_does_not_ask_for_sound_hears_none(synth, hear):
    ear = hear(stream=False)
    await ear.render(synth)
    assert ear.sounds == []


async def test_the_first_packets_can_be_read_long_before_the_end_and_cancelling_removes_the_file(
    synth, kind, hear, tmp_path
):
    ear = hear(ENDLESS[kind])
    task = ear.render(synth)
    await ear.until_first(task)
    assert names(tmp_path) == [aside(Path(ear.job.path)).name]
    task.cancel()
    count = len(ear.sounds)
    with pytest.raises(asyncio.CancelledError):
        await task
    again = hear()
    await again.render(synth)  # waits until the child has given the first one up
    assert names(tmp_path) == ["j.ogg"]
    assert again.packets
    assert len(ear.sounds) == count, "a job that is over is silent"
    assert ear.heard() == ear.packets, "what was heard can still be read"


async def test_a_file_that_gets_too_large_fails_the_job_and_is_removed(synth, hear, tmp_path):
    ear = hear(max_bytes=300)
    with pytest.raises(JobFailed) as failed:
        await ear.render(synth)
    assert failed.value.reason is Reason.TOO_LARGE
    assert names(tmp_path) == []


async def test_a_folder_that_is_not_there_fails_the_job(synth, hear, tmp_path):
    with pytest.raises(JobFailed):
        await hear(folder=tmp_path / "gone").render(synth)


async def test_a_kill_in_the_middle_ends_the_stream_and_what_was_heard_decodes(synth, kind, hear, tmp_path):
    """The last one: the others need the child."""
    ear = hear(ENDLESS[kind])
    task = ear.render(synth)
    await ear.until_first(task)
    os.kill(synth.pid, signal.SIGKILL)
    with pytest.raises(SynthDied) as died:
        await task
    assert died.value.running
    assert names(tmp_path) == []
    assert not ear.listener.stream.ended, "it can be told from a whole one"
    sound, rate = soundfile.read(io.BytesIO(ear.bytes()), dtype="float32")
    assert len(sound) / rate == pytest.approx(ear.sounds[-1].seconds, abs=0.001)
    assert np.abs(sound).max() > 0.02
