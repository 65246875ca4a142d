"""A batch of covers and its reply are the same after encoding and decoding."""

import numpy as np
import pytest

from common.broker.bulk_embedding_messages import (
    BulkCover,
    BulkEmbedding,
    BulkFault,
    BulkReply,
    pack_covers,
    pack_reply,
    unpack_covers,
    unpack_reply,
)
from common.colours.palette import Palette
from common.prints import Print


@pytest.mark.parametrize("files", [[], [b""], [b"a", b"", b"\x00" * 1000]])
@pytest.mark.parametrize("wants_thumbnails", [False, True])
@pytest.mark.parametrize("wants_palette", [False, True])
@pytest.mark.parametrize("wants_print", [False, True])
def test_covers_survive_the_wire(
    files: list[bytes], wants_thumbnails: bool, wants_palette: bool, wants_print: bool
) -> None:
    covers = [
        BulkCover(
            file, wants_palette and number != 0, wants_thumbnails and number != 1, wants_print and number != 2
        )
        for number, file in enumerate(files)
    ]

    assert unpack_covers(pack_covers(covers)) == covers


def test_a_batch_that_wants_only_embeddings_has_the_version_of_earlier_releases() -> None:
    assert pack_covers([BulkCover(b"a")]) == b"\x01\x01\x00\x00\x00a"
    assert pack_covers([BulkCover(b"a", wants_thumbnails=True)])[:1] == b"\x02"
    assert pack_covers([BulkCover(b"a", wants_palette=True)])[:1] == b"\x02"


def test_a_reply_with_only_embeddings_has_the_form_of_earlier_releases() -> None:
    vector = np.zeros(512, dtype=np.float32)

    packed = pack_reply(BulkReply("a" * 64, "b" * 64, (BulkEmbedding(vector),)))

    assert packed == b"\x01" + b"a" * 64 + b"b" * 64 + b"V\x00\x08\x00\x00" + vector.tobytes()


def test_a_reply_survives_the_wire_bit_for_bit() -> None:
    vector = np.random.default_rng(1).standard_normal(512).astype(np.float32)
    palette = Palette(((1000, 0, 0, 600), (452, -32, -312, 400)), version=7)
    thumbnails = (b"small", b"", b"large")
    cover_print = Print(version=1, side_px=448, points=b"p" * 40, thumbnail=b"t" * 9, pdq=bytes(32))
    embeddings = (
        BulkEmbedding(vector),
        BulkEmbedding(-vector, thumbnails=thumbnails),
        BulkEmbedding(-vector, palette),
        BulkEmbedding(-vector, palette, thumbnails),
        BulkEmbedding(-vector, palette, thumbnails, cover_print),
        BulkEmbedding(vector, cover_print=cover_print),
    )
    reply = BulkReply("a" * 64, "b" * 64, (*embeddings, BulkFault("code", "line\nline")))

    found = unpack_reply(pack_reply(reply))

    assert (found.batch_id, found.model_fingerprint) == (reply.batch_id, reply.model_fingerprint)
    for outcome, sent in zip(found.outcomes, embeddings, strict=False):
        assert isinstance(outcome, BulkEmbedding)
        assert np.array_equal(outcome.embedding, sent.embedding)
        assert (outcome.palette, outcome.thumbnails) == (sent.palette, sent.thumbnails)
        assert outcome.cover_print == sent.cover_print
    assert found.outcomes[6] == BulkFault("code", "line\nline")


@pytest.mark.parametrize("cut", [1, 8, 60])
def test_a_reply_with_a_damaged_print_is_refused(cut: int) -> None:
    cover_print = Print(version=1, side_px=448, points=b"p" * 20, thumbnail=b"t", pdq=bytes(32))
    vector = np.zeros(512, dtype=np.float32)
    packed = pack_reply(BulkReply("a" * 64, "b" * 64, (BulkEmbedding(vector, cover_print=cover_print),)))

    with pytest.raises(ValueError, match="cut short"):
        unpack_reply(packed[:-cut])


@pytest.mark.parametrize("cut", [0, 1, 3, 7, -1])
def test_a_truncated_message_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"cut short|another version"):
        unpack_covers(pack_covers([BulkCover(b"abc"), BulkCover(b"def")])[:cut] if cut != 1 else b"\x03")


@pytest.mark.parametrize("cut", [3, 7, -1])
def test_a_truncated_message_that_wants_thumbnails_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        unpack_covers(pack_covers([BulkCover(b"abc", wants_thumbnails=True)])[:cut])
