"""Tests of the arguments of SQL functions, and of the rows that the functions return."""

import base64
import math
import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import orjson
import pytest

from common.catalog.ranking import Ranking
from common.catalog.row_mapping import (
    album_from_row,
    match_from_row,
    matches_from_document,
    page_arguments,
    vector_bytes,
    vector_literal,
)
from common.errors import CatalogMisconfigured, InvalidParameter
from common.filters import Filters

Form = Callable[[npt.NDArray[np.float32]], object]

ROW = {
    "id": "a",
    "artist": "b",
    "album_name": "c",
    "genre": None,
    "release_year": None,
    "pitchfork_score": None,
    "best_new_music": None,
    "cover_url": None,
}


def test_a_vector_survives_its_text_form_bit_for_bit() -> None:
    vector = np.random.default_rng(1).standard_normal(512).astype(np.float32) / np.float32(22.6)

    literal = vector_literal(vector)

    assert np.array_equal(np.array(orjson.loads(literal), dtype=np.float32), vector)
    assert len(literal) < 512 * 14


def test_a_vector_may_be_a_view_with_any_float_type() -> None:
    vector = np.arange(1024, dtype=np.float64)[::2]

    assert np.array_equal(np.array(orjson.loads(vector_literal(vector))), vector)  # type: ignore[arg-type]


def test_the_binary_form_of_a_vector_is_its_length_and_big_endian_numbers() -> None:
    vector = np.random.default_rng(1).standard_normal(512)

    data = vector_bytes(vector.astype(np.float32))

    assert struct.unpack(">hh", data[:4]) == (512, 0)
    assert np.array_equal(np.frombuffer(data[4:], ">f4"), vector.astype(np.float32))


@pytest.mark.parametrize("form", [vector_literal, vector_bytes])
@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, -math.inf])
def test_a_zero_or_non_finite_vector_is_refused(form: Form, value: float) -> None:
    with pytest.raises(InvalidParameter):
        form(np.full(512, value, dtype=np.float32))


@pytest.mark.parametrize("form", [vector_literal, vector_bytes])
@pytest.mark.parametrize("shape", [(0,), (511,), (768,), (1, 512), (512, 1)])
def test_a_vector_of_another_shape_is_a_misconfiguration(form: Form, shape: tuple[int, ...]) -> None:
    with pytest.raises(CatalogMisconfigured, match="512"):
        form(np.ones(shape, dtype=np.float32))


def test_only_arguments_with_an_effect_are_sent() -> None:
    plain = page_arguments(k=5, filters=Filters(), offset=0, min_similarity=None, details=False)
    full = page_arguments(
        k=5,
        filters=Filters(("Rock",), min_score=0.0, artists=("Björk",), metadata=(("label", "4AD"),)),
        offset=10,
        min_similarity=0.0,
        details=True,
    )

    assert plain == {"match_count": 5}
    assert full == {
        "match_count": 5,
        "filters": {
            "genre": ["Rock"],
            "year_min": None,
            "year_max": None,
            "min_score": 0.0,
            "best_new_music": False,
            "artist": ["Björk"],
            "meta": {"label": "4AD"},
        },
        "page_offset": 10,
        "min_similarity": 0.0,
        "with_details": True,
    }


def test_a_page_of_a_known_ranking_is_sent_by_its_ids() -> None:
    known = Ranking(("a", "b", "c", "d"), (9, 8, 7, 6), complete=False)

    def sent(*, offset: int) -> dict[str, object]:
        return page_arguments(
            k=2, filters=Filters(), offset=offset, min_similarity=None, details=False, known=known
        )

    assert sent(offset=1) == {"match_count": 2, "page_offset": 1, "page_ids": ["b", "c", "d"]}
    assert sent(offset=2) == {"match_count": 2, "page_offset": 2, "nearest_ids": ["a", "b", "c", "d"]}


def test_the_ranking_of_a_search_is_read() -> None:
    ranking = {"ids": ["a", "b"], "similarities": [999999.0, -3], "complete": True}
    document = {"version": "1", "exhausted": True, "without_palette": None, "albums": [], "ranking": ranking}

    assert matches_from_document(document).ranking == Ranking(("a", "b"), (999_999, -3), complete=True)


def test_a_schema_of_an_earlier_release_is_a_misconfiguration() -> None:
    with pytest.raises(CatalogMisconfigured) as raised:
        matches_from_document({"version": "1", "albums": []})

    assert raised.value.problem == "rpc_missing"


def test_null_columns_become_the_defaults_of_an_album() -> None:
    album = album_from_row(ROW | {"artist": None, "album_name": None})

    assert (album.artist, album.album_name, album.best_new_music) == ("", "", False)


@pytest.mark.parametrize(("computed", "similarity"), [(1.0000001, 1.0), (-1.0000001, -1.0), (0.25, 0.25)])
def test_a_similarity_is_clamped_to_its_range(computed: float, similarity: float) -> None:
    assert match_from_row(ROW | {"similarity": computed}).similarity == similarity


def half_vectors(vectors: npt.NDArray[np.float32]) -> str:
    """Encode vectors as the SQL function `match_embeddings` does."""
    headed = [struct.pack(">hh", 512, 0) + vector.astype(">f2").tobytes() for vector in vectors]
    # PostgreSQL breaks base64 into lines of 76 characters.
    return base64.encodebytes(b"".join(headed)).decode()


def test_the_embeddings_of_matches_are_read_in_half_precision() -> None:
    vectors = np.random.default_rng(2).uniform(-1, 1, (3, 512)).astype(np.float32)
    document = {
        "version": "1",
        "exhausted": True,
        "without_palette": None,
        "ranking": None,
        "albums": [{**ROW, "similarity": 0.5}] * 2,
        "embeddings": {
            "albums": half_vectors(vectors[:2]),
            "sample": {"total": half_vectors(vectors[2:]), "count": 4},
        },
    }

    embeddings = matches_from_document(document).embeddings

    assert embeddings is not None
    assert embeddings.albums.dtype == embeddings.mean.dtype == np.float32
    units = vectors[:2] / np.linalg.norm(vectors[:2], axis=1, keepdims=True)
    assert np.allclose(embeddings.albums, units, rtol=1e-3, atol=1e-6)
    assert np.array_equal(embeddings.mean, vectors[2].astype(np.float16).astype(np.float32) / 4)


def test_a_known_mean_replaces_a_sample_that_was_not_sent() -> None:
    (vector,) = np.random.default_rng(2).uniform(-1, 1, (1, 512)).astype(np.float32)
    document = {
        "version": "1",
        "exhausted": True,
        "without_palette": None,
        "ranking": None,
        "albums": [{**ROW, "similarity": 0.5}],
        "embeddings": {"albums": half_vectors(vector[None]), "sample": None},
    }

    embeddings = matches_from_document(document, known_mean=vector).embeddings

    assert embeddings is not None
    assert embeddings.mean is vector
    with pytest.raises(CatalogMisconfigured):
        matches_from_document(document)


@pytest.mark.parametrize(
    "embeddings", [{}, {"embeddings": None}, {"embeddings": {"albums": None, "sample": None}}]
)
def test_a_document_without_embeddings_is_read(embeddings: dict[str, object]) -> None:
    document = {
        "version": "1",
        "exhausted": True,
        "without_palette": None,
        "ranking": None,
        "albums": [],
        **embeddings,
    }

    assert matches_from_document(document).embeddings is None
