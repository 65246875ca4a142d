"""A batch of covers and its reply are the same after encoding and decoding."""

import numpy as np
import pytest

from common.broker.bulk_messages import (
    BulkFault,
    BulkReply,
    pack_covers,
    pack_reply,
    unpack_covers,
    unpack_reply,
)


@pytest.mark.parametrize("covers", [[], [b""], [b"a", b"", b"\x00" * 1000]])
def test_covers_survive_the_wire(covers: list[bytes]) -> None:
    assert unpack_covers(pack_covers(covers)) == covers


def test_a_reply_survives_the_wire_bit_for_bit() -> None:
    vector = np.random.default_rng(1).standard_normal(512).astype(np.float32)
    reply = BulkReply("a" * 64, "b" * 64, (vector, BulkFault("code", "line\nline")))

    found = unpack_reply(pack_reply(reply))

    assert (found.batch_id, found.model_fingerprint) == (reply.batch_id, reply.model_fingerprint)
    assert np.array_equal(found.outcomes[0], vector)  # type: ignore[arg-type]
    assert found.outcomes[1] == BulkFault("code", "line\nline")


@pytest.mark.parametrize("cut", [0, 1, 3, 7, -1])
def test_a_truncated_message_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"cut short|another version"):
        unpack_covers(pack_covers([b"abc", b"def"])[:cut] if cut != 1 else b"\x02")
