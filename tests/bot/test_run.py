"""`barkbot run` as an operator meets it: an exit code for the supervisor, and last words that say what to do."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.app import DATABASE
from bot.errors import Exit
from bot.loopback.server import Loopback
from bot.store import Store
from bot.vault import Vault


async def last_words(folder: Path, discord: Loopback, **environment: str) -> tuple[int | None, str]:
    """The exit code, and everything on standard error that is no line of the log."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        env=os.environ
        | {
            "BARKBOT_TOKEN": discord.token,
            "BARKBOT_DISCORD__API": discord.api_url,
            "BARKBOT_DISCORD__GATEWAY": discord.gateway_url,
            "BARKBOT_STORE__FOLDER": str(folder),
            "BARKBOT_MODEL__NAME": "pup",
            "BARKBOT_LOG__LEVEL": "ERROR",
        }
        | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, errors.decode()


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"BARKBOT_LOG": "DEBUG"}, Exit.CONFIG, "BARKBOT_LOG__LEVEL"),
        ({"BARKBOT_LIMITS__MAX_CHARS": "many"}, Exit.CONFIG, "limits.max_chars"),
        ({"BARKBOT_WATERMARK_KEY": "short"}, Exit.CONFIG, "BARKBOT_WATERMARK_KEY holds no watermark key"),
        ({"BARKBOT_DATA_KEY": "short"}, Exit.CONFIG, "BARKBOT_DATA_KEY is no data key"),
        ({"BARKBOT_TOKEN": "short"}, Exit.TOKEN, "does not look like a bot token"),
        ({"BARKBOT_TOKEN": "", "BARKBOT_TOKEN_FILE": "/nowhere"}, Exit.TOKEN, "/nowhere"),
        ({"BARKBOT_TOKEN": f"{'x' * 24}.abcdef.{'y' * 38}"}, Exit.TOKEN, "Discord refuses the token"),
        ({"BARKBOT_STORE__FOLDER": "/dev/null/folder"}, Exit.STORE, "store.folder"),
    ],
)
async def test_what_an_operator_can_act_on_is_said_without_a_traceback(
    tmp_path: Path, environment: dict[str, str], code: Exit, said: str
) -> None:
    async with Loopback() as discord:
        ended, words = await last_words(tmp_path, discord, **environment)
    assert ended == code
    assert said in words
    assert "Traceback" not in words


async def test_a_second_bot_in_the_same_folder_says_so(tmp_path: Path) -> None:
    held = Store.open(tmp_path / DATABASE)
    async with Loopback() as discord:
        ended, words = await last_words(tmp_path, discord)
    held.close()
    assert ended == Exit.STORE
    assert "Another barkbot" in words
    assert words.count("\n") == 1


async def test_a_database_that_is_sealed_wants_its_key(tmp_path: Path) -> None:
    Store.open(tmp_path / DATABASE, vault=Vault(b"k" * 32)).close()
    async with Loopback() as discord:
        ended, words = await last_words(tmp_path, discord)
    assert ended == Exit.STORE
    assert "there is no data key. Set BARKBOT_DATA_KEY" in words
    assert words.count("\n") == 1
