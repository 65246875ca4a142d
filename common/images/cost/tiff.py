"""The size and estimated decoding cost of a TIFF, read from its first directory and its strips or tiles."""

from itertools import zip_longest

from common.errors import ImageError, ImageTooCostly
from common.images.cost.jpeg import read_jpeg
from common.images.cost.unit_costs import (
    ALPHA_PX_S,
    CMYK_PX_S,
    COLOUR_PX_S,
    DEFLATED_BYTE_S,
    DIRECTORY_ENTRY_S,
    EMPTY_BLOCK_BYTE_S,
    GREY_16_PX_S,
    GREY_PX_S,
    PARTS_MAX,
    ROTATION_PX_S,
    ImageSummary,
    check_parts,
)
from common.images.formats.tiff_directory import Directory, Tag, read_directory

_RAW, _OLD_JPEG, _JPEG, _PACKBITS, _LZMA = 1, 6, 7, 32773, 34925
_FAXES = frozenset({2, 3, 4, 32771})
_CMYK, _LAB, _RGB = 5, 8, 2
_BYTE_BITS = 8
#: If more than this share of the declared file length is missing, a strip's declared size is assumed to be
#: wrong.
_WRONG_SHARE = 0.01

#: Maps each compression method to two costs: per byte of decompressed output, and per byte of compressed
#: input.
_PRICES_S = {
    _RAW: (1e-9, 2e-9),
    _PACKBITS: (2e-9, 5e-9),
    _LZMA: (20e-9, 80e-9),
    **dict.fromkeys(_FAXES, (50e-9, 20e-9)),
}
#: The costs (per byte of output, per byte of input) of all other compression methods, such as deflate, LZW
#: and Zstandard.
_DEFAULT_PRICES_S = (4.5e-9, DEFLATED_BYTE_S)
#: Cost per strip or tile, and cost per pair of tags. Pairs are counted because libtiff sorts all tags again
#: for each unknown tag, which takes quadratic time.
_PART_S, _TAG_PAIR_S = 1.5e-6, 25e-9
#: Cost of one byte of a tag's values, which Pillow and libtiff copy.
_VALUE_BYTE_S = 4e-9


def read_tiff(data: bytes) -> ImageSummary:
    """Return the size and estimated decoding cost of a TIFF.

    Raises:
        ImageTooCostly: the TIFF has too many tags, strips or tiles, or too many strips share bytes.
        UndecodableImage: a tag occurs twice in the TIFF.
    """
    directory = read_directory(data)
    width, height = directory.value(Tag.WIDTH, 0), directory.value(Tag.HEIGHT, 0)
    if not width or not height:
        return ImageSummary()
    compression = directory.value(Tag.COMPRESSION, _RAW)
    offsets, sizes = _parts_tags(directory)
    parts = max(directory.count(offsets), directory.count(sizes))
    check_parts(parts, "strips or tiles")
    cost_s = _unpacking_s(directory, compression, width, height) + parts * _PART_S + _tags_s(directory)
    rotation_s = ROTATION_PX_S if directory.value(Tag.ORIENTATION, 1) != 1 else 0.0
    cost_s += width * height * (_pixel_cost_s(directory) + rotation_s)
    if compression in {_OLD_JPEG, _JPEG}:
        cost_s += _jpegs_s(directory, offsets, sizes)
    return ImageSummary(width, height, cost_s=cost_s)


def declared_tiff_bytes(data: bytes) -> int:
    """Return the file length in bytes that the strips or tiles imply, or zero if it is unknown.

    If a strip ends far past the end of the file, its declared size is probably wrong, so the length counts as
    unknown. libtiff tolerates a wrong size.
    """
    try:
        directory = read_directory(data)
    except ImageError:
        return 0
    offsets, sizes = _parts_tags(directory)
    starts, lengths = (directory.values(tag, PARTS_MAX) for tag in (offsets, sizes))
    ends = (at + length for at, length in zip(starts, lengths, strict=False))
    declared = max(ends, default=0)
    return declared if declared * (1 - _WRONG_SHARE) <= len(data) else 0


def _parts_tags(directory: Directory) -> tuple[int, int]:
    """Return the tags for offsets and sizes: tile tags if the file has tiles, else strip tags."""
    if Tag.TILE_OFFSETS in directory.tags:
        return Tag.TILE_OFFSETS, Tag.TILE_SIZES
    return Tag.STRIP_OFFSETS, Tag.STRIP_SIZES


def _tags_s(directory: Directory) -> float:
    tags = len(directory.tags)
    return tags * DIRECTORY_ENTRY_S + tags**2 * _TAG_PAIR_S + directory.values_bytes * _VALUE_BYTE_S


def _unpacking_s(directory: Directory, compression: int, width: int, height: int) -> float:
    """Return the cost of decompressing all strips or tiles, including strips with the same offset."""
    output_bytes, input_bytes = _unpacked_bytes(directory, width, height), _packed_bytes(directory)
    output_s, input_s = _PRICES_S.get(compression, _DEFAULT_PRICES_S)
    useful = min(input_bytes, output_bytes)
    # Compressed bytes in excess of the decompressed size are either empty deflate blocks or skipped.
    empty_s = (input_bytes - useful) * (input_s if compression == _RAW else EMPTY_BLOCK_BYTE_S)
    return output_bytes * output_s + useful * input_s + empty_s


def _packed_bytes(directory: Directory) -> int:
    """Return the larger of the file size and the total compressed size of all strips or tiles, in bytes."""
    data = directory.data
    offsets, sizes = _parts_tags(directory)
    places = directory.values(offsets, directory.count(offsets))
    lengths = directory.values(sizes, directory.count(sizes))
    # A strip or tile without a declared size can extend to the end of the file.
    pairs = zip_longest(places, lengths[: len(places)], fillvalue=len(data))
    return max(len(data), sum(min(length, max(len(data) - at, 0)) for at, length in pairs))


def _unpacked_bytes(directory: Directory, width: int, height: int) -> int:
    """Return the uncompressed size in bytes of the strips or tiles; tiles at the edges count in full."""
    bits = max(directory.values(Tag.BITS, 1), default=1) * directory.value(Tag.SAMPLES, 1)
    # libtiff reads tiles if one of these fields exists, even if the picture's data is listed in strips.
    if directory.tags.keys() & {Tag.TILE_OFFSETS, Tag.TILE_WIDTH, Tag.TILE_HEIGHT}:
        across, down = (
            max(directory.value(Tag.TILE_WIDTH, width), 1),
            max(directory.value(Tag.TILE_HEIGHT, height), 1),
        )
        width, height = -(-width // across) * across, -(-height // down) * down
    return height * -(-width * bits // _BYTE_BITS)


def _pixel_cost_s(directory: Directory) -> float:
    samples, photometric = directory.value(Tag.SAMPLES, 1), directory.value(Tag.PHOTOMETRIC, 0)
    bits = directory.value(Tag.BITS, 1)
    if directory.count(Tag.EXTRA_SAMPLES) or photometric == _LAB:
        return ALPHA_PX_S
    if photometric == _CMYK:
        return CMYK_PX_S
    if samples == 1 and photometric < _RGB and bits > 1:
        return GREY_16_PX_S if bits > _BYTE_BITS else GREY_PX_S
    return COLOUR_PX_S


def _jpegs_s(directory: Directory, offsets: int, sizes: int) -> float:
    """Return the total decoding cost of the strips or tiles if each of them is a JPEG."""
    data = directory.data
    starts = directory.values(offsets, directory.count(offsets))
    lengths = directory.values(sizes, directory.count(sizes))
    seen: dict[tuple[int, int], float] = {}
    total_s, read_bytes = 0.0, 0
    for at, length in zip(starts, lengths, strict=False):
        if (at, length) not in seen:
            read_bytes += length
            if read_bytes > 2 * len(data):
                raise ImageTooCostly("the strips of the TIFF share their bytes many times over")
            seen[at, length] = read_jpeg(data[at : at + length]).cost_s
        total_s += seen[at, length]
    return total_s
