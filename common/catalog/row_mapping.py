"""Conversions between the catalog protocol's types and the arguments and rows of the SQL functions."""

import base64
import math
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from common.album_metadata import presentable_metadata
from common.catalog.errors import misconfigured
from common.catalog.protocol import (
    EMBEDDING_DIMENSION,
    Album,
    AlbumPage,
    CatalogStats,
    Embeddings,
    FoundAlbum,
    GenreCount,
    Match,
    MatchEmbeddings,
    Matches,
    ModelStamp,
    NamePosition,
)
from common.catalog.ranking import Ranking
from common.errors import InvalidParameter
from common.filters import Filters, filters_document
from common.thumbnails import Thumbnails

Row = Mapping[str, Any]


def vector_literal(embedding: npt.NDArray[np.float32]) -> str:
    """Return an embedding of shape (512,) in pgvector's text form, with as few digits as each number needs.

    Sending eight embeddings takes 107 ms as JSON strings and 139 ms as lists of numbers.

    Raises:
        CatalogMisconfigured: the shape is wrong.
        InvalidParameter: the embedding is zero or not finite.
    """
    check_embedding(embedding)
    return orjson.dumps(
        np.ascontiguousarray(embedding, dtype=np.float32), option=orjson.OPT_SERIALIZE_NUMPY
    ).decode()


def vector_bytes(embedding: npt.NDArray[np.float32]) -> bytes:
    """Return an embedding of shape (512,) in pgvector's binary form (`vector_recv` in pgvector's vector.c).

    Raises:
        CatalogMisconfigured: the shape is wrong.
        InvalidParameter: the embedding is zero or not finite.
    """
    check_embedding(embedding)
    return struct.pack(">hh", EMBEDDING_DIMENSION, 0) + embedding.astype(">f4").tobytes()


def check_embedding(embedding: npt.NDArray[np.float32]) -> None:
    """Raise an error if an embedding cannot be used in a search.

    Raises:
        CatalogMisconfigured: the shape is wrong.
        InvalidParameter: the embedding is zero or not finite.
    """
    if embedding.shape != (EMBEDDING_DIMENSION,):
        raise misconfigured("wrong_dimension", found=f"this embedding has the shape {embedding.shape}")
    if not 0 < float(np.linalg.norm(embedding)) < math.inf:
        raise InvalidParameter("an embedding must be finite and not zero", parameter="query")


def page_arguments(
    *,
    k: int,
    filters: Filters,
    offset: int,
    min_similarity: float | None,
    details: bool,
    known: Ranking | None = None,
) -> dict[str, object]:
    """Return the arguments of `versioned_search` that select a page, without those that have no effect."""
    arguments = {"match_count": k} | filter_arguments(filters)
    if offset:
        arguments["page_offset"] = offset
    if min_similarity is not None:
        arguments["min_similarity"] = min_similarity
    if details:
        arguments["with_details"] = True
    if known is not None:
        page = known.page(offset=offset, k=k, min_similarity=min_similarity)
        if page is None:
            arguments["nearest_ids"] = list(known.ids)
        else:
            arguments["page_ids"] = list(page)
    return arguments


def filter_arguments(filters: Filters) -> dict[str, object]:
    """Return the argument `filters` of the SQL functions, or no argument if there is no filter."""
    return {} if filters == Filters() else {"filters": filters_document(filters)}


def album_from_row(row: Row) -> Album:
    """Return the album in a row, in which any column can be NULL if another tool created the catalog."""
    score = row["pitchfork_score"]
    # Searches return the reviewer and the metadata only on request.
    metadata, omitted = presentable_metadata(row.get("metadata"))
    return Album(
        id=row["id"],
        artist=row["artist"] or "",
        album_name=row["album_name"] or "",
        genre=row["genre"],
        release_year=row["release_year"],
        pitchfork_score=None if score is None else float(score),
        best_new_music=bool(row["best_new_music"]),
        cover_url=row["cover_url"],
        # The SQL functions of older schemas return only one genre per album, and no thumbnails.
        genres=tuple(row.get("genres") or ()),
        thumbnails=thumbnails_from_document(row.get("thumbnails")),
        reviewer=row.get("reviewer"),
        metadata=metadata,
        metadata_omitted=omitted,
    )


def thumbnails_from_document(document: Mapping[str, str] | None) -> Thumbnails | None:
    """Read `{"256": SHA-256, "512": SHA-256}`, or None if there are no thumbnails."""
    return None if document is None else Thumbnails(px_256=document["256"], px_512=document["512"])


def match_from_row(row: Row) -> Match:
    # Because of rounding, the cosine can be slightly outside [-1, 1].
    return Match(album=album_from_row(row), similarity=max(-1.0, min(1.0, float(row["similarity"]))))


def matches_from_document(
    document: Mapping[str, Any], *, known_mean: npt.NDArray[np.float32] | None = None
) -> Matches:
    """Read the JSON document that the SQL function `versioned_search` returns.

    `known_mean` is the catalog's mean embedding, which is used if the document contains no sample of covers.

    Raises:
        CatalogMisconfigured: the schema is of an earlier release.
    """
    _require_release(document, field="ranking")
    return Matches(
        map(match_from_row, document["albums"]),
        exhausted=document["exhausted"],
        without_palette=document["without_palette"],
        version=document["version"],
        named=map(album_from_row, document.get("named") or ()),
        embeddings=_match_embeddings(document.get("embeddings"), known_mean),
        ranking=_ranking(document["ranking"]),
    )


def _ranking(document: Mapping[str, Any] | None) -> Ranking | None:
    if document is None:
        return None
    return Ranking(
        tuple(document["ids"]), tuple(map(int, document["similarities"])), complete=document["complete"]
    )


def _match_embeddings(
    document: Mapping[str, Any] | None, known_mean: npt.NDArray[np.float32] | None
) -> MatchEmbeddings | None:
    """Read the document of the SQL function `match_embeddings`."""
    if document is None or document["albums"] is None:
        return None
    albums = _half_vectors(document["albums"])
    albums /= np.linalg.norm(albums, axis=1, keepdims=True)
    sample, mean = document["sample"], known_mean
    if sample is not None:
        mean = _half_vectors(sample["total"])[0] / np.float32(sample["count"])
    if mean is None:
        raise misconfigured("rpc_missing", found="match_embeddings returned no sample of covers")
    return MatchEmbeddings(albums=albums, mean=mean)


def _half_vectors(encoded: str) -> npt.NDArray[np.float32]:
    """Return vectors of shape (n, 512) from pgvector's binary form (`halfvec_send`) in base64."""
    # Each vector begins with its dimension and an unused number, of two bytes each.
    rows = np.frombuffer(base64.b64decode(encoded), dtype=">f2").reshape(-1, 2 + EMBEDDING_DIMENSION)
    return rows[:, 2:].astype(np.float32)


def position_arguments(after: NamePosition) -> dict[str, object]:
    """Return the arguments of `find_albums` for the albums after a position."""
    return {f"after_{name}": value for name, value in asdict(after).items()}


def page_from_document(document: Mapping[str, Any]) -> AlbumPage:
    """Read `{"albums": […], "next": {"rank": …, "difference": …, "name": …, "id": …}}`."""
    last = document["next"]
    # In a list of all albums, only the id has a value.
    position = {name: value for name, value in (last or {}).items() if value is not None}
    return AlbumPage(
        tuple(FoundAlbum(album_from_row(row), row["match"]) for row in document["albums"]),
        NamePosition(**position) if last is not None else None,
    )


def stats_from_document(document: Row) -> CatalogStats:
    """Read the catalog's statistics.

    Raises:
        CatalogMisconfigured: the schema is of an earlier release.
    """
    _require_release(document, field="without_palette")

    def number(name: str) -> float | None:
        value = document[name]
        return None if value is None else float(value)

    return CatalogStats(
        total_albums=document["total_albums"],
        genres=tuple(GenreCount(g["genre"], g["count"]) for g in document["genres"]),
        year_min=document["year_min"],
        year_max=document["year_max"],
        score_average=number("score_average"),
        score_min=number("score_min"),
        score_max=number("score_max"),
        best_new_music_count=document["best_new_music_count"],
        without_palette=document["without_palette"],
    )


def _require_release(document: Mapping[str, Any], *, field: str) -> None:
    """Raise `CatalogMisconfigured` if a function's document lacks a field of the current release."""
    if field not in document:
        raise misconfigured("rpc_missing", found="the function is of an earlier release")


def stamp_from_document(document: Row) -> ModelStamp | None:
    if document["model"] is None:
        return None
    return ModelStamp(
        model=document["model"],
        fingerprint=document["fingerprint"],
        # A database that has not been migrated does not return the preprocessing version.
        preprocessing=document.get("preprocessing", 1),
    )


def embeddings_from_document(document: Mapping[str, Any]) -> Embeddings:
    """Read `{"version": …, "embeddings": {"id": "[0.1,…]"}}`; each embedding has shape (512,)."""
    literals = document["embeddings"].items()
    return Embeddings(
        {album_id: np.array(orjson.loads(literal), dtype=np.float32) for album_id, literal in literals},
        version=document["version"],
    )
