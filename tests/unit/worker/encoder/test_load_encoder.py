import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import ModelUnavailable
from tests.optional_packages import NEEDS_TORCH
from tests.unit.worker.conftest import edit_config, write_tiny_clip
from worker.encoder.load_encoder import EncoderChoice, load_encoder, read_model_input

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.starts_processes

KINDS: list[EncoderChoice] = ["openvino", "torch"]


@pytest.fixture
def own_clip(tiny_clip: Path, tmp_path: Path) -> Path:
    """The folder of a copy of the small model, which the test may damage."""
    return Path(shutil.copytree(tiny_clip, tmp_path / "own"))


def reason_against(folder: Path | str, *, kind: EncoderChoice, cache_dir: Path) -> str:
    with pytest.raises(ModelUnavailable) as refusal:
        load_encoder(str(folder), kind=kind, device="cpu", cache_dir=cache_dir)
    return refusal.value.detail


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_model_folder_is_named(kind: EncoderChoice, tmp_path: Path) -> None:
    reason = reason_against(tmp_path / "nowhere", kind=kind, cache_dir=tmp_path)

    assert "nowhere" in reason
    assert "no such folder" in reason


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_weights_are_refused(kind: EncoderChoice, own_clip: Path, tmp_path: Path) -> None:
    weights = own_clip / "model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)

    assert "cut short" in reason_against(own_clip, kind=kind, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_lack_a_tensor_are_refused(kind: EncoderChoice, own_clip: Path, tmp_path: Path) -> None:
    tensors = load_file(own_clip / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, own_clip / "model.safetensors", metadata={"format": "pt"})

    assert "visual_projection.weight" in reason_against(own_clip, kind=kind, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("kind", KINDS)
def test_another_architecture_is_refused_by_name(kind: EncoderChoice, own_clip: Path, tmp_path: Path) -> None:
    edit_config(own_clip, model_type="siglip")

    assert "siglip" in reason_against(own_clip, kind=kind, cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("kind", KINDS)
def test_a_projection_of_another_dimension_is_refused(kind: EncoderChoice, tmp_path: Path) -> None:
    folder = write_tiny_clip(tmp_path / "model", projection_dim=256)

    reason = reason_against(folder, kind=kind, cache_dir=tmp_path / "cache")

    assert "256" in reason
    assert "512" in reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_malformed_tokenizer_is_refused(kind: EncoderChoice, own_clip: Path, tmp_path: Path) -> None:
    (own_clip / "tokenizer.json").write_text("{")

    assert str(own_clip) in reason_against(own_clip, kind=kind, cache_dir=tmp_path / "cache")


def test_a_refused_model_leaves_nothing_in_the_cache(own_clip: Path, tmp_path: Path) -> None:
    os.truncate(own_clip / "model.safetensors", 1000)

    reason_against(own_clip, kind="openvino", cache_dir=tmp_path / "cache")

    assert [path.suffix for path in (tmp_path / "cache" / "openvino").iterdir()] == [".lock"]


def test_a_damaged_cache_entry_is_refused_and_named(tiny_clip: Path, tmp_path: Path) -> None:
    load_encoder(str(tiny_clip), kind="openvino", cache_dir=tmp_path).close()
    (entry,) = (tmp_path / "openvino").glob("*/")
    os.truncate(entry / "text.bin", 1000)

    reason = reason_against(tiny_clip, kind="openvino", cache_dir=tmp_path)

    assert str(entry) in reason
    assert "delete" in reason


def test_an_unwritable_cache_is_named(tiny_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, where a folder should be")

    reason = reason_against(tiny_clip, kind="openvino", cache_dir=tmp_path / "cache")

    assert str(tmp_path / "cache") in reason


@pytest.mark.parametrize(
    ("kind", "device", "named"),
    [("openvino", "cuda", "ENCODER"), ("torch", "tpu", "DEVICE"), ("torch", "mps", "DEVICE")],
)
def test_a_device_that_the_encoder_does_not_support_is_refused(
    kind: EncoderChoice, device: str, named: str, tiny_clip: Path, export_cache: Path
) -> None:
    with pytest.raises(ModelUnavailable, match=named):
        load_encoder(str(tiny_clip), kind=kind, device=device, cache_dir=export_cache)


def test_a_missing_gpu_is_refused(tiny_clip: Path, export_cache: Path) -> None:
    beyond = f"cuda:{torch.cuda.device_count()}"

    with pytest.raises(ModelUnavailable, match=beyond):
        load_encoder(str(tiny_clip), kind="torch", device=beyond, cache_dir=export_cache)


def test_the_torch_encoder_refuses_int8(tiny_clip: Path, export_cache: Path) -> None:
    with pytest.raises(ModelUnavailable, match="ENCODER_PRECISION"):
        load_encoder(str(tiny_clip), kind="torch", precision="int8", cache_dir=export_cache)


def in_a_process_without_network(script: str, *, hub: Path) -> str:
    environment = {**os.environ, "HF_HOME": str(hub), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_a_hub_name_without_network_says_what_to_do(tmp_path: Path) -> None:
    script = "from worker.encoder.model_files import find_model; find_model('openai/clip-vit-base-patch32')"

    output = in_a_process_without_network(script, hub=tmp_path)

    assert "ModelUnavailable: openai/clip-vit-base-patch32 is not on this machine" in output
    assert "CLIP_MODEL" in output


def test_a_downloaded_hub_model_loads_without_network(tiny_clip: Path, tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--acme--tiny-clip"
    shutil.copytree(tiny_clip, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    script = "from worker.encoder.model_files import find_model; print(find_model('acme/tiny-clip').folder)"

    output = in_a_process_without_network(script, hub=tmp_path)

    assert output.strip() == str(repository / "snapshots" / "abc")


@pytest.mark.parametrize("kind", ["openvino", "torch", "fixed"])
def test_the_input_of_a_model_is_read_without_loading_the_model(
    kind: EncoderChoice, tiny_clip: Path, tmp_path: Path
) -> None:
    found = read_model_input(str(tiny_clip), kind=kind)

    encoder = load_encoder(str(tiny_clip), kind=kind, device="cpu", cache_dir=tmp_path)
    assert (found.fingerprint, found.size_px) == (encoder.model_fingerprint, encoder.input_size_px)
    encoder.close()
