"""Makes ICC profiles safe for LittleCMS: hides elements that browsers ignore, and refuses excessive sharing
of data.

An ICC profile has this structure:

header  128 bytes
table   the number of tags, then the signature, offset and size of each tag
data    the content of the tags; several tags can refer to the same content
"""

from struct import Struct

_HEADER_BYTES = 128
_COUNT, _TAG = Struct(">I"), Struct(">4sII")
#: The maximum number of tags in a profile that LittleCMS reads.
_TAGS_MAX = 100
#: The tags of floating-point processing elements, which LittleCMS prefers and browsers ignore. Any number of
#: elements in a tag can share the same data; a tag with 20,000 elements took 10 s.
_ELEMENTS = frozenset({b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3"})
#: The maximum total size of the tags as a multiple of the profile's size; equal tags are counted once.
_SHARED_MAX = 2


def bounded(profile: bytes) -> bytes:
    """Return the profile without processing elements.

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
    # A tag is hidden by replacing its signature, which consists of letters, with the tag's number.
    hidden = (
        _TAG.pack(_COUNT.pack(number) if name in _ELEMENTS else name, at, size)
        for number, (name, at, size) in enumerate(table)
    )
    return profile[:first] + b"".join(hidden) + profile[first + count * _TAG.size :]
