"""The body of a composed search is validated strictly, and each error names its location."""

import base64
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
import pytest
from PIL import Image

from api.contract.errors.request_errors import InvalidRequest, MalformedBody
from api.http.request_bodies.search_body import SearchBodyReader, max_body_bytes, parse_search_body
from common.errors import ImageError, ImageTooLarge, InvalidParameter, UnsupportedImage
from common.filters import Filters
from common.search_query import (
    PARTS_MAX,
    TEXT_MAX_CHARS,
    AlbumPart,
    ImagePart,
    SearchQuery,
    TextPart,
    image_digest,
)
from common.settings import MIB

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


def test_a_body_has_the_same_pages_and_filters_as_a_query_string() -> None:
    query, _ = compose(
        parts=[{"text": "red"}],
        k=7,
        offset=20,
        min_similarity=0.25,
        include=["reviewer", "metadata"],
        artist=["Björk"],
        **{"meta.label": "4AD", "meta.a.b": "$"},
    )

    assert query == SearchQuery(
        (TextPart("red"),),
        Filters(artists=("Björk",), metadata=(("a.b", "$"), ("label", "4AD"))),
        k=7,
        offset=20,
        min_similarity=0.25,
        include=("metadata", "reviewer"),
    )


def test_a_repeated_image_is_held_once() -> None:
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
        ({"parts": [{"text": "a"}], "offset": "5"}, {"offset"}),
        ({"parts": [{"text": "a"}], "min_similarity": None, "include": "metadata"}, {"include"}),
        ({"parts": [{"text": "a"}], "artist": "Björk"}, {"artist"}),
        ({"parts": [{"text": "a"}], "artist": [" "]}, {"artist"}),
        ({"parts": [{"text": "a"}], "meta": {"label": "4AD"}}, {"meta"}),
        ({"parts": [{"text": "a"}], "meta.label": 5}, {"meta.label"}),
        ({"parts": [{"text": "a"}], "meta.label": ["4AD"]}, {"meta.label"}),
        ({"parts": [{"text": "a"}], "meta.": "x"}, {"meta."}),
        ([1], {"body"}),
    ],
)
def test_an_error_names_the_location_in_the_body(body: Any, names: set[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        READER.read(orjson.dumps(body))

    assert {problem.parameter for problem in caught.value.problems} == names


#: Values that are not JSON numbers: numbers in another notation, and values of other types.
NO_NUMBERS = ("+1 01 .5 1. 1e 0x1 1_0 Infinity -Infinity NaN \u0661 --1 1e999" + ' "1" true [1]').split()
#: Bodies of a search, one for each numeric field; `%s` is the number.
NUMBERS = (
    '{"parts": [{"text": "a"}], "k": %s}',
    '{"parts": [{"text": "a", "weight": %s}]}',
    '{"parts": [{"text": "a"}], "min_score": %s}',
    '{"parts": [{"text": "a"}], "year_min": %s}',
)


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("body", NUMBERS)
def test_a_body_with_another_form_of_number_is_refused(body: str, text: str) -> None:
    with pytest.raises((InvalidRequest, MalformedBody)):
        READER.read((body % text).encode())


@pytest.mark.parametrize("text", ["5", "5.0", "5e0", "0.5e1", "50E-1"])
def test_an_integer_of_a_body_may_have_a_fraction_of_zero(text: str) -> None:
    query, _, _ = READER.read((NUMBERS[0] % text).encode())

    assert query.k == 5


def test_a_negative_zero_is_zero() -> None:
    body = '{"parts": [{"text": "a"}, {"text": "b", "weight": %s}], "min_score": %s}'

    negative, zero = (READER.read((body % (text, text)).encode()) for text in ("-0.0", "0.0"))

    assert repr(negative) == repr(zero)


MANY: dict[str, Any] = {str(n): 1 for n in range(41)}


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
def test_a_body_of_many_fields_or_long_names_gets_a_short_error(body: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compose(**body)

    assert [problem.parameter for problem in caught.value.problems] == [name]
    assert len(caught.value.detail) < 500


def test_at_most_twenty_errors_are_reported() -> None:
    with pytest.raises(InvalidRequest) as caught:
        compose(parts=[{"text": "a"}], genre=[""] * 50)

    assert len(caught.value.problems) == 20


def test_a_search_of_maximum_length_is_read() -> None:
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
def test_an_error_that_only_the_whole_query_reveals_names_its_location(
    body: dict[str, Any], name: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        compose(**body)

    assert caught.value.parameter == name


# A PNG whose base64 has padding and both characters that the URL-safe alphabet replaces.
TELLING = png().ljust(-(-len(png()) // 3) * 3, b"\0") + b"\xfb\xef\xbe\xff\xff\xff\xff"


def wrapped(text: str, *, width: int, line_break: str) -> str:
    return line_break.join(text[start : start + width] for start in range(0, len(text), width)) + line_break


@pytest.mark.parametrize(
    "text",
    [
        encoded(TELLING),
        encoded(TELLING).rstrip("="),
        base64.urlsafe_b64encode(TELLING).decode(),
        base64.urlsafe_b64encode(TELLING).decode().rstrip("="),
        wrapped(encoded(TELLING), width=76, line_break="\r\n"),
        wrapped(encoded(TELLING), width=64, line_break="\n"),
        wrapped(base64.urlsafe_b64encode(TELLING).decode().rstrip("="), width=76, line_break="\n"),
        f"data:image/png;base64,{encoded(TELLING)}",
        f"DATA:image/jpeg;charset=utf-8;BASE64,{encoded(TELLING)}",
        f"data:;base64,{encoded(TELLING).rstrip('=')}",
        "data:image/png;base64," + wrapped(encoded(TELLING), width=76, line_break="\n"),
    ],
    ids=[
        "standard",
        "unpadded",
        "URL-safe",
        "URL-safe and unpadded",
        "MIME lines",
        "PEM lines",
        "URL-safe lines",
        "data URI",
        "data URI with parameters",
        "data URI without a type",
        "data URI in lines",
    ],
)
def test_common_base64_variants_are_accepted(text: str) -> None:
    _, images = compose(parts=[{"image": text}])

    assert images == ((image_digest(TELLING), TELLING),)


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        "é" + encoded(TELLING),
        "=" + encoded(TELLING),
        encoded(TELLING) + "=",
        encoded(TELLING) + "AAAA",
        encoded(TELLING)[:-1],
        encoded(TELLING).rstrip("=") + "A" * (-len(encoded(TELLING).rstrip("=")) % 4 + 1),
        encoded(TELLING).replace("+", " ", 1),
        encoded(TELLING).replace("+", "-", 1),
        f"data:image/png,{encoded(TELLING)}",
        f"data:image/png;base64{encoded(TELLING)}",
        f"image/png;base64,{encoded(TELLING)}",
        "data:image/png;base64,data:image/png;base64,AAAA",
        "data:,",
    ],
)
def test_invalid_base64_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidParameter, match="base64") as caught:
        compose(parts=[{"text": "red"}, {"image": text}])

    assert caught.value.parameter == "parts.1.image"
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize("text", ["\r\n", "data:image/png;base64,"])
def test_an_empty_image_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedImage, match="the file is empty") as caught:
        compose(parts=[{"image": text}])

    assert caught.value.parameter == "parts.0.image"


@pytest.mark.parametrize("line_break", ["", "\r\n"])
def test_the_limit_counts_the_bytes_of_the_image(line_break: str) -> None:
    largest, longer = (png().ljust(size, b"x") for size in (2000, 2001))

    _, images = compose(parts=[{"image": wrapped(encoded(largest), width=76, line_break=line_break)}])

    assert len(images[0][1]) == 2000
    with pytest.raises(ImageTooLarge):
        compose(parts=[{"image": encoded(longer)}])


def test_the_largest_image_fits_into_a_body_with_any_common_base64_line_width() -> None:
    image = bytes(10 * MIB)
    text = wrapped(encoded(image), width=64, line_break="\r\n")

    body = orjson.dumps({"parts": [{"image": text}]})

    assert len(body) < max_body_bytes(len(image))


@pytest.mark.parametrize("digits", [rb"\n", rb"A\n", b"-A", b"A"])
def test_decoding_base64_needs_little_memory_beyond_the_json_parser(digits: bytes) -> None:
    reader = SearchBodyReader(max_image_bytes=MIB, max_image_pixels=10_000)
    count = (max_body_bytes(MIB) - 100) // len(digits)
    body = b'{"parts":[{"image":"' + digits * count + b'"}]}'

    def read() -> None:
        with pytest.raises((InvalidParameter, ImageError)):
            reader.read(body)

    assert peak_bytes(read) < peak_bytes(lambda: orjson.loads(body)) + len(body)


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the lowest memory peak of three calls, because other threads may allocate memory too."""
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        work()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"parts": NaN}', b"[" * 5000])
def test_invalid_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        READER.read(body)


@pytest.mark.parametrize(("data", "error"), [(b"x" * 2001, ImageTooLarge), (b"hello", UnsupportedImage)])
def test_an_embedded_image_has_the_limits_of_an_upload_and_is_named(
    data: bytes, error: type[ImageError]
) -> None:
    with pytest.raises(error) as caught:
        compose(parts=[{"text": "fog"}, {"image": encoded(data)}])

    assert caught.value.parameter == "parts.1.image"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"parts": [{"text": "fog"}], "k": 5, "k": 50}', "k"),
        (b'{"parts": [{"text": "fog"}], "parts": [{"text": "sea"}]}', "parts"),
        (b'{"parts": [{"text": "fog", "weight": 1, "weight": -1}, {"text": "sea"}]}', "weight"),
        (b'{"parts": [{"text": "fog", "te\\u0078t": "sea"}]}', "text"),
    ],
)
def test_a_repeated_field_is_refused_by_name(body: bytes, name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_search_body(body)

    assert [problem.parameter for problem in refused.value.problems] == [name]
    assert f"{name} is given twice" in refused.value.detail
