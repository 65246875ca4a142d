import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.errors import ModelUnavailable
from tests.optional_packages import NEEDS_TORCH
from tests.unit.worker.conftest import edit_config
from worker.encoder.checkpoint import load_checkpoint, read_config, tensor_shapes
from worker.encoder.tokenizer import clip_tokenizer

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

pytestmark = pytest.mark.starts_processes

TEXTS = [
    "red",
    "",
    "Émigré  NIGHT\n2024!",
    "it's the 90s, isn't it",
    "one<|endoftext|>two",
    "日本語 e\u0301",
]
#: A script that makes imports of torch and transformers fail, as on a machine without both packages.
WITHOUT_TORCH = """
import importlib.util, sys
found = importlib.util.find_spec
absent = {"torch", "transformers"}
importlib.util.find_spec = lambda name, *more: None if name in absent else found(name, *more)
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def own_clip(tiny_clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_clip, tmp_path / "own"))


def test_the_model_dimensions_equal_those_of_transformers(tiny_clip: Path) -> None:
    theirs: Any = CLIPConfig.from_pretrained(tiny_clip)

    ours = read_config(tiny_clip)

    for tower, expected in ((ours.text, theirs.text_config), (ours.vision, theirs.vision_config)):
        assert tower.model_dump() == {name: getattr(expected, name) for name in tower.model_dump()}


def test_missing_config_fields_have_the_defaults_of_transformers(own_clip: Path) -> None:
    (own_clip / "config.json").write_text('{"model_type": "clip"}')
    theirs: Any = CLIPConfig()

    ours = read_config(own_clip)

    for tower, expected in ((ours.text, theirs.text_config), (ours.vision, theirs.vision_config)):
        assert tower.model_dump() == {name: getattr(expected, name) for name in tower.model_dump()}


def test_the_dictionaries_of_older_configs_take_precedence(own_clip: Path) -> None:
    edit_config(
        own_clip,
        text_config_dict={"hidden_size": 96},
        vision_config_dict={"patch_size": 16, "image_size": 64},
    )
    theirs: Any = CLIPConfig.from_pretrained(own_clip)

    ours = read_config(own_clip)

    assert ours.text.hidden_size == theirs.text_config.hidden_size == 96
    assert ours.text.num_hidden_layers == theirs.text_config.num_hidden_layers
    assert ours.vision.patches == (theirs.vision_config.image_size // theirs.vision_config.patch_size) ** 2


def test_the_expected_tensors_are_those_of_the_model(tiny_clip: Path) -> None:
    theirs = {
        name: tuple(tensor.shape)
        for name, tensor in CLIPModel.from_pretrained(tiny_clip).state_dict().items()
    }

    ours = tensor_shapes(read_config(tiny_clip))

    assert theirs.keys() - ours.keys() == {"logit_scale"}
    assert ours == {name: theirs[name] for name in ours}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_every_float_type_become_float32(own_clip: Path, dtype: torch.dtype) -> None:
    tensors = {name: t.to(dtype) for name, t in load_file(own_clip / "model.safetensors").items()}
    save_file(tensors, own_clip / "model.safetensors", metadata={"format": "pt"})

    weights = load_checkpoint(own_clip).weights

    assert weights.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert weights[name].dtype == np.float32
        np.testing.assert_array_equal(weights[name], tensor.float().numpy())


def test_sharded_weights_are_read_as_one_model(own_clip: Path) -> None:
    whole = load_file(own_clip / "model.safetensors")
    CLIPModel.from_pretrained(own_clip).save_pretrained(own_clip / "sharded", max_shard_size="200KB")
    for shard in (own_clip / "sharded").glob("model*"):
        shutil.copy(shard, own_clip)
    (own_clip / "model.safetensors").unlink()

    weights = load_checkpoint(own_clip).weights

    assert len(list(own_clip.glob("model-*"))) > 1
    assert all(np.array_equal(weights[name], tensor.numpy()) for name, tensor in whole.items())


def test_a_tensor_of_another_shape_is_refused_by_name(own_clip: Path) -> None:
    tensors = load_file(own_clip / "model.safetensors")
    tensors["text_projection.weight"] = tensors["text_projection.weight"][:, :32].contiguous()
    save_file(tensors, own_clip / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(ModelUnavailable, match=r"text_projection\.weight .* \(512, 32\), not \(512, 64\)"):
        load_checkpoint(own_clip)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"text_config": {"hidden_size": "wide"}}, "hidden_size"),
        ({"vision_config": {"patch_size": 0}}, "patch_size"),
        ({"vision_config": {"num_channels": 4}}, "num_channels"),
        ({"text_config": {"eos_token_id": [1, 2]}}, "eos_token_id"),
    ],
)
def test_an_invalid_config_is_refused_by_field(
    own_clip: Path, changes: dict[str, object], named: str
) -> None:
    edit_config(own_clip, **changes)

    with pytest.raises(ModelUnavailable, match=named):
        read_config(own_clip)


def test_a_tokenizer_from_vocabulary_and_merges_equals_transformers(own_clip: Path) -> None:
    model = json.loads((own_clip / "tokenizer.json").read_text())["model"]
    (own_clip / "vocab.json").write_text(json.dumps(model["vocab"]))
    (own_clip / "merges.txt").write_text(
        "#version: 0.2\n" + "\n".join(" ".join(m) for m in model["merges"]) + "\n"
    )
    (own_clip / "tokenizer.json").unlink()
    theirs = CLIPTokenizer.from_pretrained(own_clip)

    ours = clip_tokenizer(own_clip)

    assert [ours.encode(text).ids for text in TEXTS] == theirs(TEXTS)["input_ids"]


def test_a_model_is_exported_and_served_on_a_machine_without_torch(tiny_clip: Path, tmp_path: Path) -> None:
    # The export runs in a separate process, which reads this file at startup.
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TORCH)
    script = (
        "from pathlib import Path; from worker.encoder.load_encoder import load_encoder;"
        f"encoder = load_encoder({str(tiny_clip)!r}, cache_dir=Path({str(tmp_path)!r}), device='cpu');"
        "print(encoder.encode_texts(['red']).shape)"
    )

    done = _run(script, path=tmp_path)

    assert done.stdout.strip() == "(1, 512)", done.stderr


def test_pickled_weights_without_torch_name_what_to_install(own_clip: Path, tmp_path: Path) -> None:
    torch.save(load_file(own_clip / "model.safetensors"), own_clip / "pytorch_model.bin")
    (own_clip / "model.safetensors").unlink()
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TORCH)
    script = (
        "from pathlib import Path; from worker.encoder.load_encoder import load_encoder;"
        f"load_encoder({str(own_clip)!r}, cache_dir=Path({str(tmp_path / 'cache')!r}), device='cpu')"
    )

    done = _run(script, path=tmp_path)

    assert "pytorch_model.bin, which only torch reads: install it (pip install " in done.stderr
    assert "model.safetensors" in done.stderr


def _run(script: str, *, path: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
