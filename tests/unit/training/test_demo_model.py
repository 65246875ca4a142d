"""The committed demo model is small, transformers can load it, and its vectors have meaning."""

from collections.abc import Sequence

import pytest
from PIL import Image

from catalog.demo.albums import DemoAlbum, demo_albums
from catalog.demo.cover_attributes import facts
from catalog.demo.drawing.cover import draw_cover
from catalog.demo.photo_distortions import rephotograph
from tests.optional_packages import NEEDS_TORCH
from tests.paths import DEMO_MODEL

pytest.importorskip("torch", reason=NEEDS_TORCH)

import torch

from training.evaluation.encoder import Encoder
from training.evaluation.metrics import recall_at

FOLDER = DEMO_MODEL
#: The first albums of the demo catalog; the model was trained on albums from another seed.
ALBUMS = demo_albums(200)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(FOLDER)


@pytest.fixture(scope="module")
def drawn() -> list[Image.Image]:
    return [draw_cover(album, size_px=160) for album in ALBUMS]


@pytest.fixture(scope="module")
def covers(encoder: Encoder, drawn: list[Image.Image]) -> torch.Tensor:
    return encoder.pictures(drawn)


def relevance(asked: Sequence[str], albums: Sequence[DemoAlbum]) -> torch.Tensor:
    """Return whether each fact is true of each album, as booleans of shape (facts, albums)."""
    true = [facts(album.look, genre=album.genre) for album in albums]
    return torch.tensor([[fact in known for known in true] for fact in asked])


def best(encoder: Encoder, covers: torch.Tensor, query: str, *, k: int = 5) -> list[int]:
    return (encoder.texts([query]) @ covers.T)[0].topk(k).indices.tolist()


def test_the_weights_fit_in_eight_megabytes() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size <= 8_000_000


def test_vectors_are_of_unit_length_and_512_dimensions(encoder: Encoder, covers: torch.Tensor) -> None:
    words = encoder.texts(["dark ambient cover", "red guitar"])

    assert covers.shape == (200, 512)
    assert words.shape == (2, 512)
    assert torch.allclose(covers.norm(dim=1), torch.ones(200), atol=1e-5)
    assert torch.allclose(words.norm(dim=1), torch.ones(2), atol=1e-5)


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ("red", "colour:red"),
        ("dark", "tone:dark"),
        ("pale cover", "tone:pale"),
        ("blue background", "ground:blue"),
        ("colourful", "scheme:colourful"),
    ],
)
def test_the_first_result_matches_the_question(
    encoder: Encoder, covers: torch.Tensor, query: str, fact: str
) -> None:
    relevant = relevance([fact], ALBUMS)[0]

    found = best(encoder, covers, query)

    assert sum(bool(relevant[i]) for i in found) >= 4


def test_a_red_cover_is_nearer_to_red_than_to_blue(encoder: Encoder, covers: torch.Tensor) -> None:
    red, blue = encoder.texts(["red cover", "blue cover"])
    reds = [i for i, a in enumerate(ALBUMS) if a.look.ground == "red" and a.look.ink != "blue"]

    assert ((covers[reds] @ red) > (covers[reds] @ blue)).float().mean() > 0.9


def test_captions_retrieve_their_covers(encoder: Encoder, covers: torch.Tensor) -> None:
    similarity = encoder.texts(album.caption for album in ALBUMS) @ covers.T

    assert recall_at(similarity, torch.arange(200), k=10) >= 0.9


def test_photographs_retrieve_their_covers(
    encoder: Encoder, covers: torch.Tensor, drawn: list[Image.Image]
) -> None:
    photos = encoder.pictures(rephotograph(cover, seed=i) for i, cover in enumerate(drawn))

    assert recall_at(photos @ covers.T, torch.arange(200), k=1) >= 0.9
