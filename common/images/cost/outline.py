"""What is known of an image file before it is decoded, and the prices that its cost is made of.

The prices are seconds of CPU, upper bounds on one core of the machine that docs/security.md names; `make
image-costs` measures them against the most expensive files that can be made.
"""

from dataclasses import dataclass

from common.errors import ImageTooCostly

#: Segments, chunks, blocks, strips or tags of one file that are looked at. Ordinary files have hundreds.
PARTS_MAX = 20_000

#: A pixel of one grey sample, of colour, of four inks and with transparency: unpacked, resized, converted.
GREY_PX_S, COLOUR_PX_S, INKS_PX_S, ALPHA_PX_S = 3.5e-9, 10e-9, 17e-9, 24e-9
#: A grey pixel of 16 bits.
GREY_16_PX_S = 12e-9
#: Turning a pixel as EXIF says.
TURN_PX_S = 5e-9
#: A byte that deflate makes, with the filter or predictor that is undone on it.
INFLATED_BYTE_S = 3.6e-9
#: A byte that deflate reads, where it makes as many; and where it makes fewer, which are blocks without data.
DEFLATED_BYTE_S, BARREN_BYTE_S = 20e-9, 80e-9
#: An entry of an EXIF or TIFF directory, which Pillow reads in Python.
DIRECTORY_ENTRY_S, DIRECTORY_ENTRY_BYTES, DIRECTORY_ENTRIES_MAX = 4e-6, 12, 65_535


@dataclass(frozen=True, slots=True)
class Outline:
    """What the header and the markers of a file say; zero where they do not."""

    width: int = 0
    height: int = 0
    #: Seconds of CPU that decoding it takes at most, the header included.
    cost_s: float = 0.0
    #: False where the marker, chunk or block is missing that ends the picture.
    is_whole: bool = True


def inflating_s(read_bytes: int, made_bytes: int) -> float:
    """Return what deflate takes to make so many bytes out of so many."""
    useful = min(read_bytes, made_bytes)
    barren = read_bytes - useful
    return made_bytes * INFLATED_BYTE_S + useful * DEFLATED_BYTE_S + barren * BARREN_BYTE_S


def directory_s(size_bytes: int) -> float:
    """Return what reading a directory of at most so many bytes takes."""
    return min(size_bytes // DIRECTORY_ENTRY_BYTES, DIRECTORY_ENTRIES_MAX) * DIRECTORY_ENTRY_S


def check_parts(parts: int, what: str) -> None:
    """Refuse a file that is made of too many parts to look at.

    Raises:
        ImageTooCostly
    """
    if parts > PARTS_MAX:
        raise ImageTooCostly(f"the file is made of more than {PARTS_MAX} {what}")
