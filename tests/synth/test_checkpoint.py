"""Folders as others make them: every form of weights and configs gives the same model, and damage is told in words."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from synth import suno
from synth.checkpoint import find, load
from synth.coarse import CoarseSpec
from synth.config import Specs, read_specs
from synth.errors import ModelError
from synth.fine import FineSpec
from synth.pipeline import Model, Request, speak
from synth.semantic import SemanticSpec
from tests.synth import folders, oracle
from tests.synth.oracle import ODD, SMALL, Shape


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["odd", "small", "biased"])
def shape(request: pytest.FixtureRequest) -> Shape:
    return oracle.SHAPES[request.param]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the odd shape, never changed."""
    folder = tmp_path_factory.mktemp("plain") / "model"
    folders.save_model(folder, ODD)
    return folder


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(plain, tmp_path / "model"))


@pytest.fixture(scope="module")
def tokens(plain: Path) -> dict[str, Any]:
    return spoken(load(str(plain)))


def spoken(model: Model) -> dict[str, Any]:
    request = Request(pieces=[model.tokenizer.encode(folders.TEXT)], seed=0, greedy=True, max_seconds=1.0)
    return speak(model, request).tokens()


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(one[key], other[key]) for key in one)


def test_a_folder_of_any_dimensions_gives_the_same_tokens_as_the_model_it_was_saved_from(
    shape: Shape, tmp_path: Path
) -> None:
    folders.save_model(tmp_path / "model", shape)
    model = load(str(tmp_path / "model"))
    _, direct = oracle.build(shape)
    request = Request(pieces=[folders.TEXT_IDS], seed=0, greedy=True, max_seconds=0.5)
    assert model.tokenizer.encode(folders.TEXT) == folders.TEXT_IDS
    assert (model.semantic_spec, model.coarse_spec, model.fine_spec) == (shape.semantic, shape.coarse, shape.fine)
    assert same(speak(model, request).tokens(), speak(direct, request).tokens())
    assert model.voices.get("v2/en_speaker_0").fine_prompt.shape[0] == shape.fine.n_fine_codebooks


def test_weights_are_on_no_meta_device_and_need_no_gradient(plain: Path) -> None:
    model = load(str(plain))
    for network in (model.semantic, model.coarse, model.fine):
        assert not any(weight.is_meta or weight.requires_grad for weight in network.parameters())
        assert not network.training


def test_shards_are_joined(tmp_path: Path, tokens: dict[str, Any]) -> None:
    folders.save_model(tmp_path / "model", ODD, max_shard_size="60KB")
    assert len(list((tmp_path / "model").glob("model-*.safetensors"))) > 2
    assert same(spoken(load(str(tmp_path / "model"))), tokens)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folders.save_model(tmp_path / "model", ODD, max_shard_size="60KB")
    lost = sorted((tmp_path / "model").glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(ModelError, match=lost.name):
        load(str(tmp_path / "model"))


def as_pickle(folder: Path) -> dict[str, Any]:
    """The weights under the names and forms of an old pytorch_model.bin: weight_g, weight_v, masks, untied heads."""
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in state.items()
    }
    old["semantic.layers.0.attn.bias"] = torch.ones(1, 1, 75, 75, dtype=torch.bool)
    return old


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_file_with_old_names_gives_the_same(folder: Path, tokens: dict[str, Any], *, zipped: bool) -> None:
    path = folder / "pytorch_model.bin"
    torch.save(OrderedDict(as_pickle(folder)), path, _use_new_zipfile_serialization=zipped)
    assert same(spoken(load(str(folder))), tokens)


def test_a_state_dict_saved_whole_with_masks_and_both_halves_of_tied_heads_gives_the_same(tmp_path: Path) -> None:
    folders.save_model(tmp_path / "model", SMALL)
    expected = load(str(tmp_path / "model")).fine.lm_heads[3].weight.clone()
    (tmp_path / "model" / "model.safetensors").unlink()
    state = oracle.bark(SMALL).state_dict()
    assert {"fine_acoustics.lm_heads.3.weight", "semantic.layers.0.attn.bias"} <= set(state)
    torch.save(state, tmp_path / "model" / "pytorch_model.bin")
    assert torch.equal(load(str(tmp_path / "model")).fine.lm_heads[3].weight, expected)


def test_names_that_torch_compile_left_are_understood(folder: Path, tokens: dict[str, Any]) -> None:
    state = load_file(folder / "model.safetensors")
    renamed = {name.replace("semantic.", "semantic._orig_mod."): value for name, value in state.items()}
    save_file(renamed, folder / "model.safetensors")
    assert same(spoken(load(str(folder))), tokens)


def test_half_precision_loads_as_float32_and_as_it_is(folder: Path) -> None:
    state = {name: value.half() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(state, folder / "model.safetensors")
    assert load(str(folder)).semantic.lm_head.weight.dtype == torch.float32
    half = load(str(folder), dtype=torch.float16)
    assert half.fine.lm_heads[0].weight.dtype == torch.float16
    assert half.codec.decode(np.zeros((5, 3), np.int64)).dtype == np.float32


def test_a_codec_without_its_encoder_is_enough(folder: Path, tokens: dict[str, Any]) -> None:
    state = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in state.items() if not name.startswith("codec_model.encoder.")}
    assert len(kept) < len(state)
    save_file(kept, folder / "model.safetensors")
    assert same(spoken(load(str(folder))), tokens)


def test_absent_keys_have_the_values_of_the_reference(folder: Path) -> None:
    (folder / "generation_config.json").write_text('{"semantic_config": {"eos_token_id": [10001]}}')
    specs = read_specs(folder)
    assert specs.semantic.eos_token == specs.semantic.semantic_pad_token == 10_001
    assert specs.semantic.semantic_rate_hz == 49.9
    assert (specs.coarse.max_coarse_history, specs.fine.max_fine_input_length) == (630, 1024)
    (folder / "generation_config.json").unlink()
    assert read_specs(folder) == Specs(semantic=SemanticSpec(), coarse=CoarseSpec(), fine=FineSpec())


def test_the_tokenizer_can_be_a_vocabulary_alone(folder: Path, tokens: dict[str, Any]) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
        (folder / name).unlink()
    (folder / "vocab.txt").write_text("\n".join(folders.WORDS) + "\n")
    assert same(spoken(load(str(folder))), tokens)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", "{", "cannot be read as JSON"),
        ("config.json", "[]", "holds no settings"),
        ("config.json", '{"semantic_config": {"num_layers": "two"}}', "makes no sense"),
        ("config.json", '{"semantic_config": {"num_heads": 5}}', "no multiple"),
        ("generation_config.json", '{"semantic_config": {"semantic_rate_hz": 0}}', "semantic_rate_hz is 0"),
        ("generation_config.json", '{"semantic_config": {"max_new_tokens": -1}}', "max_new_tokens is -1"),
        ("config.json", '{"semantic_config": {"num_heads": 0}}', "makes no sense"),
        ("config.json", '{"semantic_config": {"hidden_size": -12}}', "hidden_size must be at least 1"),
        ("config.json", '{"codec_config": {"model_type": "encodec", "codebook_size": 1000}}', "make"),
        ("config.json", '{"codec_config": {"model_type": "dac"}}', "names the codec dac"),
        ("generation_config.json", '{"coarse_acoustics_config": {"sliding_window_len": 0}}', "sliding_window_len is 0"),
        ("generation_config.json", '{"semantic_config": {"max_new_tokens": 7.5}}', "max_new_tokens is 7.5"),
        ("generation_config.json", '{"codebook_size": "many"}', "codebook_size is 'many'"),
        ("generation_config.json", '{"semantic_config": []}', "do not fit together"),
        ("generation_config.json", '{"semantic_config": 3}', "makes no sense"),
        ("model.safetensors", "not tensors", "no safetensors file"),
    ],
)
def test_a_damaged_file_is_named(folder: Path, name: str, content: str, words: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(ModelError, match=words):
        load(str(folder))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        load(str(folder))


def test_missing_and_unexpected_tensors_are_one_error(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    del state["coarse_acoustics.layers.0.mlp.in_proj.weight"]
    state["coarse_acoustics.layers.9.mlp.in_proj.weight"] = torch.zeros(1)
    save_file(state, path)
    with pytest.raises(ModelError) as caught:
        load(str(folder))
    said = str(caught.value)
    assert "1 missing (layers.0.mlp.in_proj.weight)" in said
    assert "1 unexpected (layers.9.mlp.in_proj.weight)" in said
    assert str(path) in said


def test_a_wrong_shape_is_told_with_both_shapes(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    state["semantic.lm_head.weight"] = state["semantic.lm_head.weight"][:-1].clone()
    save_file(state, path)
    with pytest.raises(ModelError, match=r"lm_head.weight \(45, 21\) instead of \(46, 21\)"):
        load(str(folder))


def test_another_models_weights_are_refused(folder: Path) -> None:
    save_file({"bert.encoder.weight": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises(ModelError, match="not Bark's"):
        load(str(folder))


def test_a_truncated_file_is_told(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="incomplete"):
        load(str(folder))


class Canary:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_that_runs_code_is_refused_and_not_run(folder: Path, tmp_path: Path) -> None:
    torch.save({**as_pickle(folder), "canary": Canary(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="run code"):
        load(str(folder))
    assert not (tmp_path / "ran").exists()


def test_an_unknown_name_says_what_can_be_given() -> None:
    with pytest.raises(ModelError, match="suno/bark-small"):
        find("/no/such/folder")


def test_progress_is_told_and_ends_with_one(plain: Path) -> None:
    heard: list[tuple[str, float]] = []
    load(str(plain), progress=lambda what, fraction: heard.append((what, fraction)))
    assert heard[-1] == ("loaded", 1.0)
    assert all(0 <= fraction <= 1 for _, fraction in heard)


# Suno's own files

REVERSED = {new: old for old, new in suno._NAMES.items() if old != "transformer"}


def as_suno(network: Any, arguments: dict[str, Any], *, compiled: bool = False) -> dict[str, Any]:
    """The content of a .pt file: Suno's names, its causal masks, a numpy scalar, and the optimiser's moments."""
    state = {}
    for name, value in network.state_dict().items():
        old = ".".join(REVERSED.get(part, part) for part in name.split("."))
        old = old if old.startswith("lm_head") else f"transformer.{old}"
        state[("_orig_mod." if compiled else "") + old] = value
        state["transformer.h.0.attn.bias"] = torch.ones(1, 1, 4, 4)
    loss = np.float64(1.25)
    moments = {"state": {0: {"exp_avg": torch.zeros(1000, 1000)}}}
    return {"model": state, "model_args": arguments, "best_val_loss": loss, "optimizer": moments, "iter_num": 7}


def suno_arguments(config: Any) -> dict[str, Any]:
    arguments = {"n_layer": config.num_layers, "n_head": config.num_heads, "n_embd": config.hidden_size}
    arguments |= {"block_size": config.block_size, "bias": config.bias, "dropout": 0.0}
    if config.n_codes_total > 1:
        arguments |= {"n_codes_total": config.n_codes_total, "n_codes_given": config.n_codes_given}
    if config.input_vocab_size == config.output_vocab_size:
        return arguments | {"vocab_size": config.input_vocab_size}
    return arguments | {"input_vocab_size": config.input_vocab_size, "output_vocab_size": config.output_vocab_size}


@pytest.fixture
def suno_folder(plain: Path, tmp_path: Path) -> Path:
    """Suno's three files of the odd shape, with the tokenizer and a codec beside them."""
    _, model = oracle.build(ODD)
    folder = tmp_path / "suno"
    (folder / "codec").mkdir(parents=True)
    for name, network in (("text_2", model.semantic), ("coarse", model.coarse), ("fine_2", model.fine)):
        content = as_suno(network, suno_arguments(network.config), compiled=name == "coarse")
        torch.save(content, folder / f"{name}.pt")
    folders.save_tokenizer(folder)
    shutil.copy(plain / "generation_config.json", folder)
    bark = oracle.bark(ODD)
    bark.codec_model.save_pretrained(folder / "codec")
    return folder


def test_sunos_files_give_the_same_tokens_and_are_converted_once(suno_folder: Path, tokens: dict[str, Any]) -> None:
    assert same(spoken(load(str(suno_folder))), tokens)
    copy = suno_folder / "text_2.safetensors"
    made = copy.stat().st_mtime_ns
    assert copy.stat().st_size < (suno_folder / "text_2.pt").stat().st_size / 4  # the moments are left behind
    assert same(spoken(load(str(suno_folder))), tokens)
    assert copy.stat().st_mtime_ns == made
    assert not list(suno_folder.glob("*.new"))


def test_the_scalar_may_have_the_name_that_numpy_1_gave_it(suno_folder: Path) -> None:
    """Suno's files were written in 2023."""
    path, old = suno_folder / "coarse.pt", suno_folder / "old.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w", zipfile.ZIP_STORED) as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in data
                data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            target.writestr(info.filename, data)
    assert suno.converted(old, suno_folder).name == "old.safetensors"


def test_a_changed_file_is_converted_anew(suno_folder: Path) -> None:
    load(str(suno_folder))
    content = torch.load(suno_folder / "fine_2.pt", weights_only=False)
    content["model"]["transformer.wpe.weight"] += 1
    torch.save(content, suno_folder / "fine_2.pt")
    expected = content["model"]["transformer.wpe.weight"]
    assert torch.equal(load(str(suno_folder)).fine.position_embeds_layer.weight, expected)


def test_the_copies_are_enough(suno_folder: Path, tokens: dict[str, Any]) -> None:
    load(str(suno_folder))
    for path in suno_folder.glob("*.pt"):
        path.unlink()
    assert same(spoken(load(str(suno_folder))), tokens)


def test_a_folder_that_cannot_be_written_to_is_converted_in_the_cache(suno_folder: Path, tmp_path: Path) -> None:
    path = suno_folder / "text_2.pt"
    (suno_folder / "text_2.safetensors").mkdir()  # nothing can be written there, not even by root
    copy = suno.converted(path, tmp_path / "cache")
    assert copy.is_relative_to(tmp_path / "cache")
    assert suno.converted(path, tmp_path / "cache") == copy


def test_a_suno_file_that_runs_code_is_refused_and_not_run(suno_folder: Path, tmp_path: Path) -> None:
    content = torch.load(suno_folder / "coarse.pt", weights_only=False)
    torch.save({**content, "canary": Canary(tmp_path / "ran")}, suno_folder / "coarse.pt")
    with pytest.raises(ModelError, match="run code"):
        load(str(suno_folder))
    assert not (tmp_path / "ran").exists()
    assert not (suno_folder / "coarse.safetensors").exists()


def test_a_pt_file_of_something_else_is_told(suno_folder: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, suno_folder / "coarse.pt")
    with pytest.raises(ModelError, match="not one of Suno's"):
        load(str(suno_folder))


def test_a_copy_keeps_the_dimensions_as_json(suno_folder: Path) -> None:
    copy = suno.converted(suno_folder / "fine_2.pt", suno_folder)
    assert suno.dimensions_of(copy).n_codes_total == ODD.fine.n_fine_codebooks
    with copy.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert set(header["__metadata__"]) == {"format", "source", "model_args"}
