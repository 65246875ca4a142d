"""A print is the same after packing and unpacking, and bytes of another length are refused."""

import pytest

from common.prints import Print, pack_print, unpack_print

PRINTS = (
    Print(version=1, side_px=448, points=bytes(range(20)), thumbnail=b"thumbnail", pdq=bytes(range(32))),
    Print(version=65535, side_px=0, points=b"", thumbnail=b"", pdq=bytes(32)),
)


@pytest.mark.parametrize("cover_print", PRINTS)
def test_a_print_survives_packing(cover_print: Print) -> None:
    assert unpack_print(pack_print(cover_print)) == cover_print


@pytest.mark.parametrize("cover_print", PRINTS)
def test_bytes_of_another_length_are_refused(cover_print: Print) -> None:
    packed = pack_print(cover_print)

    for wrong in (*(packed[:length] for length in range(len(packed))), packed + b"\0"):
        with pytest.raises(ValueError, match="print is cut short"):
            unpack_print(wrong)
