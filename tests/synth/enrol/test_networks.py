"""HuBERT and both published quantizers: shapes, names and rates, with random weights; and files that are hostile."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import HubertConfig, HubertModel

from synth.enrol.hubert import LAYER, RATE, WIDTH, Hubert, frames
from synth.enrol.maker import HubertTokens
from synth.enrol.quantizer import BLOCK, Quantizer
from synth.errors import ModelError, Stopped

TINY = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 12,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8] * 7,
}


@pytest.fixture(scope="module")
def hubert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """transformers' own, as wide as the real one where others see it and narrow within; saved as the hub has it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    model = HubertModel(HubertConfig(**TINY)).eval()
    model.save_pretrained(folder)
    return model, folder


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32) * 0.1


class TestHubert:
    @torch.inference_mode()
    def test_features_are_what_comes_out_of_the_ninth_block_of_all(self, hubert):
        model, folder = hubert
        breaths: list[None] = []
        samples = sound(2.0)
        features = Hubert.load(folder, lambda: breaths.append(None)).features(samples)
        theirs = model(torch.from_numpy(samples)[None], output_hidden_states=True).hidden_states
        assert torch.allclose(features, theirs[LAYER][0], atol=1e-5)
        assert not torch.allclose(features, theirs[LAYER + 1][0], atol=1e-2)
        assert len(breaths) == len(TINY["conv_dim"]) + LAYER

    @pytest.mark.parametrize("seconds", [0.025, 1.0, 6.99, 7.0, 10.0])
    def test_their_number_is_hubert_s_at_49_9_a_second(self, seconds):
        with torch.device("meta"):
            real = HubertModel(HubertConfig())  # facebook/hubert-base-ls960's own dimensions are the defaults
        samples = round(seconds * RATE)
        assert frames(samples) == int(real._get_feat_extract_output_lengths(samples))
        assert sum(value.numel() for value in real.parameters()) == pytest.approx(94.4e6, rel=0.01)
        assert (real.config.hidden_size, real.config.num_hidden_layers, real.config.do_stable_layer_norm) == (
            768,
            12,
            False,
        )

    def test_ten_seconds_have_499(self):
        assert frames(10 * RATE) == 499

    def test_what_breathing_raises_ends_the_work(self, hubert):
        def breathe() -> None:
            raise Stopped

        with pytest.raises(Stopped):
            Hubert.load(hubert[1], breathe).features(sound(1.0))

    def test_the_hub_s_older_pickled_form_loads_alike(self, hubert, tmp_path):
        model, folder = hubert
        shutil.copy(folder / "config.json", tmp_path)
        state = {}
        for name, value in model.state_dict().items():
            old = name.replace("parametrizations.weight.original0", "weight_g")
            state[old.replace("parametrizations.weight.original1", "weight_v")] = value
        torch.save(state, tmp_path / "pytorch_model.bin")
        ours, theirs = (Hubert.load(place, lambda: None).features(sound(0.5)) for place in (tmp_path, folder))
        assert torch.allclose(ours, theirs, atol=1e-6)

    @pytest.mark.parametrize("harm", ["nothing", "config", "cut", "layers", "stable", "missing", "pickle"])
    def test_what_is_no_whole_hubert_base_is_refused(self, harm, hubert, tmp_path):
        folder = tmp_path / "hubert"
        shutil.copytree(hubert[1], folder)
        weights, config = folder / "model.safetensors", folder / "config.json"
        content = json.loads(config.read_text())
        match harm:
            case "nothing":
                shutil.rmtree(folder)
                folder.mkdir()
            case "config":
                config.write_text("{")
            case "cut":
                weights.write_bytes(weights.read_bytes()[:-100])
            case "layers":
                config.write_text(json.dumps(content | {"num_hidden_layers": 6}))
            case "stable":
                config.write_text(json.dumps(content | {"do_stable_layer_norm": True}))
            case "missing":
                config.write_text(json.dumps(content | {"num_hidden_layers": 13}))
            case "pickle":
                weights.unlink()
                (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(tmp_path / "ran"), protocol=2))
        with pytest.raises(ModelError):
            Hubert.load(folder, lambda: None)
        assert not (tmp_path / "ran").exists()


class Canary:
    """A pickle that writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


class Theirs(nn.Module):
    """The published network in plain torch: what the files are state dicts of."""

    def __init__(
        self, version: int, width: int = 768, hidden: int = 1024, middle: int = 4096, tokens: int = 10_000
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, 2, batch_first=True)
        if version:
            self.intermediate = nn.Linear(hidden, middle)
        self.fc = nn.Linear(middle if version else hidden, tokens)
        self.softmax = nn.LogSoftmax(dim=1)
        self.version = version

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.lstm(x)
        return self.softmax(self.fc(self.intermediate(out) if self.version else out))


def published(path: Path, network: nn.Module, version: int) -> Path:
    """A file as they are: a state dict, and in version 1 a note beside it in the same archive."""
    torch.save(network.state_dict(), path)
    if version:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"{path.stem}/.info", json.dumps({"version": version}))
    return path


class TestQuantizer:
    @pytest.mark.parametrize("version", [0, 1])
    @torch.inference_mode()
    def test_each_version_gives_the_tokens_of_the_published_network(self, version, tmp_path):
        torch.manual_seed(version)
        theirs = Theirs(version, 24, 32, 48, 100).eval()
        for value in theirs.parameters():
            value.normal_(0, 0.5)
        ours = Quantizer.load(published(tmp_path / "quantifier.pth", theirs, version))
        features = torch.randn(2 * BLOCK + 17, 24)
        breaths: list[None] = []
        tokens = ours.read(features, lambda: breaths.append(None))
        assert tokens.tolist() == theirs(features).argmax(1).tolist()  # block by block as in one piece
        assert len(set(tokens.tolist())) > 5
        assert len(breaths) == 3

    @pytest.mark.parametrize(("version", "numbers"), [(0, 26.0e6), (1, 61.2e6)])
    def test_the_published_dimensions_are_known_by_their_tensors(self, version, numbers, tmp_path):
        with torch.device("meta"):
            shapes = {name: value.shape for name, value in Theirs(version).state_dict().items()}
        # of one number each, looked at in the true shape: the file is small, what is read has its full size
        state = {name: torch.full((1,), 0.01).expand(shape) for name, shape in shapes.items()}
        path = tmp_path / "quantifier.pth"
        torch.save(state, path)
        made = Quantizer.load(path)
        assert (made.lstm.input_size, made.lstm.hidden_size, made.tokens) == (768, 1024, 10_000)
        assert sum(value.numel() for value in made.parameters()) == pytest.approx(numbers, rel=0.01)

    def test_names_that_training_tools_left_are_peeled(self, tmp_path):
        theirs = Theirs(0, 8, 8, 8, 20)
        torch.save(
            {f"module._orig_mod.{name}": value.half() for name, value in theirs.state_dict().items()},
            tmp_path / "q.pth",
        )
        assert Quantizer.load(tmp_path / "q.pth").fc.weight.dtype == torch.float32

    @pytest.mark.parametrize(
        "content",
        [
            {},
            [1, 2],
            {"lstm.weight_ih_l0": torch.zeros(3)},
            {**Theirs(0, 8, 8, 8, 20).state_dict(), "more.weight": torch.zeros(1)},
            {name: value for name, value in Theirs(1, 8, 8, 8, 20).state_dict().items() if name != "fc.bias"},
            {**Theirs(0, 8, 8, 8, 20).state_dict(), "lstm.weight_hh_l1": torch.zeros(4, 4)},
        ],
        ids=["empty", "list", "shape", "more", "less", "wrong"],
    )
    def test_other_checkpoints_are_refused(self, content, tmp_path):
        torch.save(content, tmp_path / "q.pth")
        with pytest.raises(ModelError):
            Quantizer.load(tmp_path / "q.pth")

    @pytest.mark.parametrize("how", ["plain", "torch"])
    def test_a_file_that_asks_to_run_code_is_refused_and_the_code_is_not_run(self, how, tmp_path):
        path = tmp_path / "quantifier_hubert_base_ls960_14.pth"
        canary = Canary(tmp_path / "ran")
        content = {**Theirs(0, 8, 8, 8, 20).state_dict(), "note": canary}
        if how == "torch":
            torch.save(content, path)
        else:
            path.write_bytes(pickle.dumps({"note": canary}, protocol=2))
        with pytest.raises(ModelError, match=r"asks to run code|cannot be read"):
            Quantizer.load(path)
        assert not canary.path.exists()
        torch.load(path, weights_only=False) if how == "torch" else pickle.loads(path.read_bytes())  # noqa: S301 -- it would have run
        assert canary.path.exists()

    def test_a_quantizer_of_other_tokens_or_features_is_refused(self, hubert, tmp_path):
        torch.save(Theirs(0, WIDTH, 8, 8, 20).state_dict(), tmp_path / "q.pth")
        assert HubertTokens.load(hubert[1], tmp_path / "q.pth", 20, lambda: None)
        with pytest.raises(ModelError, match="20 tokens"):
            HubertTokens.load(hubert[1], tmp_path / "q.pth", 10_000, lambda: None)
