"""The size and estimated decoding cost of a JPEG, and whether all its scans are complete."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from common.images.cost.unit_costs import (
    CMYK_PX_S,
    COLOUR_PX_S,
    GREY_PX_S,
    ROTATION_PX_S,
    ImageSummary,
    check_parts,
    directory_s,
)
from common.images.formats.jpeg import MARKER

_EOI, _SOS, _DQT, _APP1, _APP2, _APP13 = 0xD9, 0xDA, 0xDB, 0xE1, 0xE2, 0xED
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE, _ARITHMETIC = frozenset({0xC2, 0xC6, 0xCA, 0xCE}), frozenset(range(0xC9, 0xD0))
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
#: Like `MARKER`, for a marker that ends a scan; stuffed zero bytes and restart markers are part of the scan's
#: data.
_MARKER_IN_SCAN = re.compile(rb"\xff++(?:[\x00\xd0-\xd7][^\xff]*+\xff++)*+(?:([^\x00\xff\xd0-\xd7])|)")
_U16 = Struct(">H")
_FRAME, _COMPONENT = Struct(">BHHB"), Struct(">BBB")
_BLOCK_PX, _COEFFICIENTS = 8, 64
#: Maximum number of components in a frame (limited by Pillow) and in a scan (limited by libjpeg).
_COMPONENTS_MAX = 4
_ALL_COEFFICIENTS = (1 << _COEFFICIENTS) - 1

#: The minimum length in pixels of an image's shorter side after DCT scaling (downscaling during decoding):
#: twice the input size of the largest CLIP model.
_SCALED_SIDE_PX = 2 * 336
_SCALES = (8, 4, 2, 1)

#: Cost per block of 8 x 8 samples in a sequential scan, a progressive DC scan and a progressive AC scan; cost
#: per coefficient in a refinement scan.
_SEQUENTIAL_BLOCK_S, _DC_BLOCK_S, _AC_BLOCK_S, _REFINED_S = 15e-9, 18e-9, 10e-9, 0.8e-9
#: Cost of arithmetic coding relative to Huffman coding; cost of the memory for one stored block.
_ARITHMETIC_FACTOR, _STORED_BLOCK_S = 1.6, 60e-9
_SCAN_S, _SCAN_BYTE_S = 5e-6, 20e-9
#: Costs of data that Pillow parses in Python before the first scan: per segment, per stray or fill byte
#: between segments, per byte of a quantization table, and per Photoshop resource.
_SEGMENT_S, _STRAY_BYTE_S, _TABLE_BYTE_S, _RESOURCE_S = 2e-6, 0.5e-6, 60e-9, 0.6e-6


@dataclass(slots=True)
class _Component:
    #: The identifier by which scans refer to the component; several components can have the same identifier.
    name: int
    across: int
    down: int
    #: A bit mask of the coefficients that are complete (down to the lowest bit) after the scans read so far.
    complete: int = 0


@dataclass(slots=True)
class _Frame:
    """The frame header; each component records which coefficients were completed by the scans read so far."""

    marker: int
    width: int
    height: int
    components: list[_Component]

    @property
    def is_progressive(self) -> bool:
        return self.marker in _PROGRESSIVE

    @property
    def is_complete(self) -> bool:
        """Whether the scans contain every coefficient of every component, down to the lowest bit."""
        return all(component.complete == _ALL_COEFFICIENTS for component in self.components)

    def blocks(self, component: _Component) -> int:
        """Return the number of blocks of a component."""
        most_across = max(other.across for other in self.components)
        most_down = max(other.down for other in self.components)
        units_across = -(-self.width // (_BLOCK_PX * most_across))
        units_down = -(-self.height // (_BLOCK_PX * most_down))
        return units_across * units_down * component.across * component.down

    def pixels_s(self, *, may_rotate: bool) -> float:
        """Return the cost of unpacking, resizing and converting the pixels at the decoded scale."""
        shortest = min(self.width, self.height) // _SCALED_SIDE_PX
        scale = next(scale for scale in _SCALES if shortest >= scale or scale == 1)
        price = {1: GREY_PX_S, 3: COLOUR_PX_S}.get(len(self.components), CMYK_PX_S)
        return self.width * self.height / scale**2 * (price + (ROTATION_PX_S if may_rotate else 0.0))

    @property
    def stored_coefficients_s(self) -> float:
        """Return the cost of keeping all coefficients in memory, as decoders do for several scans."""
        return sum(map(self.blocks, self.components)) * _STORED_BLOCK_S


@dataclass(frozen=True, slots=True)
class JpegSummary(ImageSummary):
    #: The number of bytes from the start of the last scan to the end of the file.
    last_scan_bytes: int = 0
    #: Height in pixels of a minimum coded unit (MCU).
    unit_rows: int = 8
    #: Whether all scans together contain every coefficient, which means that no entire scan is missing.
    has_every_scan: bool = False


@dataclass(slots=True)
class _Reading:
    """The data collected while reading a JPEG file."""

    data: bytes
    frame: _Frame | None = None
    header_s: float = 0.0
    scans_s: float = 0.0
    scans: int = 0
    last_scan: int = 0
    exif_bytes: int = 0
    is_whole: bool = False

    def add_segment(self, marker: int, begin: int, end: int) -> None:
        """Add the cost of one segment; `begin` and `end` are the offsets of its content."""
        if marker in _FRAMES:
            self.frame = self.frame or _read_frame(marker, self.data[begin:end])
        elif marker == _SOS:
            self.add_scan(begin, end)
        if not self.scans:
            self.header_s += _SEGMENT_S
            if marker == _DQT:
                self.header_s += (end - begin) * _TABLE_BYTE_S
            elif marker == _APP13:
                self.header_s += self.data.count(b"8BIM", begin, end) * _RESOURCE_S
            elif marker == _APP1 and self.data.startswith(b"Exif", begin):
                self.exif_bytes += end - begin
            elif marker == _APP2 and self.data.startswith(b"MPF", begin):
                self.header_s += directory_s(end - begin)

    def add_scan(self, begin: int, end: int) -> None:
        self.scans += 1
        self.last_scan = begin
        if self.frame is not None:
            self.scans_s += _SCAN_S + _scan_s(self.frame, self.data[begin:end])

    def summary(self) -> JpegSummary:
        header_s = self.header_s + directory_s(self.exif_bytes)
        if self.frame is None:
            return JpegSummary(cost_s=header_s, is_whole=self.is_whole)
        stores_coefficients = self.scans > 1 or self.frame.is_progressive
        return JpegSummary(
            width=self.frame.width,
            height=self.frame.height,
            cost_s=header_s
            + self.frame.pixels_s(may_rotate=bool(self.exif_bytes))
            + self.scans_s
            + (self.frame.stored_coefficients_s if stores_coefficients else 0.0)
            + len(self.data) * _SCAN_BYTE_S,
            is_whole=self.is_whole,
            last_scan_bytes=len(self.data) - self.last_scan,
            unit_rows=_BLOCK_PX * max(each.down for each in self.frame.components),
            has_every_scan=self.frame.is_complete,
        )


def read_jpeg(data: bytes) -> JpegSummary:
    """Return the size and estimated decoding cost of a JPEG, and whether its scans are complete.

    Raises:
        ImageTooCostly: the JPEG has too many segments.
    """
    reading = _Reading(data)
    for marker, begin, end in _segments(data, reading):
        reading.add_segment(marker, begin, end)
    return reading.summary()


def _segments(data: bytes, reading: _Reading) -> Iterator[tuple[int, int, int]]:
    """Yield the marker and the content offsets of each segment, up to the end of the image."""
    offset, parts = 2, 0
    while (found := (_MARKER_IN_SCAN if reading.scans else MARKER).search(data, offset)) and found[1]:
        parts += 1
        check_parts(parts, "segments")
        if not reading.scans:
            reading.header_s += (found.end() - 2 - offset) * _STRAY_BYTE_S
        marker, offset = found.group(1)[0], found.end()
        if marker == _EOI:
            reading.is_whole = True
            return
        if marker in _STANDALONE:
            continue
        if offset + _U16.size > len(data):
            return
        end = offset + max(_U16.unpack_from(data, offset)[0], _U16.size)
        if end > len(data):
            return
        yield marker, offset + _U16.size, end
        offset = end
    if not reading.scans:
        reading.header_s += (len(data) - offset) * _STRAY_BYTE_S


def _read_frame(marker: int, body: bytes) -> _Frame | None:
    if len(body) < _FRAME.size:
        return None
    _, height, width, count = _FRAME.unpack_from(body)
    if count > _COMPONENTS_MAX or len(body) < _FRAME.size + count * _COMPONENT.size:
        return None
    described = [_COMPONENT.unpack_from(body, _FRAME.size + n * _COMPONENT.size) for n in range(count)]
    components = [_Component(name, across=factors >> 4, down=factors & 15) for name, factors, _ in described]
    if not components or not all(each.across and each.down for each in components):
        return None
    return _Frame(marker, width, height, components)


def _scan_s(frame: _Frame, header: bytes) -> float:
    """Return the cost of a scan, and record which coefficients the scan completes."""
    if not header or header[0] > _COMPONENTS_MAX or len(header) < 2 * header[0] + 4:
        return 0.0
    first, last, bits = header[2 * header[0] + 1 : 2 * header[0] + 4]
    if not frame.is_progressive:
        # Every scan of a sequential JPEG codes all coefficients; libjpeg ignores the scan header's range.
        first, last, bits = 0, _COEFFICIENTS - 1, 0
    elif first > last or last >= _COEFFICIENTS:
        return 0.0  # libjpeg ends with an error
    named = header[1 : 2 * header[0] + 1 : 2]
    components = [each for name in named for each in frame.components if each.name == name]
    if not bits & 15:
        for component in components:
            component.complete |= (1 << last + 1) - (1 << first)
    price = _block_s(frame, first=first, last=last, refines=bool(bits >> 4))
    return price * sum(map(frame.blocks, components))


def _block_s(frame: _Frame, *, first: int, last: int, refines: bool) -> float:
    if not frame.is_progressive:
        price = _SEQUENTIAL_BLOCK_S
    elif not first:
        price = _DC_BLOCK_S
    else:
        price = _AC_BLOCK_S + (_REFINED_S * (last - first + 1) if refines else 0.0)
    return price * (_ARITHMETIC_FACTOR if frame.marker in _ARITHMETIC else 1.0)
