"""JSON that is too deep, too long or invalid is refused, each with a different error code."""

import httpx
import pytest


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 2_000 + b"]" * 2_000,
        b'{"parts":' * 2_000 + b"1" + b"}" * 2_000,
        b"",
        b"\xff\xfe",
        b'{"parts": [{"text": "\\ud800"}]}',
        b'{"parts": NaN}',
        b"{'parts': []}",
    ],
)
def test_invalid_or_too_deeply_nested_json_is_malformed(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/search", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"7",
        b"[" * 500 + b"]" * 500,
        b'{"parts": [{"text": "a"}], "k": 1e400}',
        b'{"parts": [{"text": "a"}], "k": 99999999999999999999}',
        b'{"parts": [{"text": "a", "weight": "1"}]}',
        b'{"parts": [{"text": "a"}], "__proto__": {}}',
        b'{"parts": [' + b",".join([b'{"text": "a"}'] * 9) + b"]}",
    ],
)
def test_json_that_is_not_a_search_is_refused_by_parameter(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/search", content=body)

    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"malformed_body", "invalid_parameter"}


def test_a_body_over_its_limit_is_too_large(client: httpx.Client) -> None:
    answer = client.post("/api/search", content=b" " * (16 * 1024 * 1024))

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_of_half_a_million_fields_gets_a_short_error(client: httpx.Client) -> None:
    body = b"{" + b",".join(b'"%d":1' % n for n in range(500_000)) + b"}"

    answer = client.post("/api/search", content=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert len(answer.content) < 1000


def test_at_most_twenty_unknown_parameters_are_named(client: httpx.Client) -> None:
    answer = client.get("/api/search-by-text?query=a&" + "&".join(f"x{n}=1" for n in range(90)))

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
