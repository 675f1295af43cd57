"""What is fed. Each target takes any bytes and may raise nothing but the errors it names."""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import config
from bot.commands import guarding
from bot.commands.buttons import forms
from bot.commands.buttons.mark import Mark
from bot.commands.long import decoded
from bot.commands.pages import Spot
from bot.commands.switch import Press
from bot.errors import ConfigError
from bot.flow.cast import cast_of
from bot.flow.check import clean, unknown_voice
from bot.flow.options import Kind, Options
from bot.flow.plain import NAMELESS, beginning, plain
from bot.flow.script import lines, script, tidy, turns
from bot.guard import wordfile
from bot.guard.listed import listed
from bot.guard.verdict import HouseRules
from bot.kept import clean_name
from bot.settings import Mine, Server, parse
from synth import protocol
from synth.config import read_dimensions, read_specs
from synth.errors import BadVoice, ModelError
from synth.lines import Lines
from synth.ogg import OggOpus
from synth.voices import KEYS, Voices, read_voice
from synth.weights import Weights, weight_files
from tests.fuzz import seeds

GUARD = HouseRules(words=listed(("dalek", "buy now")), names=("Ann Smith",)).with_servers(
    words=("spam", "ばか", "a b c"), names=("Rex",), scams=True
)
VOICES = ("v2/en_speaker_6", "v2/de_speaker_1")
FOLDER = Path(tempfile.gettempdir())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """`errors`: what it may raise."""

    name: str
    seeds: list[bytes]
    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...] = ()


def _written(name: str) -> Callable[[Callable[[Path], object]], Callable[[bytes], None]]:
    """For parsers of files: the bytes are written to a file of this name, in memory where the system has that."""

    def around(run: Callable[[Path], object]) -> Callable[[bytes], None]:
        @functools.wraps(run)
        def written(data: bytes) -> None:
            with tempfile.TemporaryDirectory(dir=_fast()) as folder:
                path = Path(folder) / name
                path.write_bytes(data)
                run(path)

        return written

    return around


@functools.cache
def _fast() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
    return memory if memory.is_dir() else FOLDER


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def guard(data: bytes) -> None:
    """The text guard, with names that go with the text."""
    text = _text(data)[:4000]
    GUARD.broken(text, [text[:32]])


def words(data: bytes) -> None:
    """What else is made of a person's text: lines, turns, casts, names, excerpts."""
    text = _text(data)[:4000]
    plain(text, NAMELESS)
    beginning(text, 60)
    for kind in Kind:
        script(tidy(lines(text), kind), kind, {})
    turns(text)
    cast_of(tidy(text, Kind.DIALOGUE), text[-100:], VOICES, "en")
    unknown_voice(clean(text[:100]), VOICES)
    clean_name(text[:100])
    decoded(data)


@_written("config.toml")
def configuration(path: Path) -> None:
    """The operator's file."""
    config.load(path)


@_written("words.txt")
def word_list(path: Path) -> None:
    """The operator's list of words."""
    wordfile.read(str(path))


@_written("x.npz")
def voice(path: Path) -> None:
    """A kept voice."""
    read_voice("x", dict.fromkeys(KEYS, path), seeds.RULES)


def voice_array(data: bytes) -> None:
    """One array of it, in a zip that is well."""
    voice(seeds.zipped(data))


@_written("model.safetensors")
def tensors(path: Path) -> None:
    """A file of tensors: names, shapes, and all of them read."""
    Weights([path]).take("", device="cpu", dtype=None)


def header(data: bytes) -> None:
    """The header of it, with a length that is right."""
    tensors(seeds.with_header(data))


@_written("pytorch_model.bin")
def pickled(path: Path) -> None:
    """The same, pickled."""
    Weights([path]).take("", device="cpu", dtype=None)


@_written("config.json")
def model_config(path: Path) -> None:
    """The numbers of a model."""
    read_dimensions(path.parent)


@_written("generation_config.json")
def model_tokens(path: Path) -> None:
    """Its special tokens and rates."""
    read_specs(path.parent)


@_written("speaker_embeddings_path.json")
def model_index(path: Path) -> None:
    """Its lists of voices and of weight files."""
    (path.parent / "model.safetensors.index.json").write_bytes(path.read_bytes())
    voices = None
    try:
        voices = Voices(path.parent, seeds.RULES)
    except ModelError:
        weight_files(path.parent)
        raise
    for name in voices.names():
        voices.get(name)


def interaction(data: bytes) -> None:
    """What a press or a form brings, where this program reads it without discord.py's help."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return  # no interaction: Discord's own library has read it before
    if not isinstance(content, dict):
        return
    press = Press.of(content)
    Mark.parse(str(content.get("custom_id")))
    Spot.of(press.rest)
    fields = forms.typed(content)
    forms.edited(fields, 2**32 - 1)
    guarding.typed(press.fields)


def custom_id(data: bytes) -> None:
    """A custom id alone."""
    text = _text(data)
    mark = Mark.parse(text)
    assert mark is None or Mark.parse(str(mark)) == mark
    press = Press.of({"custom_id": text})
    spot, _ = Spot.of(press.rest)
    assert len(spot.id("bark-voices", "pick")) <= 100


def message(data: bytes) -> None:
    """What comes from the synth process."""
    known = protocol.decode(data)
    assert protocol.decode(protocol.encode(known)) == known


def sound(data: bytes) -> None:
    """A file that the player reads, whole and in pieces."""
    whole, pieces = OggOpus(), OggOpus()
    at_once = whole.push(data)
    assert [
        packet for start in range(0, len(data), 999) for packet in pieces.push(data[start : start + 999])
    ] == at_once


def settings(data: bytes) -> None:
    """What is kept as JSON."""
    content: Any = json.loads(data)
    if isinstance(content, dict):
        parse(Mine, content)
        parse(Server, content)
    Options.from_json(data.decode())


def line(data: bytes) -> None:
    """A line of the log: it stays one, and holds nothing that a terminal obeys."""
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (_text(data),), None)
    shown = Lines("%(message)s").format(record)
    assert shown.isprintable()


JSON = (ValueError, RecursionError)
TARGETS = [
    Target(name="guard", seeds=seeds.TEXTS, run=guard),
    Target(name="words", seeds=seeds.TEXTS, run=words),
    Target(name="config", seeds=[seeds.CONFIG], run=configuration, errors=(ConfigError,)),
    Target(name="word-list", seeds=[seeds.WORDS], run=word_list, errors=(ConfigError,)),
    Target(name="voice", seeds=[seeds.npz(), seeds.zipped(seeds.npy())], run=voice, errors=(BadVoice,)),
    Target(name="voice-array", seeds=[seeds.npy()], run=voice_array, errors=(BadVoice,)),
    Target(name="safetensors", seeds=[seeds.safetensors()], run=tensors, errors=(ModelError,)),
    Target(name="header", seeds=[seeds.safetensors()[8:-56]], run=header, errors=(ModelError,)),
    Target(
        name="pickle",
        seeds=[seeds.pickled(zipped=True), seeds.pickled(zipped=False)],
        run=pickled,
        errors=(ModelError,),
    ),
    Target(name="model", seeds=[(seeds.MODEL / "config.json").read_bytes()], run=model_config, errors=(ModelError,)),
    Target(
        name="tokens",
        seeds=[(seeds.MODEL / "generation_config.json").read_bytes()],
        run=model_tokens,
        errors=(ModelError,),
    ),
    Target(name="index", seeds=seeds.indexes(), run=model_index, errors=(ModelError, BadVoice)),
    Target(name="interaction", seeds=seeds.interactions(), run=interaction, errors=(ValueError,)),
    Target(name="custom-id", seeds=[b"bark:again:1234567890:2", b"bark-voices:pick:own:25:#12"], run=custom_id),
    Target(name="message", seeds=seeds.messages(), run=message, errors=(ValueError,)),
    Target(name="sound", seeds=[seeds.ogg()], run=sound),
    Target(name="settings", seeds=seeds.kept(), run=settings, errors=JSON),
    Target(name="log", seeds=seeds.TEXTS, run=line),
]
