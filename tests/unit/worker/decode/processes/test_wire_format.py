"""Thumbnails in a decoder's reply are complete WebP files, or the reply is refused."""

import pytest

from common.errors import UndecodableImage
from worker.decode.processes.wire_format import pack_thumbnails, unpack_thumbnails

SMALL, LARGE = (b"RIFF\x08\0\0\0WEBP" + content for content in (b"small", b"large" * 100))
PACKED = pack_thumbnails([SMALL, LARGE])


@pytest.mark.parametrize("files", [(), (SMALL, LARGE)])
def test_thumbnails_survive_the_wire(files: tuple[bytes, ...]) -> None:
    assert unpack_thumbnails(pack_thumbnails(files)) == files


@pytest.mark.parametrize(
    "packed",
    [
        *(PACKED[:length] for length in range(1, len(PACKED))),
        PACKED + b"\0",
        PACKED + PACKED,
        pack_thumbnails([SMALL]),
        pack_thumbnails([SMALL, LARGE, LARGE]),
        pack_thumbnails([SMALL, b""]),
        pack_thumbnails([SMALL, b"\x89PNG" + bytes(20)]),
        b"\xff\xff\xff\xff" + SMALL,
    ],
)
def test_incomplete_thumbnails_are_refused(packed: bytes) -> None:
    with pytest.raises(UndecodableImage):
        unpack_thumbnails(packed)
