"""ICC profiles made safe for LittleCMS: elements that browsers ignore are hidden, shared data is bounded.

header  128 bytes
table   number of tags, then for each its signature, offset and size
data    the tags' content; several tags may have the same
"""

from struct import Struct

_HEADER_BYTES = 128
_COUNT, _TAG = Struct(">I"), Struct(">4sII")
#: LittleCMS reads no profile with more tags.
_TAGS_MAX = 100
#: Tags of floating-point processing elements, which LittleCMS prefers and browsers ignore. A tag has any
#: number of elements, and all may have the same data: 20,000 of them took 10 s.
_ELEMENTS = frozenset({b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3"})
#: Total size of the tags relative to the profile, where equal places count once.
_SHARED_MAX = 2


def bounded(profile: bytes) -> bytes:
    """Return the profile without processing elements.

    Raises:
        ValueError: it is broken, or its tags share their data many times over.
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
    # Signatures must differ from each other; those of real tags are letters.
    hidden = (
        _TAG.pack(_COUNT.pack(number) if name in _ELEMENTS else name, at, size)
        for number, (name, at, size) in enumerate(table)
    )
    return profile[:first] + b"".join(hidden) + profile[first + count * _TAG.size :]
