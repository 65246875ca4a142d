"""Detection of unsupported TIFF variants by the first directory (TIFF 6.0).

Pillow decodes some TIFF variants wrongly and does not recognize some others. A variant is accepted only if a
test checks its decoded pixels.
"""

import struct
from dataclasses import dataclass

from common.errors import UndecodableImage

Field = tuple[int, ...]

_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _FILL_ORDER = 254, 256, 257, 258, 262, 266
_SAMPLES, _PLANAR, _SUB_DIRECTORIES, _EXTRA, _FORMAT, _DNG_VERSION = 277, 284, 330, 338, 339, 50706
_WANTED = frozenset(
    {
        _SUBFILE_TYPE,
        _WIDTH,
        _HEIGHT,
        _BITS,
        _PHOTOMETRIC,
        _FILL_ORDER,
        _SAMPLES,
        _PLANAR,
        _SUB_DIRECTORIES,
        _EXTRA,
        _FORMAT,
        _DNG_VERSION,
    }
)
#: struct's format characters of the integer field types: BYTE, SHORT, LONG, IFD, SBYTE, SSHORT, SLONG.
_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 6: "b", 8: "h", 9: "i"}
#: Maximum number of fields of a directory; cameras write some dozens.
_ENTRIES_MAX = 4096
#: Maximum number of values to read from one field; a pixel has at most 8 samples.
_VALUES_MAX = 8
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_CFA, _LINEAR_RAW = 32803, 34892
#: The number of samples of a colour and the supported bits per sample, by colour space.
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
    bits: Field

    @property
    def is_negative(self) -> bool:
        """Return whether the lowest sample value is white."""
        return self.photometric == _WHITE_IS_ZERO


def size(data: bytes) -> tuple[int, int]:
    """Return width and height of the first picture, before rotation.

    Raises:
        UndecodableImage: the directory is broken.
    """
    fields = _fields(data)
    return _one(fields, _WIDTH, 0), _one(fields, _HEIGHT, 0)


def samples(data: bytes) -> Samples:
    """Return the sample format of the first picture.

    Raises:
        UndecodableImage: the directory is broken.
    """
    fields = _fields(data)
    return Samples(_photometric(fields), _bits(fields))


def refusal(data: bytes) -> str | None:
    """Return why a TIFF is not supported, or None if it is supported.

    Raises:
        UndecodableImage: the directory is broken.
    """
    fields = _fields(data)
    if _is_raw(fields):
        return f"the file is a camera's RAW file (DNG or another that is made like TIFF); {_RAW_ADVICE}"
    fault = _sample_fault(fields) or _layout_fault(fields)
    return None if fault is None else f"the file is a TIFF {fault}; {_ADVICE}"


def _is_raw(fields: dict[int, Field]) -> bool:
    # In most RAW files the first directory describes a thumbnail, and a sub-directory the photograph.
    is_preview = bool(_one(fields, _SUBFILE_TYPE, 0) & _REDUCED) and _SUB_DIRECTORIES in fields
    return is_preview or _DNG_VERSION in fields or _photometric(fields) in {_CFA, _LINEAR_RAW}


def _sample_fault(fields: dict[int, Field]) -> str | None:
    """Return why the type of the samples is not supported, or None if it is supported."""
    bits, formats = _bits(fields), set(fields.get(_FORMAT, (_UNSIGNED,)))
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


def _layout_fault(fields: dict[int, Field]) -> str | None:
    """Return why the arrangement of the samples is not supported, or None if it is supported."""
    photometric, bits = _photometric(fields), _bits(fields)
    if photometric not in _COLOURS:
        return f"of an unusual colour space (photometric interpretation {photometric})"
    colours, depths = _COLOURS[photometric]
    if bits[0] not in depths:
        return f"with samples of {bits[0]} bits of such a colour space"
    extra, planar = fields.get(_EXTRA, ()), _one(fields, _PLANAR, 1) != 1
    if extra and photometric == _WHITE_IS_ZERO:
        return "with transparency in which zero is white"
    if extra and colours == 1 and (planar or bits[0] != 8):  # noqa: PLR2004
        return (
            f"with grey and further samples of {bits[0]} bits{', in planes of their own' if planar else ''}"
        )
    if _one(fields, _FILL_ORDER, 1) != 1 and bits[0] > _REVERSIBLE_BITS:
        return "with its bits in reverse order"
    return None


def _photometric(fields: dict[int, Field]) -> int:
    # The field is required, but some programs omit it; Pillow then assumes that zero is white.
    return _one(fields, _PHOTOMETRIC, _WHITE_IS_ZERO)


def _bits(fields: dict[int, Field]) -> Field:
    found, samples = fields.get(_BITS, (1,)), min(_one(fields, _SAMPLES, 1), _VALUES_MAX)
    return found * samples if len(found) == 1 else found


def _one(fields: dict[int, Field], tag: int, default: int) -> int:
    return fields.get(tag, (default,))[0]


def _fields(data: bytes) -> dict[int, Field]:
    order = "<" if data[:2] == b"II" else ">"
    found = {}
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, start)
        if entries > _ENTRIES_MAX:
            raise UndecodableImage("the image's header is too long")
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", data, at)
            if tag in _WANTED and kind in _TYPES and count:
                found[tag] = _values(
                    data, at + 8, form=f"{min(count, _VALUES_MAX)}{_TYPES[kind]}", order=order
                )
    except struct.error as error:
        raise UndecodableImage("the file begins like TIFF but its header is broken") from error
    return found


def _values(data: bytes, at: int, *, form: str, order: str) -> Field:
    """Return a field's values; if the values need more than four bytes, the field contains their offset."""
    if struct.calcsize(order + form) > 4:  # noqa: PLR2004
        (at,) = struct.unpack_from(f"{order}I", data, at)
    values: Field = struct.unpack_from(order + form, data, at)
    return values
