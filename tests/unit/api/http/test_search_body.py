"""A composed search is read strictly; what is wrong is named by where it stands."""

import base64
from io import BytesIO
from typing import Any

import orjson
import pytest
from PIL import Image

from api.contract.http_errors import InvalidRequest, MalformedBody
from api.http.search_body import SearchBodyReader
from common.errors import ImageError, ImageTooLarge, InvalidParameter, UnsupportedImage
from common.queries import (
    PARTS_MAX,
    TEXT_MAX_CHARS,
    AlbumPart,
    Filters,
    ImagePart,
    SearchQuery,
    TextPart,
    image_digest,
)

READER = SearchBodyReader(max_image_bytes=2000, max_image_pixels=10_000)


def png() -> bytes:
    file = BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, "PNG")
    return file.getvalue()


def compose(**body: Any) -> tuple[SearchQuery, tuple[tuple[str, bytes], ...]]:
    query, images, _ = READER.read(orjson.dumps(body))
    return query, images


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_texts_images_and_albums_become_weighted_parts() -> None:
    image = png()

    query, images = compose(
        parts=[
            {"text": " dark  forest "},
            {"image": encoded(image), "weight": 0.5},
            {"album_id": "585", "weight": 2},
            {"text": "people", "weight": -0.5},
        ],
        k=5,
        genre=["Rock"],
        year_min=1990,
        min_score=7,
        best_new_music=True,
    )

    assert query == SearchQuery(
        (
            TextPart("dark forest"),
            ImagePart(image_digest(image), 0.5),
            AlbumPart("585", 2.0),
            TextPart("people", -0.5),
        ),
        Filters(("Rock",), year_min=1990, min_score=7.0, best_new_music=True),
        k=5,
    )
    assert images == ((image_digest(image), image),)


def test_an_image_that_is_given_twice_is_held_once() -> None:
    _, images = compose(parts=[{"image": encoded(png())}, {"image": encoded(png()), "weight": 0.3}])

    assert len(images) == 1


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, {"parts"}),
        ({"parts": []}, {"parts"}),
        ({"parts": [{"text": "a"}] * 9}, {"parts"}),
        ({"parts": [{}]}, {"parts.0"}),
        ({"parts": [{"text": "a", "album_id": "1"}]}, {"parts.0"}),
        ({"parts": [{"text": ""}]}, {"parts.0.text"}),
        ({"parts": [{"text": 5}]}, {"parts.0.text"}),
        ({"parts": [{"text": "a", "weight": 11}]}, {"parts.0.weight"}),
        ({"parts": [{"text": "a"}], "k": 51}, {"k"}),
        ({"parts": [{"text": "a"}], "k": "5"}, {"k"}),
        ({"parts": [{"text": "a"}], "genre": "Rock"}, {"genre"}),
        ({"parts": [{"text": "a"}], "colour": "red", "min_score": 11}, {"colour", "min_score"}),
        ({"parts": [{"text": "a"}], "year_min": 1999, "year_max": 1990}, {"year_min"}),
        ({"parts": [{"text": "a"}, {"text": " \n"}]}, {"parts.1.text"}),
        ([1], {"body"}),
    ],
)
def test_what_is_wrong_is_named_by_where_it_stands(body: Any, names: set[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        READER.read(orjson.dumps(body))

    assert {problem.parameter for problem in caught.value.problems} == names


MANY: dict[str, Any] = {str(n): 1 for n in range(21)}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"parts": [{"text": "a"}], **MANY}, "body"),
        ({"parts": [{"text": "a"}, MANY]}, "parts.1"),
        ({str(n): 1 for n in range(50_000)}, "body"),
        ({"parts": [[]] * 50_000}, "body"),
        ({"parts": [{"text": "a"}], "x" * 5_000: 1}, "x" * 100),
    ],
)
def test_a_body_of_many_fields_or_endless_names_is_refused_with_few_words(
    body: dict[str, Any], name: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compose(**body)

    assert [problem.parameter for problem in caught.value.problems] == [name]
    assert len(caught.value.detail) < 500


def test_no_more_than_twenty_errors_are_told() -> None:
    with pytest.raises(InvalidRequest) as caught:
        compose(parts=[{"text": "a"}], genre=[""] * 50)

    assert len(caught.value.problems) == 20


def test_the_longest_search_there_can_be_is_read() -> None:
    parts = [{"text": "," * TEXT_MAX_CHARS}] * PARTS_MAX

    query, _ = compose(parts=parts, genre=["," * 100] * 50)

    assert len(query.parts) == PARTS_MAX


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"parts": [{"text": "a", "weight": -1}]}, "parts"),
        ({"parts": [{"text": "a"}, {"image": "not base64!"}]}, "parts.1.image"),
    ],
)
def test_what_only_the_query_shows_to_be_wrong_is_named_too(body: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        compose(**body)

    assert caught.value.parameter == name


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"parts": NaN}', b"[" * 5000])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        READER.read(body)


@pytest.mark.parametrize(("data", "error"), [(b"x" * 2001, ImageTooLarge), (b"hello", UnsupportedImage)])
def test_an_image_meets_the_same_limits_as_an_upload_and_is_named(
    data: bytes, error: type[ImageError]
) -> None:
    with pytest.raises(error) as caught:
        compose(parts=[{"text": "fog"}, {"image": encoded(data)}])

    assert caught.value.parameter == "parts.1.image"
