"""The search query: its parts, its JSON wire form, and the query key.

Every search is one `SearchQuery`; a text or image search is a query with one part. The *query key* is the
hash of the query's canonical form, the model's fingerprint and the catalog's version. Results are cached
under their query key, and queries with the same query key share one run.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import orjson

from common.errors import InvalidParameter, UnknownQueryVersion
from common.filters import Filters, canonical_filters, filters_document, filters_from_document

#: The fields of the wire form of version 1. A query with other fields, such as `offset`, has version 2. Its
#: run goes to a queue that workers of release 0.2.0 do not consume, because they cannot read these fields.
VERSION_1_FIELDS = frozenset(
    {"type", "parts", "k", "genre", "year_min", "year_max", "min_score", "best_new_music"}
)
#: All fields that this release can read. A worker refuses a query with any other field.
KNOWN_FIELDS = VERSION_1_FIELDS | {
    "v",
    "artist",
    "meta",
    "color",
    "offset",
    "min_similarity",
    "include",
    "explain",
    "facets",
}
VERSIONS = (1, 2)
#: The newest version of queries that a worker of this release reads; the worker announces it.
NEWEST_VERSION = VERSIONS[-1]
#: The version number of explanations; it is increased whenever the visual vocabulary or its similarities
#: change, so that older cached explanations are not used.
EXPLANATION_VERSION = 1
#: The version number of results; it is increased whenever results get new fields or contain other albums, so
#: that older cached results are not used.
RESULT_VERSION = 4

#: The version number of rankings; it is increased whenever rankings contain other albums or another order,
#: and whenever `PREPROCESSING_VERSION` is increased.
RANKING_VERSION = 1

K_MIN, K_MAX, K_DEFAULT = 1, 50, 10
#: The maximum offset; the pages of a search contain the first 1,000 albums of its ranking.
OFFSET_MAX = 1000 - K_MAX
TEXT_MAX_CHARS = 500
#: The maximum number of characters of a text before repeated blanks are removed; removing them from a text of
#: megabytes takes seconds.
_RAW_TEXT_MAX_CHARS = 10_000
#: Maximum length of an album id; with four bytes per character the id still fits into a PostgreSQL index.
ALBUM_ID_MAX_CHARS = 500
PARTS_MAX = 8

QueryType: TypeAlias = Literal["text", "image", "album", "composed"]
#: A field that results and single albums contain only if it is requested.
Included: TypeAlias = Literal["metadata", "reviewer"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text that describes a cover; with a negative weight, covers that match the text rank lower."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An uploaded image, identified by the SHA-256 of its bytes in hex."""

    digest: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AlbumPart:
    """An album of the catalog; the query uses the embedding of the album's cover."""

    album_id: str
    weight: float = 1.0


Part: TypeAlias = TextPart | ImagePart | AlbumPart


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search: up to eight weighted parts, the filters, and which results to return."""

    parts: tuple[Part, ...]
    filters: Filters = field(default_factory=Filters)
    k: int = K_DEFAULT
    #: The number of albums of the ranking that are skipped before the first result.
    offset: int = 0
    #: The minimum similarity of a result; None for no limit.
    min_similarity: float | None = None
    #: Additional fields of the results, sorted.
    include: tuple[Included, ...] = ()
    #: Whether each result is explained.
    explain: bool = False
    #: Whether the result contains the numbers of albums by the values of each filter.
    facets: bool = False

    def __post_init__(self) -> None:
        """Raise `InvalidParameter` if the query is invalid."""
        if not K_MIN <= self.k <= K_MAX:
            raise InvalidParameter(f"k must lie in {K_MIN}..{K_MAX}, not {self.k}", parameter="k")
        if not 0 <= self.offset <= OFFSET_MAX:
            raise InvalidParameter(
                f"offset must lie in 0..{OFFSET_MAX}, not {self.offset}", parameter="offset"
            )
        if not 1 <= len(self.parts) <= PARTS_MAX:
            raise InvalidParameter(f"a query has 1 to {PARTS_MAX} parts", parameter="parts")
        if not any(part.weight > 0 for part in self.parts):
            raise InvalidParameter("at least one part needs a positive weight", parameter="parts")

    @property
    def type(self) -> QueryType:
        """The `query_type` in the result."""
        if len(self.parts) > 1:
            return "composed"
        match self.parts[0]:
            case TextPart():
                return "text"
            case ImagePart():
                return "image"
            case AlbumPart():
                return "album"

    @property
    def only_text(self) -> str | None:
        """The text of a search by text; None for other searches."""
        part = self.parts[0]
        return part.text if len(self.parts) == 1 and isinstance(part, TextPart) else None

    @property
    def may_scan(self) -> bool:
        """Whether the query may need a scan of all albums that meet its filters, even in a large catalog.

        An index finds at most the first `K_MAX` albums of a ranking. It may miss an album, so it cannot tell
        that no further album reaches a minimum similarity.
        """
        return self.offset + self.k > K_MAX or self.min_similarity is not None

    @property
    def image_digests(self) -> tuple[str, ...]:
        """The digests of the query's images, without duplicates."""
        return tuple(dict.fromkeys(p.digest for p in self.parts if isinstance(p, ImagePart)))

    @property
    def album_ids(self) -> tuple[str, ...]:
        """The ids of the albums in the query, without duplicates; results never contain these albums."""
        return tuple(dict.fromkeys(p.album_id for p in self.parts if isinstance(p, AlbumPart)))


def clean_text(raw: str) -> str:
    """Return `raw` in NFC; each sequence of white space and control characters becomes one space.

    Raises:
        InvalidParameter: the result is empty or longer than 500 characters.
    """
    if len(raw) > _RAW_TEXT_MAX_CHARS:
        raise _too_long(raw)
    text = unicodedata.normalize("NFC", single_spaced(raw))
    if not text:
        raise InvalidParameter("the query is empty: describe a cover in a few words", parameter="query")
    if len(text) > TEXT_MAX_CHARS:
        raise _too_long(text)
    return text


def single_spaced(raw: str) -> str:
    """Return `raw` with each run of white space and control characters replaced by one space."""
    # `isprintable` is false for all white space and control characters except the ASCII space. Most texts are
    # printable and skip the loop, which takes 0.01 ms.
    spaced = raw if raw.isprintable() else "".join(c if c.isprintable() else " " for c in raw)
    return " ".join(spaced.split())


def _too_long(text: str) -> InvalidParameter:
    return InvalidParameter(
        f"the query has {len(text)} characters; {TEXT_MAX_CHARS} are allowed", parameter="query"
    )


def image_digest(data: bytes) -> str:
    """Return the SHA-256 of an image's bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def query_to_json(query: SearchQuery) -> bytes:
    """Return the wire form of a query, which is versioned JSON that `query_from_json` reads."""
    document = query_document(query)
    return orjson.dumps({"v": _wire_version(document), **document}, option=orjson.OPT_SORT_KEYS)


def query_document(query: SearchQuery) -> dict[str, object]:
    """Return the query as JSON values, as it appears in a job.

    Fields that are not part of wire version 1 are left out if they have no effect.
    """
    document: dict[str, object] = {
        "type": query.type,
        "parts": [_part_document(part) for part in query.parts],
        "k": query.k,
        **filters_document(query.filters),
    }
    if query.offset:
        document["offset"] = query.offset
    if query.min_similarity is not None:
        document["min_similarity"] = query.min_similarity
    if query.include:
        document["include"] = list(query.include)
    if query.explain:
        document["explain"] = True
    if query.facets:
        document["facets"] = True
    return document


def wire_version(query: SearchQuery) -> int:
    """Return the version of the query's wire form."""
    return _wire_version(query_document(query))


def _wire_version(document: dict[str, object]) -> int:
    return 1 if document.keys() <= VERSION_1_FIELDS else 2


def query_from_json(data: bytes) -> SearchQuery:
    """Return the query in its wire form.

    Raises:
        UnknownQueryVersion: the query has a version or fields that only later releases know.
        ValueError: the bytes are not a query.
    """
    document = orjson.loads(data)
    version = document.get("v") if isinstance(document, dict) else None
    if type(version) is not int or version < VERSIONS[0]:
        raise ValueError("not a query with a version")
    if version > NEWEST_VERSION:
        raise UnknownQueryVersion(f"this worker reads queries up to version {NEWEST_VERSION}, not {version}")
    if unknown := document.keys() - KNOWN_FIELDS:
        raise UnknownQueryVersion(f"this worker does not know the query's fields {sorted(unknown)}")
    try:
        return SearchQuery(
            parts=tuple(_part_from_document(part) for part in document["parts"]),
            filters=filters_from_document(document),
            k=document["k"],
            offset=document.get("offset", 0),
            min_similarity=document.get("min_similarity"),
            include=tuple(document.get("include", ())),
            explain=document.get("explain", False),
            facets=document.get("facets", False),
        )
    except (KeyError, TypeError, InvalidParameter) as error:
        raise ValueError(f"not a query: {error}") from error


def query_key(query: SearchQuery, *, model: str, catalog_version: str, has_thumbnails: bool = False) -> str:
    """Return the query key: the SHA-256, in hex, of everything that affects the query's result.

    `has_thumbnails` tells whether the gateway serves thumbnails.

    The query key does not depend on the case of a text (CLIP converts texts to lower case), the spelling of a
    genre, the order of parts, genres and artists, or the weight of a query's only part. The explanations of a
    result name the query's parts by their position, so the key of an explained query depends on their order.
    """
    document = query_document(query)
    parts = [_canonical_part(part, alone=len(query.parts) == 1) for part in query.parts]
    canonical = {
        **document,
        "v": _wire_version(document),
        "result": RESULT_VERSION,
        "model": model,
        "catalog": catalog_version,
        "thumbnails": has_thumbnails,
        "parts": parts if query.explain else sorted(parts),
        **canonical_filters(query.filters),
    }
    if query.explain:
        canonical["explain"] = EXPLANATION_VERSION
    return hashlib.sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()


def ranking_key(query: SearchQuery, *, made_from: str) -> str:
    """Return the key of a query's ranking: the SHA-256, in hex, of everything on which the ranking depends.

    `made_from` names the model and the catalog version. All pages of a query have the same ranking, whatever
    their minimum similarity and their additional fields.
    """
    canonical = {
        "v": RANKING_VERSION,
        "made_from": made_from,
        "parts": sorted(_canonical_part(part, alone=len(query.parts) == 1) for part in query.parts),
        **canonical_filters(query.filters),
    }
    return hashlib.sha256(orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _canonical_part(part: Part, *, alone: bool) -> str:
    document = _part_document(part)
    if isinstance(part, TextPart):
        document["text"] = part.text.lower()
    if alone:
        document["weight"] = 1.0
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()


def _part_document(part: Part) -> dict[str, object]:
    match part:
        case TextPart(text, weight):
            return {"text": text, "weight": weight}
        case ImagePart(digest, weight):
            return {"image": digest, "weight": weight}
        case AlbumPart(album_id, weight):
            return {"album_id": album_id, "weight": weight}


def _part_from_document(document: dict[str, object]) -> Part:
    weight = float(document["weight"])  # type: ignore[arg-type]
    if "text" in document:
        return TextPart(str(document["text"]), weight)
    if "image" in document:
        return ImagePart(str(document["image"]), weight)
    return AlbumPart(str(document["album_id"]), weight)
