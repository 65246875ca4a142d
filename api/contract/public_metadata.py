"""The keys of albums' metadata that clients may read and filter by (`PUBLIC_METADATA`).

Results in the cache and in jobs contain all metadata, and may be older than the current setting. The gateway
removes the other keys whenever it sends a result.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Self

import orjson

from api.contract.requests.filter_parameters import META_PREFIX
from common.album_metadata import NO_METADATA
from common.catalog.protocol import Album
from common.errors import InvalidParameter
from common.filters import Filters
from common.search_query import SearchQuery
from common.settings import ALL_KEYS

#: A result without this text contains no metadata; within a JSON string, the quotes would be escaped.
_METADATA_FIELD = b'"metadata":'


@dataclass(frozen=True, slots=True)
class PublicMetadata:
    """The keys that clients may read and filter by."""

    #: None means all keys.
    keys: frozenset[str] | None = None

    @classmethod
    def of(cls, setting: Collection[str]) -> Self:
        """Return the keys that the setting names."""
        return cls(None if ALL_KEYS in setting else frozenset(setting))

    def check(self, filters: Filters) -> None:
        """Check that filters by metadata use only public keys; the catalog is not asked.

        Raises:
            InvalidParameter: a key is not public, whether or not an album has it.
        """
        if self.keys is None:
            return
        for key, _ in filters.metadata:
            if key not in self.keys:
                others = ", ".join(META_PREFIX + other for other in sorted(self.keys))
                raise InvalidParameter(
                    f"this service has no filter {META_PREFIX}{key}; "
                    + (f"its filters by metadata are {others}" if others else "it has no filter by metadata"),
                    parameter=META_PREFIX + key,
                )

    def of_album(self, album: Album) -> Album:
        """Return the album with only the public keys of its metadata."""
        if self.keys is None:
            return album
        kept = self._public(_read(album.metadata))
        omitted = album.metadata_omitted if self.keys else None
        return replace(
            album,
            metadata=orjson.dumps(kept).decode() if kept else NO_METADATA,
            metadata_omitted=omitted,
        )

    def of_result(self, result: bytes) -> bytes:
        """Return the JSON of a search result with only the public keys of each album's metadata."""
        if self.keys is None or _METADATA_FIELD not in result:
            return result
        document = _read(result)
        for album in document["results"]:
            if "metadata" in album:
                album["metadata"] = self._public(album["metadata"])
                if not self.keys:
                    album.pop("metadata_omitted", None)
        return orjson.dumps(document)

    def etag_suffix(self, query: SearchQuery) -> str:
        """Return a text that distinguishes the ETags of one result under different settings."""
        if self.keys is None or "metadata" not in query.include:
            return ""
        return "-" + hashlib.sha256(orjson.dumps(sorted(self.keys))).hexdigest()[:8]

    def _public(self, metadata: dict[str, Any]) -> dict[str, Any]:
        keys = self.keys or frozenset()
        return {key: value for key, value in metadata.items() if key in keys}


def _read(text: bytes | str) -> dict[str, Any]:
    """Parse a JSON object, and keep every number as its text, because Python would change some numbers."""
    document: dict[str, Any] = json.loads(text, parse_int=orjson.Fragment, parse_float=orjson.Fragment)
    return document
