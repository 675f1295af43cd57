"""`/bark voices` in a real client on a loopback Discord: pages, samples, favourites, kept voices, restarts, forged presses."""

from __future__ import annotations

import io
from pathlib import Path

import soundfile

from bot.app import App
from bot.kept import Kept
from bot.loopback.exchange import Exchange
from bot.loopback.interactions import Kind
from bot.loopback.messages import Message
from bot.loopback.server import Loopback
from bot.loopback.user import User
from bot.loopback.world import Permissions
from synth.process import Synth
from tests.bot.harness import bot_on, scripted
from tests.fakes.child import FakeOptions

GERMAN, ENGLISH = "v2/de_speaker_1", "v2/en_speaker_6"


async def gallery(who: User, **place: object) -> Message:
    exchange = await who.slash("bark", "voices", **place)
    await exchange.acknowledged()
    assert exchange.ephemeral
    assert exchange.original is not None
    return exchange.original


async def turn(who: User, message: Message, page: str) -> None:
    await (await who.choose(message, "bark-voices:page", [page])).acknowledged()


async def pick(who: User, message: Message, page: str, key: str) -> None:
    await turn(who, message, page)
    await (await who.choose(message, f"bark-voices:pick:{page}:0", [key])).acknowledged()


async def press(who: User, message: Message, label: str) -> Exchange:
    exchange = await who.press(message, label=label)
    await exchange.acknowledged()
    return exchange


async def forged(who: User, message: Message, custom_id: str, values: list[str] | None = None) -> Exchange:
    """What Discord's own client would never send."""
    data = {"custom_id": custom_id, "component_type": 3 if values else 2, "id": 1}
    data |= {"values": values} if values else {}
    here = who._world.channel(message.channel_id)
    exchange = who._send(Kind.COMPONENT, here, data, source=message)
    await exchange.acknowledged()
    return exchange


async def keep(app: App, folder: Path, who: User, name: str) -> Kept:
    source = folder / "source.npz"
    source.write_bytes(b"tokens")
    voice = await app._library.keep(who.id, name, source)
    assert isinstance(voice, Kept)
    return voice


def labels(message: Message) -> list[str]:
    return [part["label"] for row in message.components for part in row["components"] if part["type"] == 2]


async def started(synth: Synth) -> None:
    await synth.until_ready()


async def test_pages_by_language_and_a_favourite_that_is_offered_first(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await started(synth)
        alice = discord.user("alice")
        message = await gallery(alice)
        assert "English 6" in message.content  # the first list with something in it
        await pick(alice, message, "de", GERMAN)
        assert "German 1 · man" in message.content
        assert "Chosen: **German 1**" in message.content
        await press(alice, message, "☆ Favourite")
        assert "★" in message.content
        assert "★ Favourite" in labels(message)
        offered = await alice.autocomplete("bark", "say", focused=("voice", ""))
        assert offered[0] == {"name": f"German 1 · man · {GERMAN} ★", "value": GERMAN}
        await press(alice, message, "★ Favourite")
        offered = await alice.autocomplete("bark", "say", focused=("voice", ""))
        assert [choice["value"] for choice in offered] == [ENGLISH, GERMAN]
        assert discord.channel_messages(discord.general) == []
        assert discord.complaints == []


async def test_a_default_voice_is_used_where_none_is_chosen(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await started(synth)
        alice = discord.user("alice")
        message = await gallery(alice)
        await pick(alice, message, "de", GERMAN)
        await press(alice, message, "Use as my default")
        assert "your default" in message.content
        answer = await (await alice.slash("bark", "say", text="hello")).until(lambda message: message.attachments)
        assert f"voice {GERMAN} " in answer.content
        answer = await (await discord.user("bob").slash("bark", "say", text="hi")).until(
            lambda message: message.attachments
        )
        assert f"voice {ENGLISH} " in answer.content
        assert discord.complaints == []


async def test_a_sample_is_rendered_once_and_waits_for_a_free_seat(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice, bob = discord.user("alice"), discord.user("bob")
        busy = await bob.slash("bark", "say", text="hold")
        await busy.until(lambda message: "%" in message.content)
        message = await gallery(alice)
        await pick(alice, message, "de", GERMAN)
        first = await press(alice, message, "▶ Hear it")
        assert first.original is not None
        sample = first.followups[0] if first.followups else first.original
        assert "Preparing a sample of German 1" in sample.content
        assert first.ephemeral
        (app._audio / f"{busy.id}.go").touch()
        heard = await first.until(lambda message: message.attachments)
        assert heard.content == "AI-generated speech (Bark) · German 1"
        with soundfile.SoundFile(io.BytesIO(heard.attachments[0].data)) as file:
            assert "text=Hallo, so klingt meine Stimme." in file.comment
            assert f"voice={GERMAN}" in file.comment
        clip = tmp_path / "previews" / "fake" / "v2%2Fde_speaker_1.ogg"
        made = clip.stat().st_mtime_ns
        again = await press(alice, message, "▶ Hear it")  # at once: no "preparing"
        assert (await again.until(lambda message: message.attachments)).history[0].startswith("AI-generated")
        assert clip.stat().st_mtime_ns == made
        assert discord.complaints == []


async def test_samples_of_another_model_are_removed(tmp_path: Path) -> None:
    old = tmp_path / "previews" / "another"
    old.mkdir(parents=True)
    (old / "clip.ogg").touch()
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth):
        await started(synth)
        alice = discord.user("alice")
        message = await gallery(alice)
        await pick(alice, message, "de", GERMAN)
        await (await press(alice, message, "▶ Hear it")).until(lambda message: message.attachments)
        assert [path.name for path in (tmp_path / "previews").iterdir()] == ["fake"]


async def test_a_sample_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """The file of a kept voice is gone."""
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice = discord.user("alice")
        voice = await keep(app, tmp_path, alice, "Ghost")
        app._library.path(voice).unlink()
        message = await gallery(alice)
        await pick(alice, message, "own", voice.key)
        heard = await press(alice, message, "▶ Hear it")
        await heard.until(lambda message: "not there any more" in message.content)
        assert discord.complaints == []


async def test_a_kept_voice_speaks_and_a_deleted_one_fails_with_words(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice = discord.user("alice")
        voice = await keep(app, tmp_path, alice, "Grandpa")
        answer = await (await alice.slash("bark", "say", text="hello", voice="grandpa")).until(lambda m: m.attachments)
        assert "voice Grandpa " in answer.content
        with soundfile.SoundFile(io.BytesIO(answer.attachments[0].data)) as file:
            assert f"voice={app._library.path(voice).resolve()}" in file.comment
        refused = await (await discord.user("bob").slash("bark", "say", text="hello", voice="grandpa")).until(
            lambda m: m.content
        )
        assert "no voice called" in refused.content

        busy = await discord.user("carol").slash("bark", "say", text="hold")
        await busy.until(lambda message: "%" in message.content)
        waiting = await alice.slash("bark", "say", text="hello", voice="Grandpa")
        await waiting.until(lambda message: "Next" in message.content)
        message = await gallery(alice)
        await pick(alice, message, "own", voice.key)
        await press(alice, message, "Delete")
        assert "Delete **Grandpa** for good?" in message.content
        await press(alice, message, "Delete")
        assert "kept no voice yet" in message.content
        (app._audio / f"{busy.id}.go").touch()
        words = await waiting.until(lambda message: message.ephemeral)
        assert words.content == "That voice is not there any more. Choose another one."
        assert discord.complaints == []


async def test_rename_and_share(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice, bob = discord.user("alice"), discord.user("bob")
        await keep(app, tmp_path, alice, "Taken")
        voice = await keep(app, tmp_path, alice, "Grandpa")
        message = await gallery(alice)
        await pick(alice, message, "own", voice.key)
        opened = await press(alice, message, "Rename")
        done = await alice.submit(opened, {"name": "Old *Joe*"})
        await done.acknowledged()
        assert "Chosen: **Old Joe**" in message.content
        opened = await press(alice, message, "Rename")
        refused = await alice.submit(opened, {"name": "taken"})
        words = await refused.until(lambda other: "already" in other.content)
        assert words.ephemeral
        assert [choice["name"] for choice in await bob.autocomplete("bark", "say", focused=("voice", "old"))] == []
        await press(alice, message, "Share with this server")
        offered = await bob.autocomplete("bark", "say", focused=("voice", "old"))
        assert offered == [{"name": "Old Joe · from this server", "value": "Old Joe"}]
        assert await bob.autocomplete("bark", "say", focused=("voice", "old"), dm=True) == []
        await (await bob.slash("bark", "say", text="hello", voice="Old Joe")).until(lambda message: message.attachments)
        await press(alice, message, "Stop sharing")
        assert await bob.autocomplete("bark", "say", focused=("voice", "old")) == []
        assert discord.complaints == []


async def test_others_cannot_change_a_voice_but_moderators_may_take_it_from_the_server(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice, bob = discord.user("alice"), discord.user("bob")
        mod = discord.user("mod", permissions=Permissions.MANAGE_GUILD)
        voice = await keep(app, tmp_path, alice, "Grandpa")
        await app._library.share(voice, discord.guild_id)
        message = await gallery(bob)
        await pick(bob, message, "shared", voice.key)
        assert not {"Rename", "Delete", "Stop sharing", "Take it from this server"} & set(labels(message))
        for action in ("rename", "renamed", "share", "delete", "sure", "away", "adopt"):
            before = len(discord.messages._by_id)
            exchange = await forged(bob, message, f"bark-voices:{action}:own:0:{voice.key}")
            assert exchange.modal is None
            words = [m.content for m in list(discord.messages._by_id.values())[before:]]
            assert len(words) == 1, action
            assert "not yours" in words[0] or "manage this server" in words[0]
        assert app._library.own(alice.id)[0].name == "Grandpa"
        theirs = await gallery(mod)
        await pick(mod, theirs, "shared", voice.key)
        await press(mod, theirs, "Take it from this server")
        assert app._library.shared(discord.guild_id) == ()
        assert app._library.own(alice.id)[0].name == "Grandpa"
        assert discord.complaints == []


async def test_forged_ids_do_nothing(tmp_path: Path) -> None:
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice, bob = discord.user("alice"), discord.user("bob")
        private = await keep(app, tmp_path, alice, "Private")
        message = await gallery(bob)
        shown = message.content
        for rest in (
            f"star:own:0:{private.key}",
            f"default:own:0:{private.key}",
            f"hear:own:0:{private.key}",
            "hear:own:0:#99999",
            "hear:own:0:../../etc/passwd",
            "star:de:-1:",
            "hear",
            "sure:own:99999999999999:#1",
        ):
            before = len(discord.messages._by_id)
            await forged(bob, message, f"bark-voices:{rest}")
            assert [m.content for m in list(discord.messages._by_id.values())[before:]] == [
                "That voice is not there any more."
            ]
        await forged(bob, message, "bark-voices:page", ["nowhere"])
        await forged(bob, message, "bark-voices:turn:de:999")
        assert app._library.favourites(bob.id) == ()
        assert app._book.mine(bob.id).voice is None
        assert app._library.own(alice.id) == (private,)
        assert shown
        assert discord.complaints == []


async def test_an_old_gallery_works_after_a_restart(tmp_path: Path) -> None:
    """Also a modal that was open meanwhile."""
    async with Loopback() as discord:
        alice = discord.user("alice")
        async with bot_on(discord, tmp_path, synth=(synth := scripted())) as app:
            await started(synth)
            voice = await keep(app, tmp_path, alice, "Grandpa")
            message = await gallery(alice)
            await pick(alice, message, "own", voice.key)
            opened = await press(alice, message, "Rename")
        async with bot_on(discord, tmp_path, synth=scripted(FakeOptions(load="hang"))):
            await (await alice.submit(opened, {"name": "Grandma"})).acknowledged()
            assert "Chosen: **Grandma**" in message.content
            await press(alice, message, "☆ Favourite")
            assert "Grandma · yours ★" in str(await alice.autocomplete("bark", "say", focused=("voice", "")))
            await turn(alice, message, "favourites")
            assert "Grandma" in message.content
        assert discord.complaints == []


async def test_many_voices_are_turned_over_and_long_names_fit(tmp_path: Path) -> None:
    long = "a_voice_with_a_name_that_is_much_longer_than_the_custom_id_of_a_button_could_ever_hold_in_discord_today"
    names = (long, *(f"en_speaker_{number}" for number in range(60)))
    synth = scripted(FakeOptions(voices=names))
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await started(synth)
        alice = discord.user("alice")
        message = await gallery(alice)
        assert "English 24" in message.content
        await press(alice, message, "▶")
        assert "English 25" in message.content
        assert "English 24" not in message.content
        await press(alice, message, "▶")
        assert "English 59" in message.content
        await press(alice, message, "◀")
        await turn(alice, message, "other")
        mark = message.components[1]["components"][0]["options"][0]["value"]
        await (await alice.choose(message, "bark-voices:pick:other:0", [mark])).acknowledged()
        await press(alice, message, "☆ Favourite")
        assert app._library.favourites(alice.id) == (long,)
        assert discord.complaints == []


async def test_it_works_in_direct_messages_and_before_the_model_is_loaded(tmp_path: Path) -> None:
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=scripted(FakeOptions(load="hang"))) as app:
        alice = discord.user("alice")
        voice = await keep(app, tmp_path, alice, "Grandpa")
        message = await gallery(alice, dm=True)
        assert "still starting" in message.content
        await pick(alice, message, "own", voice.key)
        assert "Share with this server" not in labels(message)
        exchange = await forged(alice, message, f"bark-voices:share:own:0:{voice.key}")
        await exchange.acknowledged()
        assert app._library.own(alice.id)[0].guild_id is None
        assert discord.complaints == []


async def test_moderators_make_a_shared_voice_the_servers_own(tmp_path: Path) -> None:
    """It stays when its maker deletes theirs; moderators, and only they, delete it."""
    synth = scripted()
    async with Loopback() as discord, bot_on(discord, tmp_path, synth=synth) as app:
        await synth.until_ready()
        alice, mod, bob = (
            discord.user("alice"),
            discord.user("mod", permissions=Permissions.MANAGE_GUILD),
            discord.user("bob"),
        )
        voice = await keep(app, tmp_path, alice, "my dog")
        await app._library.share(voice, discord.guild_id)
        message = await gallery(mod)
        await pick(mod, message, "shared", voice.key)
        await press(mod, message, "Make it the server's own")
        (own,) = app._library.shared(discord.guild_id)
        assert own.of_server
        assert own.key != voice.key
        assert app._library.own(alice.id)[0].guild_id is None
        await app._library.delete(alice.id, app._library.own(alice.id)[0])
        assert app._library.path(own).read_bytes() == b"tokens"
        spoken = await bob.slash("bark", "say", text="woof", voice="my dog")
        await spoken.until(lambda answer: answer.attachments)
        seen = await gallery(bob)
        await pick(bob, seen, "shared", own.key)
        assert "Make it the server's own" not in labels(seen)
        refused = await forged(bob, seen, f"bark-voices:away:shared:0:{own.key}")
        assert refused.ephemeral
        assert app._library.shared(discord.guild_id) == (own,)
        await turn(mod, message, "shared")
        await pick(mod, message, "shared", own.key)
        await press(mod, message, "Take it from this server")
        assert app._library.shared(discord.guild_id) == ()
        assert not app._library.path(own).exists()
