"""Write HEIF containers box by box around the HEVC pictures in `tests/pictures`."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.paths import PICTURES

_SIDE = 64
#: Offset in the box `hvcC` of the byte that declares the bits of a luma sample.
LUMA_BITS_AT = 17

Property = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """A picture in a container: its type, data and properties, and the numbers of its component items."""

    kind: bytes
    data: bytes
    properties: tuple[Property, ...]
    parts: tuple[int, ...] = ()


def picture(name: str) -> bytes:
    """Return the content of a file in `tests/pictures`."""
    return (PICTURES / name).read_bytes()


def coded(*, name: str = "quadrants.heic", more: Sequence[Property] = ()) -> Item:
    """Return the item of a 64 x 64 picture file in `tests/pictures`, with additional properties."""
    file = picture(name)
    configuration = content(file, b"hvcC")
    data = file[file.index(b"mdat") + 4 :]
    return Item(b"hvc1", data, ((b"hvcC", configuration), size(_SIDE, _SIDE), *more))


def grid(rows: int, columns: int, *, parts: Sequence[int], more: Sequence[Property] = ()) -> Item:
    """Return a grid item of 64 x 64 tiles; `parts` are the tiles' item numbers, row by row."""
    width, height = columns * _SIDE, rows * _SIDE
    data = struct.pack("!BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    return Item(b"grid", data, (size(width, height), *more), tuple(parts))


def size(width: int, height: int) -> Property:
    return b"ispe", struct.pack("!III", 0, width, height)


def rotated(quarters: int) -> Property:
    """Return the property that rotates a picture anticlockwise by a number of quarter turns."""
    return b"irot", bytes([quarters])


def mirrored(*, top_to_bottom: bool) -> Property:
    return b"imir", bytes([0 if top_to_bottom else 1])


def clean_aperture(width: int, height: int, *, left: int, top: int, of: int = _SIDE) -> Property:
    """Return the property that crops a square picture whose sides are `of` pixels long."""
    # Offsets between the centres of crop and picture, in half pixels.
    across, down = 2 * left + width - of, 2 * top + height - of
    return b"clap", struct.pack("!IIIIiIiI", width, 1, height, 1, across, 2, down, 2)


def icc(profile: bytes) -> Property:
    return b"colr", b"prof" + profile


def codes(primaries: int, transfer: int, *, matrix: int = 6) -> Property:
    return b"colr", b"nclx" + struct.pack("!HHHB", primaries, transfer, matrix, 0x80)


def heif(*items: Item, primary: int = 1, brand: bytes = b"heic", exif: bytes = b"") -> bytes:
    """Return a HEIF file with these items, which are numbered from 1."""
    if exif:
        items = (*items, Item(b"Exif", bytes(4) + exif, ()))
    ftyp = _box(b"ftyp", brand + bytes(4) + b"mif1" + brand)
    meta_bytes = len(_meta(items, primary=primary, data_at=0, exif=bool(exif)))
    meta = _meta(items, primary=primary, data_at=len(ftyp) + meta_bytes + 8, exif=bool(exif))
    return ftyp + meta + _box(b"mdat", b"".join(item.data for item in items))


def _meta(items: Sequence[Item], *, primary: int, data_at: int, exif: bool) -> bytes:
    handler = _full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
    entries = b"".join(
        _full_box(b"infe", struct.pack("!HH4sB", number, 0, item.kind, 0), version=2)
        for number, item in enumerate(items, 1)
    )
    iinf = _full_box(b"iinf", struct.pack("!H", len(items)) + entries)
    pitm = _full_box(b"pitm", struct.pack("!H", primary))
    references = b"".join(
        _box(b"dimg", struct.pack(f"!HH{len(item.parts)}H", number, len(item.parts), *item.parts))
        for number, item in enumerate(items, 1)
        if item.parts
    )
    if exif:
        references += _box(b"cdsc", struct.pack("!HHH", len(items), 1, primary))
    iref = _full_box(b"iref", references) if references else b""
    places = _locations(items, data_at=data_at)
    return _full_box(b"meta", handler + pitm + places + iinf + iref + _properties(items))


def _locations(items: Sequence[Item], *, data_at: int) -> bytes:
    table = struct.pack("!BBH", 0x44, 0, len(items))
    for number, item in enumerate(items, 1):
        table += struct.pack("!HHHII", number, 0, 1, data_at, len(item.data))
        data_at += len(item.data)
    return _full_box(b"iloc", table)


def _properties(items: Sequence[Item]) -> bytes:
    # Equal properties are written once and shared by all items that have them, as phones do for tiles.
    shared = list(dict.fromkeys(kept for item in items for kept in item.properties))
    associations = b""
    for item_number, item in enumerate(items, 1):
        associations += struct.pack("!HB", item_number, len(item.properties))
        for kept in item.properties:
            # transformative properties are marked essential
            is_essential = kept[0] in {b"hvcC", b"av1C", b"irot", b"imir", b"clap"}
            associations += bytes([shared.index(kept) + 1 | (0x80 if is_essential else 0)])
    ipma = _full_box(b"ipma", struct.pack("!I", len(items)) + associations)
    return _box(b"iprp", _box(b"ipco", b"".join(_box(*kept) for kept in shared)) + ipma)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack("!I", 8 + len(content)) + kind + content


def _full_box(kind: bytes, content: bytes, *, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]) + content)


def content(file: bytes, kind: bytes) -> bytes:
    """Return the content of the first box of this kind in a file."""
    at = file.index(kind)
    return file[at + 4 : at - 4 + int.from_bytes(file[at - 4 : at])]
