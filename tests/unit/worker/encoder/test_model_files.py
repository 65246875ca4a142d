import os
import shutil
from pathlib import Path

import pytest

from common.errors import ModelUnavailable
from worker.encoder.model_files import find_model


@pytest.fixture
def own_clip(tiny_clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_clip, tmp_path / "own"))


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "preprocessor_config.json"]
)
def test_the_fingerprint_covers_every_file_that_affects_vectors(file: str, own_clip: Path) -> None:
    before = find_model(str(own_clip)).fingerprint

    flip_last_byte(own_clip / file)

    assert find_model(str(own_clip)).fingerprint != before


def test_the_fingerprint_ignores_location_and_documentation(tiny_clip: Path, own_clip: Path) -> None:
    (own_clip / "README.md").write_text("words")

    assert find_model(str(own_clip)).fingerprint == find_model(str(tiny_clip)).fingerprint


def test_a_folder_without_weights_is_refused(own_clip: Path) -> None:
    (own_clip / "model.safetensors").unlink()

    with pytest.raises(ModelUnavailable, match="holds no model"):
        find_model(str(own_clip))


def test_a_name_that_is_neither_a_folder_nor_a_hub_name_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="neither a folder nor a name"):
        find_model("not a//name")


@pytest.mark.timeout(10)
def test_a_weight_file_that_is_a_pipe_is_refused(own_clip: Path) -> None:
    (own_clip / "model.safetensors").rename(own_clip / "model-00001-of-00002.safetensors")
    (own_clip / "model.safetensors.index.json").write_text("{}")
    os.mkfifo(own_clip / "model-00002-of-00002.safetensors")

    with pytest.raises(ModelUnavailable, match=r"00002-of-00002.* is not a regular file"):
        find_model(str(own_clip))
