"""The search query: its parts, its canonical form, and the key it hashes to.

Everything a client can ask is one `SearchQuery`; text and image search are its one-part cases.
The canonical form with the model's fingerprint and the catalog's version hashes to the *query
key*: the cache is keyed by it and identical queries in flight join by it.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import orjson

from common.errors import InvalidParameter
from common.genres import genre_key

#: Raised whenever the canonical form or the encoding of a query changes its meaning.
QUERY_VERSION = 1
#: Raised whenever a result has more fields, or finds other albums: cached ones of before are not shown.
RESULT_VERSION = 3

K_MIN, K_MAX, K_DEFAULT = 1, 50, 10
TEXT_MAX_CHARS = 500
#: What an index of PostgreSQL takes, with room for four bytes a character.
ALBUM_ID_MAX_CHARS = 500
PARTS_MAX = 8
YEAR_MIN, YEAR_MAX = 1000, 9999

QueryType: TypeAlias = Literal["text", "image", "album", "composed"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words that describe a cover; a negative weight steers away from them."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An uploaded image, named by the SHA-256 of its bytes in hex."""

    digest: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AlbumPart:
    """An album of the catalog, standing for the embedding of its cover."""

    album_id: str
    weight: float = 1.0


Part: TypeAlias = TextPart | ImagePart | AlbumPart


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions every result meets; bounds are inclusive, several genres mean any of them."""

    genres: tuple[str, ...] = ()
    year_min: int | None = None
    year_max: int | None = None
    min_score: float | None = None
    best_new_music: bool = False

    def __post_init__(self) -> None:
        """Reject a range that nothing can lie in."""
        if self.year_min is not None and self.year_max is not None and self.year_min > self.year_max:
            raise InvalidParameter(
                f"year_min {self.year_min} is after year_max {self.year_max}", parameter="year_min"
            )


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One search: up to eight weighted parts, the filters, and how many results."""

    parts: tuple[Part, ...]
    filters: Filters = field(default_factory=Filters)
    k: int = K_DEFAULT

    def __post_init__(self) -> None:
        """Reject a query that has no answer."""
        if not K_MIN <= self.k <= K_MAX:
            raise InvalidParameter(f"k must lie in {K_MIN}..{K_MAX}, not {self.k}", parameter="k")
        if not 1 <= len(self.parts) <= PARTS_MAX:
            raise InvalidParameter(f"a query has 1 to {PARTS_MAX} parts", parameter="parts")
        if not any(part.weight > 0 for part in self.parts):
            raise InvalidParameter("at least one part needs a positive weight", parameter="parts")

    @property
    def type(self) -> QueryType:
        """What the result calls this query."""
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
    def image_digests(self) -> tuple[str, ...]:
        """The images the worker must decode, each once."""
        return tuple(dict.fromkeys(p.digest for p in self.parts if isinstance(p, ImagePart)))

    @property
    def album_ids(self) -> tuple[str, ...]:
        """The albums the query names; they are never among its own results."""
        return tuple(dict.fromkeys(p.album_id for p in self.parts if isinstance(p, AlbumPart)))


def clean_text(raw: str) -> str:
    """Return `raw` in NFC with control characters and runs of white space made one space.

    Raises:
        InvalidParameter: nothing is left, or more than 500 characters are.
    """
    spaced = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in raw)
    text = " ".join(unicodedata.normalize("NFC", spaced).split())
    if not text:
        raise InvalidParameter("the query is empty: describe a cover in a few words", parameter="query")
    if len(text) > TEXT_MAX_CHARS:
        raise InvalidParameter(
            f"the query has {len(text)} characters; {TEXT_MAX_CHARS} are allowed", parameter="query"
        )
    return text


def image_digest(data: bytes) -> str:
    """Return the SHA-256 of an image's bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def query_to_json(query: SearchQuery) -> bytes:
    """Return the wire form of a query: versioned JSON, read back by `query_from_json`."""
    return orjson.dumps({"v": QUERY_VERSION, **query_document(query)}, option=orjson.OPT_SORT_KEYS)


def query_document(query: SearchQuery) -> dict[str, object]:
    """Return the query as plain JSON values, as a job shows it."""
    f = query.filters
    return {
        "type": query.type,
        "parts": [_part_document(part) for part in query.parts],
        "k": query.k,
        "genre": list(f.genres),
        "year_min": f.year_min,
        "year_max": f.year_max,
        "min_score": f.min_score,
        "best_new_music": f.best_new_music,
    }


def query_from_json(data: bytes) -> SearchQuery:
    """Read the wire form.

    Raises:
        ValueError: the bytes are not a query of this version.
    """
    document = orjson.loads(data)
    if not isinstance(document, dict) or document.get("v") != QUERY_VERSION:
        raise ValueError(f"not a query of version {QUERY_VERSION}")
    try:
        return SearchQuery(
            parts=tuple(_part_from_document(part) for part in document["parts"]),
            filters=Filters(
                genres=tuple(document["genre"]),
                year_min=document["year_min"],
                year_max=document["year_max"],
                min_score=document["min_score"],
                best_new_music=document["best_new_music"],
            ),
            k=document["k"],
        )
    except (KeyError, TypeError, InvalidParameter) as error:
        raise ValueError(f"not a query of version {QUERY_VERSION}: {error}") from error


def query_key(query: SearchQuery, *, model: str, catalog_version: str) -> str:
    """Return the SHA-256, in hex, of what decides the answer and of nothing else.

    Neither the case of a text (CLIP lower-cases it), nor the spelling of a genre, nor the order of parts
    and genres, nor the weight of a single part changes the answer.
    """
    parts = sorted(_canonical_part(part, alone=len(query.parts) == 1) for part in query.parts)
    canonical = {
        **query_document(query),
        "v": QUERY_VERSION,
        "result": RESULT_VERSION,
        "model": model,
        "catalog": catalog_version,
        "parts": parts,
        "genre": sorted({genre_key(name) for name in query.filters.genres}),
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
