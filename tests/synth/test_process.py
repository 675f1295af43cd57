"""The parent's half against real child processes: deaths, hangs, restarts and endings. Time is moved by hand."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import gc
import os
import random
import signal
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from synth.patience import Patience
from synth.process import (
    JobCancelled,
    JobFailed,
    ModelUnavailable,
    State,
    Synth,
    SynthDied,
    SynthStopped,
)
from synth.protocol import Finished, Job, Loading, Reason
from tests.fakes.child import FakeOptions, main
from tests.fakes.clock import HandClock

LIMIT = 30.0  # seconds; only a failing test waits so long
KILLS = 24


@contextlib.asynccontextmanager
async def running(options: FakeOptions | None = None, **patience: float) -> AsyncIterator[Synth]:
    """A Synth with a scripted child and a clock at `synth.clock`."""
    clock = HandClock()
    synth = Synth(main, options or FakeOptions(), patience=Patience(**patience), clock=clock)
    synth.clock = clock
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
        group.create_task(synth.run())
        try:
            yield synth
        finally:
            await synth.close()


def job(folder: Path, text: str = "hello", name: str = "j") -> Job:
    return Job(id=name, text=text, path=str(folder / f"{name}.ogg"), seed=1)


async def progress_of(synth: Synth, job: Job) -> asyncio.Task[Finished]:
    """The task that renders it, once its first step was made."""
    begun = asyncio.Event()
    task = asyncio.create_task(synth.render(job, lambda _: begun.set()))
    waits = [asyncio.create_task(begun.wait()), task]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    waits[0].cancel()
    return task


async def turn(synth: Synth, state: State) -> None:
    while synth.state is not state:
        await synth.changed()


def size(path: str) -> int:
    """Of a file, 0 where there is none."""
    return Path(path).stat().st_size if Path(path).exists() else 0


class TestRecordings:
    async def test_what_is_said_and_a_voice_come_back_beside_a_job_that_has_the_only_seat(self, tmp_path):
        recording, out = tmp_path / "recording", tmp_path / "voice.npz"
        recording.write_bytes(b"I agree")
        async with running(FakeOptions(enrols=True)) as synth:
            assert (await synth.until_ready()).enrols
            rendering = await progress_of(synth, job(tmp_path, "hold"))
            heard, made = await asyncio.gather(synth.hear(str(recording)), synth.make_voice(str(recording), str(out)))
            assert (heard.text, heard.level["speech"]) == ("I agree", 0.9)
            assert (made.out, size(made.out) > 0) == (str(out), True)
            assert not rendering.done()
            (tmp_path / "j.go").touch()
            await rendering
            assert recording.exists()

    async def test_what_cannot_be_done_has_its_reason_and_costs_no_life(self, tmp_path):
        recording = tmp_path / "recording"
        recording.write_bytes(b"OggS")
        async with running() as synth:
            assert not (await synth.until_ready()).enrols
            with pytest.raises(JobFailed) as failed:
                await synth.hear(str(recording))
            assert failed.value.reason is Reason.NO_RECOGNISER
            with pytest.raises(JobFailed) as failed:
                await synth.make_voice(str(recording), str(tmp_path / "voice.npz"))
            assert failed.value.reason is Reason.NO_MAKER
            assert synth.deaths == 0

    async def test_a_death_and_a_cancellation_leave_the_recording_and_no_voice(self, tmp_path):
        recording, out = tmp_path / "recording", tmp_path / "voice.npz"
        recording.write_bytes(b"crash")
        async with running(FakeOptions(enrols=True)) as synth:
            with pytest.raises(SynthDied):
                await synth.make_voice(str(recording), str(out))
            recording.write_bytes(b"slow:60")
            listening = asyncio.create_task(synth.hear(str(recording)))
            await synth.until_ready()
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            recording.write_bytes(b"well")
            await synth.make_voice(str(recording), str(out))  # at once: nobody is listened to any more
            assert sorted(path.name for path in tmp_path.iterdir()) == ["recording", "voice.npz"]


class TestRender:
    async def test_a_job_is_rendered_with_its_progress_told(self, tmp_path):
        async with running() as synth:
            told = []
            finished = await synth.render(job(tmp_path), told.append)
            assert finished.path == str(tmp_path / "j.ogg")
            assert size(finished.path) > 0
            assert [message.stage for message in told] == ["semantic", "coarse", "fine", "codec"]

    async def test_state_voices_and_process_are_known_as_they_come(self):
        synth = Synth(main, FakeOptions(voices=("x", "y")))
        assert (synth.state, synth.ready, synth.voices, synth.pid) == (State.STARTING, None, (), None)
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
            group.create_task(synth.run())
            assert (await synth.until_ready()).model == "fake"
            assert (synth.state, synth.voices) == (State.READY, ("x", "y"))
            assert psutil.pid_exists(synth.pid)
            await synth.close()
        assert (synth.state, synth.voices, synth.pid) == (State.STOPPED, ("x", "y"), None)

    async def test_how_far_loading_has_come_is_known(self):
        async with running(FakeOptions(load="hang")) as synth:
            while not synth.loading:
                await synth.changed()
            assert synth.loading == Loading(what="weights", fraction=0.0)

    async def test_a_job_that_cannot_be_done_raises_its_reason(self, tmp_path):
        async with running() as synth:
            with pytest.raises(JobFailed, match="disk-full: as the script says") as failed:
                await synth.render(job(tmp_path, "fail:disk-full"))
            assert failed.value.reason is Reason.DISK_FULL
            await synth.render(job(tmp_path))
            assert synth.deaths == 0

    async def test_several_jobs_may_be_in_flight(self, tmp_path):
        async with running() as synth:
            done = await asyncio.gather(*(synth.render(job(tmp_path, name=f"j{n}")) for n in range(5)))
            assert [finished.job for finished in done] == [f"j{n}" for n in range(5)]

    async def test_cancel_stops_the_job(self, tmp_path):
        async with running() as synth:
            task = await progress_of(synth, job(tmp_path, "hold"))
            synth.cancel("nobody's")
            synth.cancel("j")
            with pytest.raises(JobCancelled):
                await task

    async def test_cancelling_the_task_stops_the_job_and_its_id_can_be_used_again(self, tmp_path):
        async with running() as synth:
            task = await progress_of(synth, job(tmp_path, "hold"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await synth.render(job(tmp_path))).job == "j"
            assert synth.deaths == 0

    async def test_a_job_that_finishes_before_it_hears_of_its_cancellation_leaves_no_file(self, tmp_path):
        async with running() as synth:
            task = await progress_of(synth, job(tmp_path, "deaf"))
            task.cancel()
            (tmp_path / "j.go").touch()
            await synth.render(job(tmp_path, name="next"))
            assert sorted(path.name for path in tmp_path.iterdir()) == ["j.go", "next.ogg"]

    async def test_a_job_cancelled_between_its_end_and_the_news_of_it_leaves_no_file(self, tmp_path):
        async with running() as synth:
            task = await progress_of(synth, job(tmp_path, "hold"))
            over = synth._flights["j"].over

            async def cancel_at_its_end() -> None:
                await over.wait()
                task.cancel()

            cancelling = asyncio.create_task(cancel_at_its_end())
            await asyncio.sleep(0)
            (tmp_path / "j.go").touch()
            with pytest.raises(asyncio.CancelledError):
                await task
            await cancelling
            assert not (tmp_path / "j.ogg").exists()

    async def test_a_listener_that_fails_does_not_hurt_the_job(self, tmp_path, caplog):
        async with running() as synth:
            assert (await synth.render(job(tmp_path), lambda _: 1 / 0)).job == "j"
        assert "a listener to a job failed" in caplog.text


class TestDeath:
    @pytest.mark.parametrize(
        ("text", "code", "words"),
        [
            ("crash", 1, "exit code 1"),
            ("segfault", -signal.SIGSEGV, "SIGSEGV"),
            ("exit:71", 71, "DEVICE"),
            ("exit:9", 9, "exit code 9"),
            ("mute:9", 9, "exit code 9"),
            ("half", -signal.SIGKILL, "SIGKILL"),
            ("garbage", -signal.SIGKILL, "SIGKILL"),
        ],
    )
    async def test_the_job_is_told_how_its_child_died_and_the_next_one_is_done(self, tmp_path, text, code, words):
        async with running() as synth:
            with pytest.raises(SynthDied, match=words) as died:
                await synth.render(job(tmp_path, text))
            assert (died.value.exit_code, died.value.running) == (code, True)
            await synth.render(job(tmp_path))
            assert synth.deaths == 1

    async def test_only_the_job_at_hand_may_be_to_blame(self, tmp_path):
        async with running() as synth:
            first = await progress_of(synth, job(tmp_path, "hold", "a"))
            second = asyncio.create_task(synth.render(job(tmp_path, name="b")))
            await asyncio.sleep(0)
            os.kill(synth.pid, signal.SIGKILL)
            deaths = await asyncio.gather(first, second, return_exceptions=True)
            assert [death.running for death in deaths] == [True, False]

    async def test_voices_are_still_known_while_the_child_restarts(self):
        async with running() as synth:
            await synth.until_ready()
            os.kill(synth.pid, signal.SIGKILL)
            await turn(synth, State.RESTARTING)
            assert synth.voices == FakeOptions().voices
            assert synth.ready is None
            await synth.until_ready()

    async def test_a_child_that_stays_silent_in_its_job_is_killed(self, tmp_path):
        async with running(hang_after=30) as synth:
            task = await progress_of(synth, job(tmp_path, "hang"))
            synth.clock.advance(29)
            await synth.clock.asleep(0.5)
            assert not task.done()
            synth.clock.advance(1)
            with pytest.raises(SynthDied, match="no sign of life for 30 s"):
                await task

    async def test_a_stopped_child_is_a_silent_child(self, tmp_path):
        async with running(hang_after=30) as synth:
            task = await progress_of(synth, job(tmp_path, "hold"))
            os.kill(synth.pid, signal.SIGSTOP)
            while not task.done():  # steps that were made before the stop may still arrive, and count
                synth.clock.advance(10)
                looked = asyncio.create_task(synth.clock.asleep(0.5))
                await asyncio.wait([task, looked], return_when=asyncio.FIRST_COMPLETED)
                looked.cancel()
            with pytest.raises(SynthDied, match="SIGKILL"):
                await task

    async def test_an_idle_child_may_be_silent_for_days(self, tmp_path):
        async with running(hang_after=30, ready_within=30) as synth:
            await synth.until_ready()
            pid = synth.pid
            for _ in range(5):
                await synth.clock.asleep(0.5)
                synth.clock.advance(86_400)
            await synth.render(job(tmp_path))
            assert synth.pid == pid

    async def test_a_hanging_child_with_a_full_inbox_blocks_nobody(self, tmp_path):
        async with running(hang_after=30) as synth:
            await progress_of(synth, job(tmp_path, "hang"))
            tasks = [asyncio.create_task(synth.render(job(tmp_path, "x" * 4000, f"j{n}"))) for n in range(100)]
            await asyncio.sleep(0)
            synth.clock.advance(31)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {SynthDied}
            await synth.render(job(tmp_path))

    async def test_random_kills_leave_every_job_finished_or_told_of_the_death(self, tmp_path):
        moments, outcomes = random.Random(7), []
        async with running(backoff=0) as synth:
            for number in range(KILLS):
                jobs = [job(tmp_path, name=f"j{number}-{n}") for n in range(2)]
                tasks = [asyncio.create_task(synth.render(job)) for job in jobs]
                await asyncio.sleep(moments.uniform(0, 0.3))  # while it starts, loads, works or idles
                if killed := synth.pid:
                    os.kill(killed, signal.SIGKILL)
                outcomes += await asyncio.gather(*tasks, return_exceptions=True)
            while synth.pid == killed:
                await synth.changed()
            await synth.render(job(tmp_path, name="last"))
            assert KILLS / 2 < synth.deaths <= KILLS
        kinds = collections.Counter(type(outcome) for outcome in outcomes)
        assert kinds.total() == 2 * KILLS
        assert set(kinds) == {Finished, SynthDied}
        for outcome in outcomes:
            assert not isinstance(outcome, Finished) or size(outcome.path)


class TestRestart:
    async def test_waits_grow_from_nothing_to_the_cap(self):
        async with running(FakeOptions(load="crash"), backoff=1, backoff_cap=5) as synth:
            for wait in (1, 2, 4, 5, 5):
                await synth.clock.asleep(wait)
                synth.clock.advance(wait)
            await synth.clock.asleep(5)
            assert synth.deaths == 6 + 1  # the first restart did not wait

    async def test_a_child_that_finished_a_job_starts_the_count_anew(self, tmp_path):
        async with running(backoff=1000) as synth:
            for _ in range(4):
                await synth.render(job(tmp_path))
                os.kill(synth.pid, signal.SIGKILL)
                await turn(synth, State.RESTARTING)

    async def test_a_child_that_lived_long_starts_the_count_anew(self):
        async with running(backoff=1000, stable_after=300) as synth:
            for _ in range(4):
                await synth.until_ready()
                synth.clock.advance(301)
                os.kill(synth.pid, signal.SIGKILL)
                await turn(synth, State.RESTARTING)

    async def test_a_child_that_never_gets_ready_is_replaced(self, tmp_path):
        good = tmp_path / "good"
        async with running(FakeOptions(load="hang", only_after=good), ready_within=20) as synth:
            while not synth.loading:
                await synth.changed()
            good.touch()
            synth.clock.advance(20)
            await synth.until_ready()
            assert synth.deaths == 1

    async def test_a_model_that_cannot_be_loaded_is_final_after_some_tries_and_says_why(self, tmp_path):
        synth = Synth(main, FakeOptions(load="no-model"), patience=Patience(model_tries=2))
        waiting = asyncio.create_task(synth.render(job(tmp_path)))
        with pytest.raises(ModelUnavailable, match=r"There is no model here\. Run `barkbot download"):
            await synth.run()
        with pytest.raises(SynthStopped):
            await waiting
        assert (synth.state, synth.deaths) == (State.STOPPED, 2)

    async def test_a_model_that_can_be_loaded_at_the_second_try_is(self, tmp_path):
        good = tmp_path / "good"
        async with running(FakeOptions(load="no-model", only_after=good)) as synth:
            while not synth.loading:
                await synth.changed()
            good.touch()
            await synth.until_ready()


class TestSleep:
    async def test_a_child_that_nobody_needs_is_ended_and_the_next_job_wakes_another(self, tmp_path):
        async with running(unload_after=60, backoff=1000) as synth:
            for _ in range(3):  # more often than quick deaths would be forgiven
                assert (await synth.render(job(tmp_path))).job == "j"
                child = psutil.Process(synth.pid)
                await fall_asleep(synth, 60)
                assert not child.is_running()
                assert (synth.ready, synth.pid, synth.deaths) == (None, None, 0)
                assert (synth.last.model, synth.last.seats, synth.voices) == ("fake", 1, FakeOptions().voices)

    async def test_it_sleeps_as_long_as_nobody_needs_it(self):
        async with running(unload_after=60, ready_within=30, hang_after=30) as synth:
            await synth.until_ready()
            await fall_asleep(synth, 60)
            for _ in range(3):
                synth.clock.advance(86_400)
                await asyncio.sleep(0)
            assert (synth.state, synth.pid) == (State.SLEEPING, None)

    async def test_how_it_wakes_is_told_like_a_start(self, tmp_path):
        well = tmp_path / "well"
        well.touch()
        async with running(FakeOptions(load="hang", only_after=well), unload_after=60) as synth:
            await synth.until_ready()
            await fall_asleep(synth, 60)
            well.unlink()
            waiting = asyncio.create_task(synth.until_ready())
            await turn(synth, State.STARTING)
            while not synth.loading:
                await synth.changed()
            assert synth.voices
            assert not waiting.done()
            waiting.cancel()

    async def test_work_keeps_it_awake_and_the_wait_begins_when_it_ends(self, tmp_path):
        async with running(unload_after=60, hang_after=1e9) as synth:
            task = await progress_of(synth, job(tmp_path, "hold"))
            pid = synth.pid
            synth.clock.advance(10_000)
            await synth.clock.asleep(0.5)
            (tmp_path / "j.go").touch()
            await task
            synth.clock.advance(59)
            await synth.clock.asleep(0.5)
            assert (synth.state, synth.pid) == (State.READY, pid)
            synth.clock.advance(1)
            await turn(synth, State.SLEEPING)

    async def test_whoever_waits_for_a_child_keeps_it_awake(self):
        async with running(unload_after=60) as synth:
            await synth.until_ready()
            for _ in range(3):
                synth.clock.advance(59)
                await synth.clock.asleep(0.5)
                await synth.until_ready()
            assert synth.state is State.READY

    async def test_a_job_that_comes_while_the_child_is_being_ended_is_done_by_the_next(self, tmp_path):
        async with running(unload_after=60) as synth:
            await synth.until_ready()
            pid = synth.pid
            await synth.clock.asleep(0.5)
            synth.clock.advance(60)
            await turn(synth, State.SLEEPING)
            assert synth.pid == pid, "it is not buried yet"
            assert (await synth.render(job(tmp_path))).job == "j"
            assert synth.pid != pid
            assert synth.deaths == 0

    async def test_a_child_that_dies_while_it_wakes_is_a_death_like_any_other(self, tmp_path):
        well = tmp_path / "well"
        well.touch()
        async with running(FakeOptions(load="crash", only_after=well), unload_after=60) as synth:
            await synth.until_ready()
            await fall_asleep(synth, 60)
            well.unlink()
            rendering = asyncio.create_task(synth.render(job(tmp_path)))
            await turn(synth, State.RESTARTING)
            well.touch()
            assert (await rendering).job == "j"
            assert synth.deaths == 1

    @pytest.mark.parametrize("how", ["drain", "close"])
    async def test_it_can_be_ended_in_its_sleep(self, tmp_path, how):
        async with running(unload_after=60) as synth:
            await synth.until_ready()
            await fall_asleep(synth, 60)
            await (synth.drain(1_000_000) if how == "drain" else synth.close())
            assert (synth.state, synth.pid, synth.deaths) == (State.STOPPED, None, 0)
            with pytest.raises(SynthStopped):
                await synth.render(job(tmp_path))

    async def test_it_never_sleeps_unless_it_is_told_to(self):
        async with running() as synth:
            await synth.until_ready()
            pid = synth.pid
            for _ in range(3):
                await synth.clock.asleep(0.5)
                synth.clock.advance(1e9)
            assert (synth.state, synth.pid) == (State.READY, pid)


async def fall_asleep(synth: Synth, seconds: float) -> None:
    """Until the child is gone after so long without work."""
    await synth.clock.asleep(0.5)
    synth.clock.advance(seconds)
    await turn(synth, State.SLEEPING)
    while synth.pid:
        await synth.changed()


class TestEnd:
    async def test_drain_lets_the_job_at_hand_end(self, tmp_path):
        async with running() as synth:
            task = await progress_of(synth, job(tmp_path, "hold"))
            draining = asyncio.create_task(synth.drain(10))
            await asyncio.sleep(0)
            with pytest.raises(SynthStopped):
                await synth.render(job(tmp_path, name="late"))
            (tmp_path / "j.go").touch()
            assert (await task).job == "j"
            await draining
            assert (synth.state, synth.deaths) == (State.STOPPED, 0)

    async def test_drain_kills_what_does_not_end_in_time(self, tmp_path):
        async with running() as synth:
            task = await progress_of(synth, job(tmp_path, "hang"))
            draining = asyncio.create_task(synth.drain(10))
            await synth.clock.asleep(10)
            synth.clock.advance(10)
            await draining
            with pytest.raises(SynthDied) as died:
                await task
            assert not died.value.running  # it was ended on purpose: this does not count against the job

    async def test_drain_of_an_idle_or_a_loading_child_takes_no_time(self):
        for options in (FakeOptions(), FakeOptions(load="hang")):
            async with running(options) as synth:
                while not (synth.ready or synth.loading):
                    await synth.changed()
                await synth.drain(1_000_000)

    async def test_close_during_a_back_off_ends_it(self):
        async with running(FakeOptions(load="crash"), backoff=1) as synth:
            await synth.clock.asleep(1)
            await synth.close()
            assert synth.state is State.STOPPED

    async def test_close_before_run_and_twice_is_harmless(self):
        synth = Synth(main, FakeOptions())
        await synth.close()
        await synth.close()

    async def test_a_failing_group_takes_the_child_with_it(self):
        synth = Synth(main, FakeOptions())
        children = []

        async def fail() -> None:
            await synth.until_ready()
            children.append(psutil.Process(synth.pid))
            raise RuntimeError("something else")

        async def group() -> None:
            async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as group:
                group.create_task(synth.run())
                group.create_task(fail())

        with pytest.raises(ExceptionGroup):
            await group()
        assert not children[0].is_running()
        assert synth.state is State.STOPPED

    async def test_nothing_is_left_over_after_many_lives(self, tmp_path):
        async def lives(number: int) -> None:
            async with running(backoff=0) as synth:
                for _ in range(number):
                    await synth.render(job(tmp_path))
                    os.kill(synth.pid, signal.SIGKILL)
                    await turn(synth, State.RESTARTING)
            for thread in threads():
                await asyncio.to_thread(thread.join, LIMIT)

        def threads() -> list[threading.Thread]:
            return [thread for thread in threading.enumerate() if thread.name.startswith("synth")]

        def left() -> tuple[int, int, list[str]]:
            gc.collect()
            children = psutil.Process().children()
            return psutil.Process().num_fds(), len(threads()), [child.name() for child in children]

        await lives(1)  # starts what stays: Python's resource tracker
        before = left()
        await lives(8)
        assert left() == before
