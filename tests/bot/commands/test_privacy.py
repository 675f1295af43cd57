"""`/bark privacy` as people meet it, texts whose time is over, servers that remove the bot; on a disk with a data key."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bot.flow.job import State
from bot.loopback.messages import Message
from bot.loopback.schema import Schema
from bot.privacy import servers
from bot.privacy.keep import DAY, HOUR
from bot.vault import Vault, is_sealed
from tests.bot.commands.scene import Scene, labels, number, scene_in
from tests.bot.commands.test_limits import Clock
from tests.bot.privacy.disk import on_disk
from tests.bot.privacy.people import mentions
from tests.bot.privacy.test_vault import KEY

ACCEPTED = "• Rules that you accepted: **1** · until you delete it"
CANARY = "the canary sings in the mine"


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def panel(scene: Scene, name: str, *, dm: bool = False) -> Message:
    exchange = await scene.discord.user(name).slash("bark", "privacy", dm=dm)
    return await exchange.until(lambda message: message.ephemeral and message.content)


async def keep_voice(scene: Scene, name: str, called: str) -> None:
    message = await scene.answered(name)
    await scene.keep(number(message))
    opened = await scene.press(name, message, "Keep voice")
    await opened.acknowledged()
    await scene.private(await scene.discord.user(name).submit(opened, {"name": called}))


async def said(scene: Scene, name: str, text: str, **options: str) -> Message:
    exchange = await scene.discord.user(name).slash("bark", "say", text=text, **options)
    return await exchange.until(lambda message: message.attachments)


async def test_a_person_sees_copies_and_deletes_what_is_kept(
    tmp_path: Path, schema: Schema | None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARKBOT_GUARD__PRIVACY_URL", "https://example.org/privacy")
    monkeypatch.setenv("BARKBOT_GUARD__TERMS_URL", "https://example.org/terms")
    async with scene_in(tmp_path, schema, clock=clock, vault=Vault(KEY)) as scene:
        discord, app, alice = scene.discord, scene.app, scene.discord.user("alice")
        assert (await panel(scene, "alice")).content.splitlines()[1:-1] == [ACCEPTED]
        answer = await said(scene, "alice", CANARY)
        audio = f"{(await scene.jobs())[0].id}.ogg"
        assert on_disk(tmp_path, CANARY) == [audio]  # the scripted engine writes it into the sound's tags

        await keep_voice(scene, "alice", "Grandma")
        sealed = tmp_path / "voices" / "1.npz"
        assert is_sealed(sealed.read_bytes())
        assert "Grandma" in (await said(scene, "alice", "with my voice", voice="Grandma")).content
        assert list((tmp_path / "voices" / ".open").iterdir()) == []  # it was lent for as long as it was needed
        sample = tmp_path / "previews" / "fake" / "%231.ogg"
        sample.parent.mkdir(parents=True, exist_ok=True)
        sample.write_bytes(b"her voice")
        await app._book.change_mine(alice.id, language="en")
        await app._library.favour(alice.id, "v2/en_speaker_6", on=True)

        shown = await panel(scene, "alice", dm=True)
        for line in (
            "• Texts of your requests: **3** · until 24 h after the answer",
            "• Requests: when and where, voice, settings, outcome: **3** · until 30 days after the answer",
            "• Audio, for the buttons under it: **3** · until 24 h after the answer",
            "• Voices you kept: **1** · until you delete it",
            "• Your settings: **1** · until you delete it",
            "• Favourite voices: **1** · until you delete it",
        ):
            assert line in shown.content.splitlines()
        assert labels(shown) == ["Get a copy", "Delete everything…", "Privacy policy", "Terms"]
        about = await (await alice.slash("bark", "about")).until(lambda message: message.embeds)
        assert [button["url"] for button in about.components[0]["components"]] == [
            "https://example.org/privacy",
            "https://example.org/terms",
        ]

        copy = await (await alice.press(shown, label="Get a copy")).until(lambda message: message.attachments)
        assert copy.ephemeral
        with zipfile.ZipFile(io.BytesIO(copy.attachments[0].data)) as file:
            told = json.loads(file.read("data.json"))
            assert np.load(io.BytesIO(file.read("voices/1.npz")))["semantic_prompt"].tolist() == list(range(5))
            assert file.read(f"clips/{audio}") == (tmp_path / "audio" / audio).read_bytes()
        assert told["user"] == str(alice.id)
        assert CANARY in [row["text"] for row in told["kept"]["texts"]]
        assert told["files_left_out"] == []

        running = await discord.user("bob").slash("bark", "say", text="hold")
        await running.until(lambda message: "%" in message.content)
        waiting = await alice.slash("bark", "say", text="in line")
        await waiting.until(lambda message: "Next in line" in message.content)
        asked = await alice.press(shown, label="Delete everything…")
        await asked.until(lambda message: "cannot be undone" in message.content)
        back = await alice.press(shown, label="No, keep it")
        await back.until(lambda message: message.content.startswith("**What I keep"))
        assert len(await scene.jobs()) == 5
        await (await alice.press(shown, label="Delete everything…")).acknowledged()
        sure = await alice.press(shown, label="Yes, delete it")
        bye = (await sure.until(lambda message: "It is deleted" in message.content)).content.splitlines()
        assert bye[:2] == ["It is deleted.", "Cancelled with it: 1."]
        assert "the limits hold on" in bye[2]
        await waiting.until(lambda message: message.content == "Cancelled.")
        (app._audio / f"{running.id}.go").touch()
        await running.until(lambda message: message.attachments)

        assert list((tmp_path / "voices").glob("*.npz")) == []
        assert list((tmp_path / "clips").iterdir()) == []
        assert not sample.exists()
        assert audio not in [path.name for path in (tmp_path / "audio").iterdir()]
        assert app._library.own(alice.id) == app._library.favourites(alice.id) == ()
        assert app._book.mine(alice.id).language is None
        assert "do not have that one here" in await scene.refused("alice", answer, "Again")
        await app._store.insist(lambda db: db.execute("SELECT 1"))  # what told the cancelled one is written down
        clock.now += DAY
        await app._retention.round()
        assert await app._store.call(mentions, alice.id) == {}
        assert on_disk(tmp_path, str(alice.id)) == []
        assert (await panel(scene, "alice")).content == "I keep nothing about you."


async def test_a_text_whose_time_is_over_is_spoken_of_kindly(
    tmp_path: Path, schema: Schema | None, clock: Clock
) -> None:
    async with scene_in(tmp_path, schema, clock=clock) as scene:
        alice, app = scene.discord.user("alice"), scene.app
        message = await scene.answered("alice", text=CANARY)
        await app._store.call(lambda db: db.execute("UPDATE jobs SET told_at = ?", (clock.now,)).rowcount)
        clock.now += 25 * HOUR
        await app._retention.round()
        assert on_disk(tmp_path, CANARY) == []
        gone = "The text of that one is no longer kept here. Ask anew with /bark say."
        for label in ("Again", "Vary", "Edit"):
            assert await scene.refused("alice", message, label) == gone
        details = (await scene.private(await scene.press("alice", message, "Details"))).content
        assert details.splitlines()[-1] == gone
        more = (await scene.private(await alice.press(message, label="More"))).content
        assert more.startswith("Neither the audio nor the text")
        await scene.keep(number(message))
        assert "I have no text" in (await scene.private(await alice.slash("bark", "again"))).content
        kept = await scene.answered("alice", text="still kept")
        await scene.answered("alice", text="")
        again = await alice.slash("bark", "again")
        await again.until(lambda message: message.attachments)
        newest = (await scene.jobs())[-1]
        assert (newest.text, newest.options.parent) == ("still kept", number(kept))


async def test_a_server_that_removes_the_bot_is_forgotten_and_an_outage_is_none(tmp_path: Path, clock: Clock) -> None:
    async with scene_in(tmp_path, None, clock=clock) as scene:
        discord, app, guild = scene.discord, scene.app, scene.discord.guild_id
        await scene.answered("alice")
        await keep_voice(scene, "alice", "Grandma")
        await app._library.share(app._library.own(discord.user("alice").id)[0], guild)
        await app._book.change_server(guild, language="de")
        await app._reading.turn(guild, discord.general)

        async def left_at() -> float | None:
            row = await app._store.call(lambda db: db.execute("SELECT left_at FROM servers").fetchone())
            return None if row is None else row["left_at"]

        payload = {"id": str(guild)}
        assert await left_at() is None
        discord.gateway.dispatch("GUILD_DELETE", {**payload, "unavailable": True})
        await panel(scene, "bob", dm=True)  # what comes later is heard later
        assert await left_at() is None
        discord.gateway.dispatch("GUILD_CREATE", discord.world.guild())
        await panel(scene, "bob", dm=True)
        discord.gateway.dispatch("GUILD_DELETE", payload)
        await panel(scene, "bob", dm=True)
        assert await left_at() == clock.now
        discord.gateway.dispatch("GUILD_CREATE", discord.world.guild())
        await panel(scene, "bob", dm=True)
        assert await left_at() is None
        discord.gateway.dispatch("GUILD_DELETE", payload)
        await panel(scene, "bob", dm=True)
        clock.now += 7 * DAY
        await app._retention.round()
        assert await app._store.call(mentions, guild) == {}
        assert app._book.server(guild).language is None
        assert app._library.shared(guild) == ()
        assert len(app._library.own(discord.user("alice").id)) == 1  # that one is hers
        assert app._reading._channels == {}
        assert await app._store.call(servers.gone, 9e12) == []


async def test_what_is_on_its_way_when_everything_is_deleted_is_not_kept(tmp_path: Path, clock: Clock) -> None:
    """Its audio is delivered by then; nothing is written down of it again."""
    async with scene_in(tmp_path, None, clock=clock) as scene:
        alice = scene.discord.user("alice")
        message = await scene.answered("alice", state="rendered")
        path = str(tmp_path / "clip.ogg")
        await scene.app._store.call(lambda db: db.execute("UPDATE jobs SET path = ?", (path,)).rowcount)
        job = await scene.job(number(message))
        assert job.state is State.RENDERED
        await scene.app._office.erase(alice.id)
        assert await scene.app._outbox._answered(job)
        assert await scene.app._store.call(mentions, alice.id) == {}
