"""The bounds of an album's metadata in results.

Metadata is JSON text, as PostgreSQL prints a value of the type jsonb. A table's owner can store metadata of
any size by SQL, and also values that are not objects.
"""

from typing import Literal, TypeAlias

#: The maximum size of the metadata of one album, in bytes of JSON text.
METADATA_MAX_BYTES = 16 * 1024
#: The maximum nesting depth of objects and lists in the metadata of one album.
METADATA_MAX_LEVELS = 100
#: Metadata without keys.
NO_METADATA = "{}"

#: Why results do not contain the metadata of an album; `too_large` also stands for too many levels.
MetadataOmission: TypeAlias = Literal["too_large", "not_an_object"]


def presentable_metadata(text: str | None) -> tuple[str, MetadataOmission | None]:
    """Return the metadata that results contain, and why it is not the metadata in the catalog.

    SQL's NULL and the JSON value `null` are metadata without keys.
    """
    if text is None or text == "null":
        return NO_METADATA, None
    if not text.startswith("{"):
        return NO_METADATA, "not_an_object"
    if len(text.encode()) > METADATA_MAX_BYTES or is_too_deep(text):
        return NO_METADATA, "too_large"
    return text, None


def is_too_deep(text: str) -> bool:
    """Return whether a JSON text has more than `METADATA_MAX_LEVELS` levels of objects and lists."""
    if text.count("{") + text.count("[") <= METADATA_MAX_LEVELS:
        return False
    deepest = level = 0
    in_string = is_escaped = False
    for character in text:
        if in_string:
            in_string = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            level += 1
            deepest = max(deepest, level)
        elif character in "}]":
            level -= 1
    return deepest > METADATA_MAX_LEVELS
