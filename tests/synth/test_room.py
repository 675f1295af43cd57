"""Which Bark fits where, in which profile, and how many pieces at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.random_bark import dimensions
from synth import checkpoint, room
from synth.errors import ModelError
from synth.model import CausalTransformer, FineTransformer, KVCache
from synth.room import LARGE, PROFILES, SMALL
from tests.synth import folders, oracle

GB = 10**9
PLENTY = 64 * GB  # of main memory


@pytest.mark.parametrize(
    ("kind", "precision", "free", "chosen"),
    [
        ("cuda", "float16", 80 * GB, ("suno/bark", "resident")),
        ("cuda", "float16", 15 * GB, ("suno/bark", "resident")),  # T4
        ("cuda", "float16", 3.1 * GB, ("suno/bark", "embeddings")),
        ("cuda", "float16", 3 * GB, ("suno/bark", "stages")),  # a 4 GB card with a desktop on it
        ("cuda", "int8", 2.7 * GB, ("suno/bark", "resident")),
        ("cuda", "float16", 1.3 * GB, ("suno/bark-small", "stages")),
        ("cuda", "float16", 1 * GB, ("pup", "resident")),
        ("cuda", "float16", 0, ("suno/bark-small", "resident")),  # unknown
        ("mps", "float32", 12 * GB, ("suno/bark", "resident")),
        ("mps", "float32", 4 * GB, ("suno/bark-small", "resident")),
        ("cpu", "float32", 500 * GB, ("suno/bark-small", "embeddings")),
        ("cpu", "float32", 2.4 * GB, ("suno/bark-small", "embeddings")),
        ("cpu", "int8", 1.6 * GB, ("suno/bark-small", "embeddings")),
        ("cpu", "float32", 2 * GB, ("pup", "embeddings")),
        ("cpu", "float32", 0, ("suno/bark-small", "embeddings")),
    ],
)
def test_the_best_model_that_fits_is_taken_in_the_best_profile(kind, precision, free, chosen):
    assert room.choose(kind, precision, free, PLENTY, model="auto", memory="auto") == chosen


def test_what_is_given_is_kept():
    def choose(free, model, memory):
        return room.choose("cuda", "float16", free, PLENTY, model=model, memory=memory)

    assert choose(2 * GB, "auto", "embeddings") == ("suno/bark-small", "embeddings")
    assert choose(2 * GB, "suno/bark", "auto") == ("suno/bark", "stages")
    assert choose(1 * GB, "suno/bark", "auto") == ("suno/bark", "stages"), "the least of what was asked for"
    assert choose(1 * GB, "suno/bark", "resident") == ("suno/bark", "resident")
    assert choose(80 * GB, "suno/bark", "stages") == ("suno/bark", "stages")


def test_stages_need_main_memory_for_those_that_wait():
    choice = room.choose("cuda", "float16", 2 * GB, GB, model="auto", memory="auto")
    assert choice == ("suno/bark-small", "resident")


@pytest.mark.parametrize(("kind", "memory", "words"), [("cpu", "stages", "for a GPU"), ("cuda", "all", "use auto")])
def test_a_profile_that_makes_no_sense_is_refused(kind, memory, words):
    with pytest.raises(ModelError, match=words):
        room.choose(kind, "float16", 80 * GB, PLENTY, model="auto", memory=memory)


@pytest.mark.parametrize(
    ("size", "kind", "precision", "gigabytes"),
    [
        (LARGE, "cuda", "float16", (3.27, 3.03, 1.65)),
        (LARGE, "mps", "float32", (5.64, 5.15, 2.41)),
        (SMALL, "cuda", "float16", (1.75, 1.57, 1.14)),
        (SMALL, "cpu", "float32", (2.61, 2.24, 1.39)),
        (LARGE, "cuda", "int8", (2.67, 2.43, 1.62)),
        (LARGE, "cuda", "int4", (2.39, 2.14, 1.62)),
    ],
)
def test_what_a_model_needs_is_the_sum_of_its_parts(size, kind, precision, gigabytes):
    form = room.form_of(kind, precision)
    needed = tuple(room.needed(size, form, profile) / GB for profile in PROFILES)
    assert needed == pytest.approx(gigabytes, abs=0.01)
    assert needed[0] > needed[1] > needed[2]


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_narrow_weights_have_no_stages_on_a_card(precision):
    """They are rounded where they stay."""
    choice = room.choose("cuda", precision, 2 * GB, PLENTY, model="auto", memory="auto")
    assert choice == ("suno/bark-small", "resident")
    with pytest.raises(ModelError, match="for the precision exact"):
        room.choose("cuda", precision, 2 * GB, PLENTY, model="auto", memory="stages")


@pytest.mark.parametrize("size", ["small", "large"])
def test_weights_and_caches_are_those_of_the_true_dimensions(size):
    """Counted on networks that are built without memory."""
    ours, form = {"small": SMALL, "large": LARGE}[size], room.form_of("mps", "float32")
    with torch.device("meta"):
        networks = {
            "semantic": CausalTransformer(dimensions(size, 129_600, 10_048)),
            "coarse": CausalTransformer(dimensions(size, 12_096, 12_096)),
            "fine": FineTransformer(dimensions(size, 1_056, 1_056, codebooks=8)),
        }
    for stage, want in room.weights(ours, form, table=True).items():
        counted = sum(weight.nbytes for name, weight in networks[stage].named_parameters() if "lm_heads" not in name)
        assert want == pytest.approx(counted, rel=1e-3)
    assert room.cache(ours, form) == KVCache(networks["semantic"].config, device="meta").nbytes


def test_each_seat_takes_a_pair_of_caches_and_there_are_at_most_so_many():
    form = room.form_of("cuda", "float16")
    pair = 2 * room.cache(LARGE, form)
    assert pair == 2 * 96 * 1024 * 1024, "96 KiB for each position"
    least = room.needed(LARGE, form, "resident")
    for free, seats in ((0, 1), (least, 1), (least + pair - 1, 1), (least + 3 * pair, 4), (80 * GB, 32)):
        assert room.seats("cuda", "float16", free, model="suno/bark", memory="resident") == seats
        assert free < least or room.needed(LARGE, form, "resident", seats) <= free
    assert room.seats("cuda", "float16", 80 * GB, model="suno/bark", memory="stages") == 1
    assert room.seats("cpu", "float32", 80 * GB, model="suno/bark-small", memory="embeddings") == 4


def test_the_size_of_a_folder_is_read_and_of_what_is_unknown_the_largest(tmp_path: Path):
    folders.save_model(tmp_path / "model", oracle.ODD)
    network = checkpoint.load(str(tmp_path / "model")).semantic.config
    size = room.Size(layers=network.num_layers, width=network.hidden_size, text_rows=network.input_vocab_size)
    assert room.size_of(str(tmp_path / "model")) == size
    assert room.size_of("pup").width == 160
    assert room.size_of("some/other") == LARGE
    (tmp_path / "config.json").write_text("[]")
    assert room.size_of(str(tmp_path)) == LARGE
