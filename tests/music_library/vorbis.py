"""Writes FLAC, Ogg Vorbis and Opus files with Vorbis comments."""

import base64
import struct
from collections.abc import Iterator, Sequence

from tests.music_library.tags import Picture, Tags

#: The generator polynomial of the checksum of an Ogg page (RFC 3533).
_POLYNOMIAL = 0x04C11DB7
_STREAM_INFO, _VORBIS_COMMENT, _PICTURE = 0, 4, 6
_LAST = 0x80
_SAMPLE_RATE = 44_100


def flac(tags: Tags) -> bytes:
    """Return a FLAC file without audio frames."""
    blocks = [
        (_STREAM_INFO, _stream_info()),
        (_VORBIS_COMMENT, _comment(tags)),
        *((_PICTURE, _picture(picture)) for picture in tags.pictures),
    ]
    last = len(blocks) - 1
    return b"fLaC" + b"".join(
        bytes([kind | (_LAST if number == last else 0)]) + len(content).to_bytes(3, "big") + content
        for number, (kind, content) in enumerate(blocks)
    )


def ogg_vorbis(tags: Tags) -> bytes:
    """Return an Ogg Vorbis file without audio packets."""
    head = b"\x01vorbis" + struct.pack("<IBIiiiB", 0, 2, _SAMPLE_RATE, 0, 128_000, 0, 0xB8) + b"\x01"
    comment = b"\x03vorbis" + _comment(tags, embeds_pictures=True) + b"\x01"
    return _pages((head, comment))


def opus(tags: Tags) -> bytes:
    """Return an Opus file without audio packets."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 2, 0, 48_000, 0, 0)
    return _pages((head, b"OpusTags" + _comment(tags, embeds_pictures=True)))


def _stream_info() -> bytes:
    block_sizes, frame_sizes = struct.pack(">HH", 4096, 4096), bytes(6)
    rate_channels_bits_samples = (_SAMPLE_RATE << 44) | (1 << 41) | (15 << 36)
    return block_sizes + frame_sizes + rate_channels_bits_samples.to_bytes(8, "big") + bytes(16)


def _comment(tags: Tags, *, embeds_pictures: bool = False) -> bytes:
    entries = [f"{name}={value}".encode() for name, value in _fields(tags) if value]
    if embeds_pictures:
        pictures = (base64.b64encode(_picture(picture)) for picture in tags.pictures)
        entries += [b"METADATA_BLOCK_PICTURE=" + picture for picture in pictures]
    vendor = b"test library"
    listed = b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(entries)) + listed


def _fields(tags: Tags) -> Iterator[tuple[str, str]]:
    yield from (("TITLE", tags.title), ("ARTIST", tags.artist), ("ALBUM", tags.album))
    yield from (("ALBUMARTIST", tags.album_artist), ("DATE", tags.date), ("ORIGINALDATE", tags.original_date))
    yield from (("TRACKNUMBER", str(tags.track or "")), ("DISCNUMBER", str(tags.disc or "")))
    yield from (("LABEL", tags.label), ("CATALOGNUMBER", tags.catalog_number))
    yield from (("MUSICBRAINZ_ALBUMID", tags.release_id), ("COMPILATION", "1" if tags.is_compilation else ""))
    yield from (("GENRE", genre) for genre in tags.genres)


def _picture(picture: Picture) -> bytes:
    media_type = picture.media_type.encode()
    size_depth_colours = bytes(16)
    return (
        struct.pack(">II", picture.type, len(media_type))
        + media_type
        + struct.pack(">I", 0)
        + size_depth_colours
        + struct.pack(">I", len(picture.data))
        + picture.data
    )


def _pages(packets: Sequence[bytes]) -> bytes:
    pages: list[bytes] = []
    for packet in packets:
        # A packet ends with a segment of less than 255 bytes; a page has at most 255 segments.
        segments = [255] * (len(packet) // 255) + [len(packet) % 255]
        start = 0
        for first in range(0, len(segments), 255):
            sizes = segments[first : first + 255]
            content = packet[start : start + sum(sizes)]
            start += sum(sizes)
            pages.append(_page(sizes, content, number=len(pages), is_continued=first > 0))
    return b"".join(pages)


def _page(sizes: list[int], content: bytes, *, number: int, is_continued: bool) -> bytes:
    flags = (1 if is_continued else 0) | (2 if number == 0 else 0)
    before = b"OggS\0" + struct.pack("<BqII", flags, 0, 1, number)
    after = bytes([len(sizes), *sizes]) + content
    return before + struct.pack("<I", _checksum(before + bytes(4) + after)) + after


def _row(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = tuple(map(_row, range(256)))


def _checksum(data: bytes) -> int:
    checksum = 0
    for byte in data:
        checksum = ((checksum << 8) & 0xFFFFFFFF) ^ _TABLE[(checksum >> 24) ^ byte]
    return checksum
