"""A decoder's reply contains a whole print and complete thumbnails, or the reply is refused."""

import pytest

from common.errors import UndecodableImage
from common.prints import Print
from worker.decode.processes.wire_format import MadeFiles, Wanted, pack_files, unpack_files

SMALL, LARGE = (b"RIFF\x08\0\0\0WEBP" + content for content in (b"small", b"large" * 100))
PRINT = Print(version=1, side_px=448, points=b"p" * 40, thumbnail=SMALL, pdq=bytes(32))
BOTH = MadeFiles(thumbnails=(SMALL, LARGE))
ALL = MadeFiles(PRINT, (SMALL, LARGE))
PACKED = pack_files(Wanted.THUMBNAILS, BOTH)
PACKED_ALL = pack_files(Wanted.THUMBNAILS | Wanted.PRINT, ALL)


@pytest.mark.parametrize("made", [MadeFiles(), BOTH])
def test_thumbnails_survive_the_wire(made: MadeFiles) -> None:
    assert unpack_files(Wanted.THUMBNAILS, pack_files(Wanted.THUMBNAILS, made)) == made


@pytest.mark.parametrize("made", [MadeFiles(), BOTH, MadeFiles(PRINT), ALL])
def test_a_print_and_thumbnails_survive_the_wire(made: MadeFiles) -> None:
    wanted = Wanted.THUMBNAILS | Wanted.PRINT

    assert unpack_files(wanted, pack_files(wanted, made)) == made


def packed(*files: bytes) -> bytes:
    return b"".join(len(file).to_bytes(4) + file for file in files)


@pytest.mark.parametrize(
    "reply",
    [
        *(PACKED[:length] for length in range(1, len(PACKED))),
        PACKED + b"\0",
        PACKED + PACKED,
        packed(SMALL),
        packed(SMALL, LARGE, LARGE),
        packed(SMALL, b""),
        packed(SMALL, b"\x89PNG" + bytes(20)),
        b"\xff\xff\xff\xff" + SMALL,
    ],
)
def test_incomplete_thumbnails_are_refused(reply: bytes) -> None:
    with pytest.raises(UndecodableImage):
        unpack_files(Wanted.THUMBNAILS, reply)


@pytest.mark.parametrize(
    "reply",
    [
        # A reply that ends after the print is whole, and has no thumbnails.
        *(PACKED_ALL[:cut] for cut in range(len(PACKED_ALL)) if cut != len(PACKED_ALL) - len(PACKED)),
        PACKED_ALL + b"\0",
        PACKED,
        packed(b"no print"),
    ],
)
def test_an_incomplete_print_is_refused(reply: bytes) -> None:
    with pytest.raises(UndecodableImage):
        unpack_files(Wanted.PRINT | Wanted.THUMBNAILS, reply)
