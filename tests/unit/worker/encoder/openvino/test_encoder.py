import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from common.errors import ModelUnavailable
from tests.optional_packages import NEEDS_TORCH
from tests.unit.worker.conftest import write_tiny_clip
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Precision

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

pytestmark = pytest.mark.starts_processes

LEAST_COSINE = 0.995

TEXTS = [
    "red",
    "",
    "a blue cover with a red cover on it",
    "Émigré  NIGHT\n2024!",
    "one<|endoftext|>two",
    "so many words that the model cannot take them all " * 5,
]


def some_pixels(count: int, *, side: int = 32) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def embeddings_of_transformers(
    folder: Path, *, texts: list[str], pixels: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    loading: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32)
    processor: Any = CLIPImageProcessorPil.from_pretrained(folder)
    tokens = CLIPTokenizer.from_pretrained(folder)(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        of_texts = loading.get_text_features(**tokens).pooler_output
        of_images = loading.get_image_features(
            **processor(images=list(pixels), return_tensors="pt")
        ).pooler_output
    normalize = torch.nn.functional.normalize
    return normalize(of_texts, dim=-1).numpy(), normalize(of_images, dim=-1).numpy()


@pytest.mark.parametrize("kind", ["openvino", "torch"])
@pytest.mark.parametrize("model", ["quick_gelu", "gelu", "legacy end mark", "fp16 weights", "bin weights"])
def test_embeddings_equal_those_of_transformers(
    kind: Any, model: str, tmp_path: Path, export_cache: Path
) -> None:
    folder = variant(model, tmp_path / "model")
    pixels = some_pixels(11)
    expected_texts, expected_images = embeddings_of_transformers(folder, texts=TEXTS, pixels=pixels)

    encoder = load_encoder(str(folder), kind=kind, device="cpu", precision="float32", cache_dir=export_cache)
    texts, images = encoder.encode_texts(TEXTS), encoder.encode_images(pixels)

    assert encoder.precision == "float32"
    np.testing.assert_allclose(texts, expected_texts, atol=2e-6)
    np.testing.assert_allclose(images, expected_images, atol=2e-6)


@pytest.mark.parametrize("kind", ["openvino", "torch"])
def test_a_text_with_too_many_tokens_is_recognized_as_truncated(
    kind: Any, tiny_clip: Path, export_cache: Path
) -> None:
    encoder = load_encoder(str(tiny_clip), kind=kind, device="cpu", cache_dir=export_cache)

    # The small model reads 16 tokens, including a start and an end token.
    assert [encoder.truncates("red " * count) for count in (0, 1, 14, 15, 100)] == [False] * 3 + [True] * 2
    assert not encoder.truncates("one<|endoftext|>two")


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_every_precision_has_a_high_cosine_with_transformers(
    precision: Precision, tiny_clip: Path, export_cache: Path
) -> None:
    pixels = some_pixels(3)
    expected_texts, expected_images = embeddings_of_transformers(tiny_clip, texts=TEXTS, pixels=pixels)

    encoder = load_encoder(str(tiny_clip), kind="openvino", precision=precision, cache_dir=export_cache)

    assert (encoder.encode_texts(TEXTS) * expected_texts).sum(axis=1).min() > LEAST_COSINE
    assert (encoder.encode_images(pixels) * expected_images).sum(axis=1).min() > LEAST_COSINE


@pytest.mark.skipif(
    "avx512_bf16" not in Path("/proc/cpuinfo").read_text(), reason="the processor multiplies no bfloat16"
)
def test_bfloat16_is_used_on_a_cpu_that_supports_it(tiny_clip: Path, export_cache: Path) -> None:
    encoder = load_encoder(str(tiny_clip), kind="openvino", cache_dir=export_cache)

    assert encoder.precision == "bfloat16"
    assert encoder.fingerprint == encoder.model_fingerprint


def test_the_weight_files_do_not_stay_in_memory(demo_model: Path, export_cache: Path) -> None:
    encoder = load_encoder(str(demo_model), kind="openvino", cache_dir=export_cache)

    resident: dict[str, int] = {}
    path = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(maxsplit=1)[0]:
            path = line.split(maxsplit=5)[-1]
        elif line.startswith("Rss:") and path.startswith(str(export_cache)):
            resident[path] = resident.get(path, 0) + int(line.split()[1])

    assert resident, "no file of the export is mapped"
    assert max(resident.values()) == 0
    encoder.close()


def variant(name: str, folder: Path) -> Path:
    if name == "gelu":
        return write_tiny_clip(folder, activation="gelu")
    if name == "legacy end mark":
        return write_tiny_clip(folder, eos_id=2)
    write_tiny_clip(folder)
    if name == "fp16 weights":
        CLIPModel.from_pretrained(folder, dtype=torch.float16).save_pretrained(folder)
    if name == "bin weights":
        weights = CLIPModel.from_pretrained(folder).state_dict()
        (folder / "model.safetensors").unlink()
        torch.save(weights, folder / "pytorch_model.bin")
    return folder


def test_a_tokenizer_with_another_end_token_is_refused(tmp_path: Path, export_cache: Path) -> None:
    folder = write_tiny_clip(tmp_path / "model", eos_id=77)

    with pytest.raises(ModelUnavailable, match="eos_token_id, 77"):
        load_encoder(str(folder), kind="openvino", cache_dir=export_cache)


@pytest.mark.parametrize("kind", ["openvino", "torch"])
def test_the_embedding_of_a_text_does_not_depend_on_its_batch(
    kind: Any, tiny_clip: Path, export_cache: Path
) -> None:
    encoder = load_encoder(
        str(tiny_clip), kind=kind, device="cpu", precision="float32", cache_dir=export_cache
    )

    together = encoder.encode_texts(TEXTS * 40)
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS] * 40)

    np.testing.assert_allclose(together, alone, atol=2e-6)


@pytest.mark.parametrize("kind", ["openvino", "torch", "fixed"])
def test_embeddings_are_512_float32_values_of_unit_length(
    kind: Any, tiny_clip: Path, export_cache: Path
) -> None:
    encoder = load_encoder(str(tiny_clip), kind=kind, device="cpu", cache_dir=export_cache)
    side = encoder.input_size_px

    texts, images = encoder.encode_texts(["red", "blue"]), encoder.encode_images(some_pixels(2, side=side))

    for embeddings in (texts, images):
        assert embeddings.dtype == np.float32
        assert embeddings.shape == (2, 512)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", ["openvino", "torch", "fixed"])
def test_an_empty_batch_gives_no_rows(kind: Any, tiny_clip: Path, export_cache: Path) -> None:
    encoder = load_encoder(str(tiny_clip), kind=kind, device="cpu", cache_dir=export_cache)

    assert encoder.encode_texts([]).shape == (0, 512)
    assert encoder.encode_images(some_pixels(0)).shape == (0, 512)


def test_read_only_and_strided_pixels_are_accepted(tiny_clip: Path, export_cache: Path) -> None:
    encoder = load_encoder(str(tiny_clip), kind="openvino", precision="float32", cache_dir=export_cache)
    pixels = some_pixels(4)

    apart = pixels[::2]
    apart.flags.writeable = False

    np.testing.assert_array_equal(encoder.encode_images(apart), encoder.encode_images(pixels[::2].copy()))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core runs one pass at a time")
def test_concurrent_passes_give_the_same_embeddings(tiny_clip: Path, export_cache: Path) -> None:
    encoder = load_encoder(
        str(tiny_clip), kind="openvino", precision="int8", side_by_side=True, cache_dir=export_cache
    )
    pixels = some_pixels(40)
    # Each pass gets different texts of the same lengths, to show that passes do not share data.
    words = ["red", "blue", "green", "black"]
    texts = [[f"{word} {text}" for text in TEXTS for _ in range(10)] for word in words]

    def encode(turn: int) -> npt.NDArray[np.float32]:
        return np.concatenate([encoder.encode_images(pixels), encoder.encode_texts(texts[turn % len(texts)])])

    alone = [encode(turn) for turn in range(len(texts))]
    with ThreadPoolExecutor(encoder.passes_at_once) as threads:
        together = list(threads.map(encode, range(40)))

    assert encoder.passes_at_once == 2
    for turn, embeddings in enumerate(together):
        np.testing.assert_allclose(embeddings, alone[turn % len(texts)], atol=1e-3)


def test_one_thread_runs_one_pass_at_a_time(tiny_clip: Path, export_cache: Path) -> None:
    encoder = load_encoder(
        str(tiny_clip), precision="int8", threads=1, side_by_side=True, cache_dir=export_cache
    )

    assert encoder.passes_at_once == 1
    assert encoder.encode_texts(["red"]).shape == (1, 512)


def test_a_worker_with_a_warm_cache_imports_neither_torch_nor_transformers(
    tiny_clip: Path, export_cache: Path
) -> None:
    load_encoder(str(tiny_clip), kind="openvino", cache_dir=export_cache).close()
    script = (
        "import sys; from pathlib import Path; from worker.encoder.load_encoder import load_encoder;"
        f"encoder = load_encoder({str(tiny_clip)!r}, cache_dir=Path({str(export_cache)!r}), device='cpu');"
        "print(encoder.encode_texts(['red']).shape, {'torch', 'transformers'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )

    assert done.stdout.strip() == "(1, 512) set()"


def test_a_colour_name_matches_covers_of_that_colour(demo_model: Path, export_cache: Path) -> None:
    encoder = load_encoder(str(demo_model), kind="openvino", cache_dir=export_cache)
    side = encoder.input_size_px
    covers = np.zeros((2, side, side, 3), dtype=np.uint8)
    covers[0, ..., 0] = 220
    covers[1, ..., 2] = 220

    red, blue = encoder.encode_texts(["red", "blue"])
    red_cover, blue_cover = encoder.encode_images(covers)

    assert red_cover @ red > red_cover @ blue
    assert blue_cover @ blue > blue_cover @ red


def test_a_process_survives_signals_and_children_after_closing_its_encoder(
    tiny_clip: Path, export_cache: Path
) -> None:
    # The process must not crash: OpenVINO used to unload its libraries while its threads slept.
    script = (
        "import gc, os, signal, subprocess; from pathlib import Path;"
        "from worker.encoder.load_encoder import load_encoder;"
        f"encoder = load_encoder({str(tiny_clip)!r}, cache_dir=Path({str(export_cache)!r}), device='cpu');"
        "encoder.encode_texts(['red']); encoder.close(); del encoder; gc.collect();"
        "signal.signal(signal.SIGINT, lambda *_: None);"
        "[(os.kill(os.getpid(), signal.SIGINT), subprocess.run(['true'])) for _ in range(40)];"
        "print('alive')"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ
    )

    assert (done.returncode, done.stdout.strip()) == (0, "alive")
