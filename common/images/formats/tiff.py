"""Detects unsupported TIFF variants by the file's first directory (TIFF 6.0).

Pillow decodes some TIFF variants wrongly and does not recognize some others. A variant is accepted only if a
test checks its decoded pixels.
"""

from dataclasses import dataclass

from common.images.formats.tiff_directory import SAMPLES_MAX, Directory, Tag, read_directory

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_CFA, _LINEAR_RAW = 32803, 34892
#: Maps each colour space to its number of samples per pixel and the supported bits per sample.
_COLOURS = {
    _WHITE_IS_ZERO: (1, {1, 2, 4, 8, 12, 16}),
    _BLACK_IS_ZERO: (1, {1, 2, 4, 8, 12, 16}),
    _RGB: (3, {8, 16}),
    _PALETTE: (1, {1, 2, 4, 8}),
    _CMYK: (4, {8, 16}),
    _YCBCR: (3, {8}),
    _LAB: (3, {8}),
}
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_REVERSIBLE_BITS = 4
_REDUCED = 1
_ADVICE = "save it as a TIFF of 8 bits a sample or as PNG"
_RAW_ADVICE = "export it as JPEG"


@dataclass(frozen=True, slots=True)
class Samples:
    """The format of a TIFF's samples."""

    photometric: int
    #: The number of bits of each sample of a pixel.
    bits: tuple[int, ...]

    @property
    def is_negative(self) -> bool:
        """Return whether sample value zero means white."""
        return self.photometric == _WHITE_IS_ZERO


def size(data: bytes) -> tuple[int, int]:
    """Return width and height of the first picture, before rotation.

    Raises:
        UndecodableImage: the directory is broken.
    """
    directory = read_directory(data)
    return directory.value(Tag.WIDTH, 0), directory.value(Tag.HEIGHT, 0)


def samples(data: bytes) -> Samples:
    """Return the sample format of the first picture.

    Raises:
        UndecodableImage: the directory is broken.
    """
    directory = read_directory(data)
    return Samples(_photometric(directory), _bits(directory))


def refusal(data: bytes) -> str | None:
    """Return why a TIFF is not supported, or None if it is supported.

    Raises:
        UndecodableImage: the directory is broken.
    """
    directory = read_directory(data)
    if _is_raw(directory):
        return f"the file is a camera's RAW file (DNG or another that is made like TIFF); {_RAW_ADVICE}"
    fault = _sample_fault(directory) or _layout_fault(directory)
    return None if fault is None else f"the file is a TIFF {fault}; {_ADVICE}"


def _is_raw(directory: Directory) -> bool:
    # In most RAW files the first directory describes a thumbnail, and a sub-directory the photograph.
    is_preview = (
        bool(directory.value(Tag.SUBFILE_TYPE, 0) & _REDUCED) and Tag.SUB_DIRECTORIES in directory.tags
    )
    return is_preview or Tag.DNG_VERSION in directory.tags or _photometric(directory) in {_CFA, _LINEAR_RAW}


def _sample_fault(directory: Directory) -> str | None:
    """Return why the type of the samples is not supported, or None if it is supported."""
    bits, formats = _bits(directory), set(directory.values(Tag.SAMPLE_FORMAT) or (_UNSIGNED,))
    if max(bits) > 16:  # noqa: PLR2004
        kind = "floating-point " if formats == {_FLOAT} else ""
        return f"with {kind}samples of {max(bits)} bits"
    if formats == {_FLOAT}:
        return f"with floating-point samples of {max(bits)} bits"
    if formats == {_SIGNED}:
        return f"with signed samples of {max(bits)} bits"
    if formats != {_UNSIGNED} or len(set(bits)) > 1:
        return "with samples of several or undefined kinds"
    return None


def _layout_fault(directory: Directory) -> str | None:
    """Return why the arrangement of the samples is not supported, or None if it is supported."""
    photometric, bits = _photometric(directory), _bits(directory)
    if photometric not in _COLOURS:
        return f"of an unusual colour space (photometric interpretation {photometric})"
    colours, depths = _COLOURS[photometric]
    if bits[0] not in depths:
        return f"with samples of {bits[0]} bits of such a colour space"
    extra, planar = directory.values(Tag.EXTRA_SAMPLES), directory.value(Tag.PLANAR, 1) != 1
    if extra and photometric == _WHITE_IS_ZERO:
        return "with transparency in which zero is white"
    if extra and colours == 1 and (planar or bits[0] != 8):  # noqa: PLR2004
        return (
            f"with grey and further samples of {bits[0]} bits{', in planes of their own' if planar else ''}"
        )
    if directory.value(Tag.FILL_ORDER, 1) != 1 and bits[0] > _REVERSIBLE_BITS:
        return "with its bits in reverse order"
    return None


def _photometric(directory: Directory) -> int:
    # PhotometricInterpretation is required, but some programs omit it; Pillow then assumes that zero is
    # white.
    return directory.value(Tag.PHOTOMETRIC, _WHITE_IS_ZERO)


def _bits(directory: Directory) -> tuple[int, ...]:
    found = directory.values(Tag.BITS) or (1,)
    if len(found) > 1:
        return found
    return found * min(max(directory.value(Tag.SAMPLES, 1), 1), SAMPLES_MAX)
