"""An incomplete cache entry counts as a miss."""

import pytest

from common.cache.results import EMBEDDING_MARK, RESULT_MARK, pack, text_hash, unpack

BODY = b'{"job_id":null,"success":true}'


def test_a_cache_entry_survives_encoding() -> None:
    assert unpack(RESULT_MARK, pack(RESULT_MARK, BODY)) == BODY


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"R1",
        b"junk",
        BODY,
        pack(RESULT_MARK, BODY)[:-1],
        pack(RESULT_MARK, BODY) + b" ",
        pack(RESULT_MARK, BODY).replace(b"true", b"talk"),
        pack(EMBEDDING_MARK, BODY),
    ],
)
def test_an_incomplete_entry_is_a_miss(entry: bytes) -> None:
    assert unpack(RESULT_MARK, entry) is None


def test_texts_with_equal_clip_tokens_share_an_embedding() -> None:
    assert text_hash("Red Guitar") == text_hash("red guitar")
    assert text_hash("red") != text_hash("blue")
