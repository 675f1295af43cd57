"""The bot's watermark key: where it comes from, and that nobody sees it on its way to the synth process."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
import soundfile

from bot import mark
from bot.config import Config, GuardSection, LogSection, ModelSection, StoreSection
from bot.errors import ConfigError
from bot.runner import synth_of
from synth import mark_key, watermark
from synth.protocol import Job

KEY = bytes(range(32))


def config(folder: Path, key_file: str = "") -> Config:
    return Config(
        model=ModelSection(name="pup", device="cpu", threads=1, seats=1),
        store=StoreSection(folder=folder),
        guard=GuardSection(watermark_key_file=key_file),
        log=LogSection(level="DEBUG"),
    )


def test_the_key_is_made_in_the_store_and_stays(tmp_path: Path) -> None:
    assert mark.known_keys(config(tmp_path)) == (mark_key.PUBLIC_KEY,)
    assert list(tmp_path.iterdir()) == []
    key = mark.key_of(config(tmp_path))
    assert mark.key_of(config(tmp_path)) == key
    assert mark.known_keys(config(tmp_path)) == (key, mark_key.PUBLIC_KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["watermark.key"]


def test_a_file_of_the_operators_is_taken_and_never_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = config(tmp_path, str(tmp_path / "mine"))
    with pytest.raises(ConfigError, match="mine cannot be read"):
        mark.key_of(named)
    (tmp_path / "mine").write_text(KEY.hex())
    assert mark.key_of(named) == KEY
    monkeypatch.setenv(mark_key.VARIABLE, KEY[::-1].hex())
    assert mark.key_of(named) == KEY[::-1]
    monkeypatch.setenv(mark_key.VARIABLE, "x" * 64)
    with pytest.raises(ConfigError, match=f"{mark_key.VARIABLE} holds no watermark key") as refused:
        mark.known_keys(named)
    assert "xxx" not in str(refused.value)


def seen_by_others(pid: int | None) -> bytes:
    """What Linux shows of a process; nothing elsewhere."""
    folder = Path(f"/proc/{pid}")
    return b"".join((folder / name).read_bytes() for name in ("cmdline", "environ") if folder.exists())


async def test_a_job_is_marked_with_it_and_nobody_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the child's command line nor its environment nor any log has it, nor the job."""
    monkeypatch.setenv(mark_key.VARIABLE, KEY.hex())
    caplog.set_level(logging.DEBUG)
    synth = synth_of(config(tmp_path))
    text = "hello there, this is barkbot. the birds are singing and the sun is warm."
    job = Job(id="1", text=text, voice="pup_low", path=str(tmp_path / "1.ogg"), seed=1)
    async with asyncio.TaskGroup() as group:
        group.create_task(synth.run())
        await synth.until_ready()
        public = seen_by_others(synth.pid)
        assert KEY.hex().encode() not in public
        assert KEY not in public
        assert mark_key.VARIABLE.encode() not in public
        await synth.render(job)
        await synth.close()
    assert watermark.detect(*soundfile.read(job.path), KEY).found
    told = caplog.text + "".join(capfd.readouterr())
    assert KEY.hex() not in told
    assert str(KEY) not in told
    assert not (tmp_path / mark_key.FILE).exists()
