"""Makes ICC profiles safe for LittleCMS: hides elements that browsers ignore, and limits shared data.

An ICC profile has three parts: a header of 128 bytes, a table of tags, and the content of the tags. The table
starts with the number of tags, followed by the signature, offset and size of each tag. Several tags can refer
to the same content.
"""

from struct import Struct

_HEADER_BYTES = 128
_COUNT, _TAG = Struct(">I"), Struct(">4sII")
#: LittleCMS's maximum number of tags in a profile.
_TAGS_MAX = 100
#: The tags of floating-point processing elements, which LittleCMS prefers and browsers ignore. All elements
#: of a tag can share the same data, so a small file can have many elements; a tag with 20,000 elements took
#: 10 s to process.
_ELEMENTS = frozenset({b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3"})
#: The maximum ratio of the total size of all tags to the profile's size; tags at the same place count once.
_SHARED_MAX = 2


def bounded(profile: bytes) -> bytes:
    """Return the profile with its processing elements hidden.

    Raises:
        ValueError: the profile is broken, or too many tags share the same data.
    """
    if len(profile) < _HEADER_BYTES + _COUNT.size:
        raise ValueError("the profile is too short")
    (count,) = _COUNT.unpack_from(profile, _HEADER_BYTES)
    first = _HEADER_BYTES + _COUNT.size
    if count > _TAGS_MAX or first + count * _TAG.size > len(profile):
        raise ValueError("the profile has too many tags")
    table = [_TAG.unpack_from(profile, first + number * _TAG.size) for number in range(count)]
    if sum(size for _, size in {(at, size) for _, at, size in table}) > _SHARED_MAX * len(profile):
        raise ValueError("the tags of the profile share their data")
    # A tag is hidden by replacing its signature (letters and digits) with the tag's number.
    hidden = (
        _TAG.pack(_COUNT.pack(number) if name in _ELEMENTS else name, at, size)
        for number, (name, at, size) in enumerate(table)
    )
    return profile[:first] + b"".join(hidden) + profile[first + count * _TAG.size :]
