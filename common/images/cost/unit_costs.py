"""The summary of an image file (size and estimated decoding cost), and the unit costs for the estimate.

The unit costs are upper bounds in seconds of CPU time on one core of the machine that docs/security.md names.
`make image-costs` compares the estimates with measurements of the most expensive files it can construct.
"""

from dataclasses import dataclass

from common.errors import ImageTooCostly

#: Maximum number of segments, chunks, blocks, strips or tags of one file; ordinary files have hundreds.
PARTS_MAX = 20_000

#: Costs of unpacking, resizing and converting one pixel, by kind of pixel: grey, RGB, CMYK and transparent.
GREY_PX_S, COLOUR_PX_S, CMYK_PX_S, ALPHA_PX_S = 3.5e-9, 10e-9, 17e-9, 24e-9
#: Cost of unpacking, resizing and converting one grey pixel of 16 bits.
GREY_16_PX_S = 12e-9
#: Cost of rotating one pixel according to the EXIF orientation.
ROTATION_PX_S = 5e-9
#: Cost per byte of decompressed output, including the reversal of the filter or predictor.
INFLATED_BYTE_S = 3.6e-9
#: Two costs per byte of compressed (deflate) data: the first for bytes up to the decompressed size, the
#: second for bytes beyond it. Real data takes 20 ns per byte; deflate blocks without data take 75 ns per
#: byte. The first cost is chosen so that every accepted file takes at most 2 s, whatever its mixture of real
#: data and deflate blocks without data.
DEFLATED_BYTE_S, EMPTY_BLOCK_BYTE_S = 50e-9, 80e-9
#: The cost per entry of an EXIF or TIFF directory (which Pillow parses in Python), the size of an entry in
#: bytes, and the maximum number of entries.
DIRECTORY_ENTRY_S, DIRECTORY_ENTRY_BYTES, DIRECTORY_ENTRIES_MAX = 4e-6, 12, 65_535


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """The size and estimated decoding cost of a picture, read from headers; unknown values are zero."""

    width: int = 0
    height: int = 0
    #: Upper bound of the CPU time in seconds for decoding the file, including its header. The estimate leaves
    #: out two costs that the decoder measures: applying a colour profile (up to 0.06 s) and decoding a
    #: truncated file again.
    cost_s: float = 0.0
    #: False if the marker, chunk or block at the end of the picture is missing.
    is_whole: bool = True


def inflating_s(input_bytes: int, output_bytes: int) -> float:
    """Return the cost of decompressing `input_bytes` of deflate data to `output_bytes`."""
    data_bytes = min(input_bytes, output_bytes)
    empty_bytes = input_bytes - data_bytes
    return output_bytes * INFLATED_BYTE_S + data_bytes * DEFLATED_BYTE_S + empty_bytes * EMPTY_BLOCK_BYTE_S


def directory_s(size_bytes: int) -> float:
    """Return the cost of reading an EXIF or TIFF directory of at most `size_bytes`."""
    return min(size_bytes // DIRECTORY_ENTRY_BYTES, DIRECTORY_ENTRIES_MAX) * DIRECTORY_ENTRY_S


def check_parts(parts: int, what: str) -> None:
    """Raise an error if a file has more than `PARTS_MAX` parts.

    Raises:
        ImageTooCostly
    """
    if parts > PARTS_MAX:
        raise ImageTooCostly(f"the file is made of more than {PARTS_MAX} {what}")
