"""Fixtures of small models; tests use one thread, because more threads are slower on a busy machine."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from catalog.demo.__main__ import draw_each
from catalog.demo.albums import demo_albums
from catalog.demo.catalog_rows import write_table
from tests.optional_packages import NEEDS_TORCH
from tests.paths import DEMO_MODEL

ALBUMS = 240
TINY_PX = 32


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    if find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def demo_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a table of demo albums; the covers are in `covers` beside the table."""
    folder = tmp_path_factory.mktemp("demo")
    draw_each(folder / "covers", count=ALBUMS, size_px=96, seed=1967)
    write_table(demo_albums(ALBUMS), folder / "albums.jsonl")
    return folder / "albums.jsonl"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained CLIP model with 32 pixels and two layers, which a worker could load."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_tiny(folder)
    return folder


def save_tiny(folder: Path, *, projection: int = 512) -> None:
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    from training.model.architecture import processor, save
    from training.model.initial_weights import prepare_picture_tower

    tokenizer = CLIPTokenizer.from_pretrained(DEMO_MODEL)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {
        **shape,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "projection_dim": projection,
    }
    vision = {**shape, "image_size": TINY_PX, "patch_size": 8, "projection_dim": projection}
    torch.manual_seed(3)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection))
    noise = torch.rand(64, 3, TINY_PX, TINY_PX, generator=torch.Generator().manual_seed(1)) * 2 - 1
    prepare_picture_tower(model, noise)
    save(model, with_processor=processor(tokenizer, size_px=TINY_PX), folder=folder, half=False)
