"""How much memory a Bark takes, and so which one runs where, in which profile, and how many pieces at once.

A profile says where the weights are:

    resident     all on the device
    embeddings   the rows of the semantic table that only a prompt looks up stay in main memory, mapped from the file
    stages       besides, each transformer is on the device for its turn alone: one piece at a time, no streaming

The order of choice puts the large model in any profile before the small one. What `stages` costs is moving 0.96 billion
weights for each piece: 1.9 GB in float16, 0.3 s at the 6 GB/s of pageable memory over PCIe 3. Ten seconds of speech read
0.67 GB two thousand times, which takes a card of that size (128 to 320 GB/s) 4 to 10 s: under a tenth more, for what
the larger model is chosen for everywhere. Within a model, `embeddings` costs a lookup of 513 rows for each piece, but no
more than 0.25 GB are won with it: it comes second.

A CPU has one memory: there the table is mapped in any case (`embeddings`), and `resident` reads it all.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from synth.errors import ModelError

SHIPPED = "pup"
PROFILES = ("resident", "embeddings", "stages")
AUTOMATIC = {"cuda": PROFILES, "cpu": ("embeddings",)}  # elsewhere resident: an Apple GPU's memory is the CPU's
MOST_SEATS = {"cuda": 32, "cpu": 4}
OTHER_SEATS = 4

TEXT_ROWS = 129_600  # of the semantic table
DRAWN_ROWS = 10_048  # of them for tokens that the model draws itself
INPUTS = {"semantic": TEXT_ROWS, "coarse": 12_096, "fine": 8 * 1_056}  # rows of the input tables
OUTPUTS = {"semantic": DRAWN_ROWS, "coarse": 12_096, "fine": 0}  # rows of the heads; the fine ones are its tables
POSITIONS = 1024
CODEC = 14_850_000 * 4  # bytes, always float32
WORKSPACE = 800 << 20  # bytes: the codec's activations for 15 s (0.3 GB), prompts, the allocator's loss


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """The dimensions of a Bark that decide on its memory."""

    layers: int
    width: int
    text_rows: int = TEXT_ROWS


LARGE, SMALL = Size(layers=24, width=1024), Size(layers=12, width=768)
SIZES = {"suno/bark": LARGE, "suno/bark-small": SMALL}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """Bytes of one number: in causal blocks, in fine blocks and causal heads, in other weights, in caches."""

    blocks: float
    products: float
    other: int
    cache: int


def form_of(kind: str, precision: str) -> Form:
    """Of a precision on a kind of device (cpu, cuda, mps). Whole numbers have scales, one a row or one a group of 64."""
    number = 4 if precision == "float32" or kind == "cpu" else 2
    narrow = {"int8": 1.01, "int4": 0.54}.get(precision)
    blocks = narrow or number
    products = blocks if kind == "cpu" else number  # synth.cuda.choose says why
    return Form(blocks=blocks, products=products, other=number, cache=2 if narrow else number)


def size_of(model: str, shipped: Path = Path(__file__).parent / "pup" / "model") -> Size:
    """Of a model of the hub by its name, of a folder by its config.json; the large one's where nothing is known."""
    if model in SIZES:
        return SIZES[model]
    folder = shipped if model == SHIPPED else Path(model).expanduser()
    try:
        semantic = json.loads((folder / "config.json").read_text("utf-8"))["semantic_config"]
        return Size(
            layers=int(semantic.get("num_layers", SMALL.layers)),
            width=int(semantic.get("hidden_size", SMALL.width)),
            text_rows=int(semantic.get("input_vocab_size", TEXT_ROWS)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return LARGE


def weights(size: Size, form: Form, *, table: bool) -> dict[str, int]:
    """Bytes of each transformer's weights; without `table`, no rows that the semantic model never draws."""
    rows = INPUTS | {"semantic": size.text_rows if table else min(size.text_rows, DRAWN_ROWS)}
    blocks = 12 * size.layers * size.width**2
    return {
        stage: int(
            blocks * (form.products if stage == "fine" else form.blocks)
            + OUTPUTS[stage] * size.width * form.products
            + (rows[stage] + POSITIONS) * size.width * form.other
        )
        for stage in rows
    }


def cache(size: Size, form: Form) -> int:
    """Bytes of one stage's keys and values for one piece."""
    return 2 * size.layers * POSITIONS * size.width * form.cache


def needed(size: Size, form: Form, profile: str, seats: int = 1) -> int:
    """Bytes of the device that a Bark takes while it works on so many pieces.

    Large in float16: resident 2.17 + 0.20 + 0.06 + 0.84 = 3.3 GB, embeddings 3.0, stages 1.7.
    Small in float16: resident 1.8 GB, embeddings 1.6, stages 1.2; in float32 with the table mapped 2.2.
    """
    stages = weights(size, form, table=profile == "resident").values()
    if profile == "stages":
        return max(stages) + cache(size, form) + CODEC + WORKSPACE
    return sum(stages) + seats * 2 * cache(size, form) + CODEC + WORKSPACE


def choose(kind: str, precision: str, free: int, main: int, *, model: str, memory: str) -> tuple[str, str]:
    """Model and profile for so many free bytes of the device and of main memory (0: unknown): the first that fits.

    `model` and `memory` may be "auto". Large is chosen only where something faster than a CPU does the work: it takes
    minutes of a CPU for a sentence. Where nothing fits, a given model gets the profile that takes least, and else it
    is the shipped one. ModelError for a profile that makes no sense.
    """
    if memory not in ("auto", *PROFILES):
        raise ModelError(f"There is no memory profile {memory!r}: use auto, {', '.join(PROFILES)}.")
    if kind == "cpu" and memory == "stages":
        raise ModelError("The memory profile stages is for a GPU; on the CPU use auto, embeddings or resident.")
    narrow = precision in ("int8", "int4")
    if narrow and memory == "stages":
        raise ModelError(f"The memory profile stages is for the precision exact; with {precision} use auto.")
    profiles = AUTOMATIC.get(kind, ("resident",)) if memory == "auto" else (memory,)
    if narrow:
        profiles = tuple(profile for profile in profiles if profile != "stages")
    names = [model] if model != "auto" else [name for name in SIZES if kind != "cpu" or name != "suno/bark"]
    form = form_of(kind, precision)
    if model == "auto" and not free:
        return "suno/bark-small", profiles[0]
    for name in names:
        for profile in profiles:
            if _fits(size_of(name), form, profile, free, main):
                return name, profile
    return (SHIPPED, profiles[0]) if model == "auto" else (model, profiles[-1] if free else profiles[0])


def seats(kind: str, precision: str, free: int, *, model: str, memory: str) -> int:
    """How many pieces can be in work at once: one, and one more for each pair of caches that still has room."""
    if memory == "stages" or not free:
        return 1
    size, form = size_of(model), form_of(kind, precision)
    left = free - needed(size, form, memory)
    return max(1, min(MOST_SEATS.get(kind, OTHER_SEATS), 1 + left // (2 * cache(size, form))))


def _fits(size: Size, form: Form, profile: str, free: int, main: int) -> bool:
    """Whether there is room on the device, and in main memory for weights that wait there."""
    waiting = sum(weights(size, form, table=False).values()) if profile == "stages" else 0
    return free >= needed(size, form, profile) and (not main or main >= waiting)
