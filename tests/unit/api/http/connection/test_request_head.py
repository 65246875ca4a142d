"""Tests of HTTP message framing: where a request ends, and which heads are valid."""

import pytest

from api.contract.errors.request_errors import HeadersTooLarge, MalformedBody, NotImplementedHere
from api.http.connection.request_head import (
    CHUNKED,
    HEADERS_MAX,
    check_head,
    check_head_piece,
    origin_form,
    piece_end,
)

HOST = (b"host", b"x")


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([], 0),
        ([(b"content-length", b"0")], 0),
        ([(b"content-length", b"12 ")], 12),
        ([(b"content-length", b"007")], 7),
        ([(b"transfer-encoding", b"chunked")], CHUNKED),
        ([(b"transfer-encoding", b"CHUNKED\t")], CHUNKED),
    ],
)
def test_the_head_determines_the_body_length(fields: list[tuple[bytes, bytes]], body: int) -> None:
    assert check_head(version="1.1", target=b"/", headers=[HOST, *fields]) == body


@pytest.mark.parametrize(
    "value",
    [b"a", b"a.example:8000", b"127.0.0.1", b"[::1]:1", b"[::ffff:1.2.3.4]", b"a_b", b"a:", b"%41", b" a\t"],
)
def test_a_valid_host_is_a_name_or_an_address_with_an_optional_port(value: bytes) -> None:
    assert check_head(version="1.1", target=b"/", headers=[(b"host", value)]) == 0


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"a b",
        b"a,b c",
        b"a@b",
        b"a/b",
        b"a:b",
        b"a:123456",
        b"[::1",
        b"[1.2]",
        b"%4",
        b"\xe9",
        b"a\\b",
    ],
)
def test_an_invalid_host_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedBody):
        check_head(version="1.1", target=b"/", headers=[(b"host", value)])


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"foo,chunked", b"gzip, deflate , chunked"])
def test_a_transfer_coding_before_chunked_is_not_implemented(coding: bytes) -> None:
    with pytest.raises(NotImplementedHere):
        check_head(version="1.1", target=b"/", headers=[HOST, (b"transfer-encoding", coding)])


@pytest.mark.parametrize(
    "coding", [b"", b"gzip", b"chunked, gzip", b"chunked,chunked", b",chunked", b"chunked,", b"a b, chunked"]
)
def test_chunked_must_be_the_last_coding_and_appear_once(coding: bytes) -> None:
    with pytest.raises(MalformedBody):
        check_head(version="1.1", target=b"/", headers=[HOST, (b"transfer-encoding", coding)])


def test_too_many_header_fields_are_refused() -> None:
    with pytest.raises(HeadersTooLarge):
        check_head(version="1.1", target=b"/", headers=[HOST] * (HEADERS_MAX + 1))
    with pytest.raises(HeadersTooLarge):
        check_head_piece(b"a:\r\n" * 200, 0, 800, before=0)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/a?b", b"/a?b"),
        (b"http://x", b"/"),
        (b"http://x?a", b"/?a"),
        (b"HTTPS://x:1/a?b", b"/a?b"),
        (b"//x/a", b"//x/a"),
    ],
)
def test_an_absolute_request_target_is_reduced_to_its_path(target: bytes, path: bytes) -> None:
    assert check_head(version="1.1", target=target, headers=[HOST]) == 0
    assert origin_form(target) == path


def test_a_piece_of_input_ends_where_a_request_ends() -> None:
    two = b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"

    assert piece_end(two, 0, 0) == piece_end(two, 1, 0) == len(two) // 2
    assert piece_end(two, len(two) // 2, 0) == len(two)
    assert piece_end(two, 0, 5) == 5
    assert piece_end(two, 0, 5000) == len(two)
    assert piece_end(b"GET / HT", 0, 0) == 8


def test_a_piece_of_a_chunked_body_has_a_bounded_size() -> None:
    marks = b"\r\n" * 100_000

    assert 256 <= piece_end(marks, 0, CHUNKED) < 300
    assert piece_end(b"a" * 100_000, 0, CHUNKED) == 16 * 1024
    assert piece_end(marks, len(marks) - 10, CHUNKED) == len(marks)
