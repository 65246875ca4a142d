"""Repairs ID3 tags whose text frames declare UTF-8 but contain Latin-1.

tag:   "ID3", 1 byte of version, 1 of revision, 1 of flags, 4 of size
frame: name of 4 bytes (3 in version 2.2), size of 4 bytes (3), flags of 2 bytes (0), content
"""

from pathlib import Path

_LATIN_1, _UTF_8 = 0, 3
_HAS_EXTENDED_HEADER = 0x40
_TAG_HEADER_BYTES = 10
_V2_2, _V2_4 = 2, 4


def repaired_tag(path: str) -> bytes | None:
    """Return a file's ID3v2 tag with the encodings that its texts really have, or None if nothing changes.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        header = file.read(_TAG_HEADER_BYTES)
        if len(header) < _TAG_HEADER_BYTES or not header.startswith(b"ID3"):
            return None
        tag = bytearray(header + file.read(_synchsafe(header[6:10])))
    before = bytes(tag)
    _repair(tag)
    return None if tag == before else bytes(tag)


def _repair(tag: bytearray) -> None:
    version, at = tag[3], _TAG_HEADER_BYTES
    name_bytes, header_bytes = (3, 6) if version == _V2_2 else (4, 10)
    if tag[5] & _HAS_EXTENDED_HEADER:
        at += _synchsafe(tag[at : at + 4])
    while at + header_bytes < len(tag) and tag[at]:
        size_field = tag[at + name_bytes : at + 2 * name_bytes]
        size = _synchsafe(size_field) if version == _V2_4 else int.from_bytes(size_field, "big")
        start, end = at + header_bytes, at + header_bytes + size
        is_text = tag[at : at + 1] == b"T" and start < len(tag)
        if is_text and tag[start] == _UTF_8 and not _is_utf_8(tag[start + 1 : end]):
            tag[start] = _LATIN_1
        at = end


def _is_utf_8(data: bytes | bytearray) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _synchsafe(data: bytes | bytearray) -> int:
    number = 0
    for byte in data:
        number = (number << 7) | (byte & 0x7F)
    return number
