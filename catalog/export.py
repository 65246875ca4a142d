"""Writes albums to a CSV, JSON Lines or Parquet file with the columns that `catalog ingest` reads."""

import base64
import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from catalog.ingest.columns.fields import FIELDS, GENRE
from catalog.ingest.columns.genres import GenreSplitter
from common.album_metadata import NO_METADATA
from common.errors import SettingsError
from common.prints import pack_print

_ROW_GROUP = 1000


#: The column of palettes, which an ingest ignores, because it computes them. It is not called `palette`,
#: because an operator's table may have a column of that name.
PALETTE = "cover_palette"
#: The column of prints, which an ingest ignores, too. A print is one string of bytes
#: (common/prints.py), which only Parquet can contain unchanged; the other formats contain it in base64.
PRINT = "cover_print"


def export(
    albums: Iterable[dict[str, Any]],
    path: Path,
    *,
    embeddings: bool,
    palettes: bool = False,
    prints: bool = False,
) -> None:
    """Write the albums to a file, which gets its name only when it is complete.

    The albums are rows of the SQL function `album_page`, whose metadata is JSON text. If `prints` is true,
    each row has the album's `Print` or None under the key `print`.

    Raises:
        SettingsError: the file name has no supported suffix.
        OSError: the file cannot be written; the incomplete file is deleted.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise SettingsError(f"{path}: an export ends in {', '.join(sorted(_WRITERS))}")
    unfinished = path.with_name(f".{path.name}.part")
    further = {"embedding": embeddings, PALETTE: palettes, PRINT: prints}
    columns = (*FIELDS, *(name for name, is_wanted in further.items() if is_wanted))
    try:
        writer((_cells(album, columns) for album in albums), unfinished, columns)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _cells(album: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    score = album["pitchfork_score"]
    own = {
        "cover": album["cover_source"],
        "pitchfork_score": None if score is None else float(score),
        GENRE: _genre_cell(album),
        PALETTE: album["palette"],
        PRINT: None if album.get("print") is None else pack_print(album["print"]),
    }
    whole = album | own
    return {column: whole[column] for column in columns}


def _genre_cell(album: dict[str, Any]) -> str | list[str] | None:
    """Return a single genre as text, or a list of genres if `catalog ingest` would split the text."""
    genre, genres = album["genre"], list(album["genres"] or ())
    # Rows of an older schema have no value in `genres`.
    genres = genres or ([] if genre is None else [genre])
    plain = len(genres) == 1 and GenreSplitter().read(genres[0]) == (genres[0],)
    return genres[0] if plain else genres or None


def _write_csv(albums: Iterator[dict[str, Any]], path: Path, columns: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(_with_text_of_print(_flat(album)) for album in albums)


def _write_json(albums: Iterator[dict[str, Any]], path: Path, _columns: tuple[str, ...]) -> None:
    with path.open("wb") as file:
        for album in albums:
            vector = {"embedding": orjson.loads(album["embedding"] or "null")} if "embedding" in album else {}
            metadata = {"metadata": orjson.Fragment(album["metadata"] or "null")}
            file.write(orjson.dumps(_with_text_of_print(album) | metadata | vector) + b"\n")


def _write_parquet(albums: Iterator[dict[str, Any]], path: Path, columns: tuple[str, ...]) -> None:
    # pyarrow is imported only for Parquet, because it takes 150 MB of memory.
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise SettingsError("Parquet needs pyarrow: pip install -r requirements/catalog.txt") from error
    kinds = {
        "release_year": pa.int32(),
        "pitchfork_score": pa.float64(),
        "best_new_music": pa.bool_(),
        "embedding": pa.list_(pa.float32()),
        PRINT: pa.binary(),
    }
    schema = pa.schema([(column, kinds.get(column, pa.string())) for column in columns])
    with parquet.ParquetWriter(path, schema) as file:
        while rows := [_parquet_cells(album) for album in islice(albums, _ROW_GROUP)]:
            file.write_table(pa.Table.from_pylist(rows, schema=schema))


def _parquet_cells(album: dict[str, Any]) -> dict[str, Any]:
    vector = {"embedding": orjson.loads(album["embedding"] or "null")} if "embedding" in album else {}
    return _flat(album) | vector


def _flat(album: dict[str, Any]) -> dict[str, Any]:
    """Return an album with its lists and objects encoded as JSON text."""
    genre = album[GENRE]
    genre = orjson.dumps(genre).decode() if isinstance(genre, list) else genre
    flat = album | {GENRE: genre, "metadata": album["metadata"] or NO_METADATA}
    if flat.get(PALETTE) is not None:
        flat[PALETTE] = orjson.dumps(flat[PALETTE]).decode()
    return flat


def _with_text_of_print(album: dict[str, Any]) -> dict[str, Any]:
    """Return an album with its print, if it has one, in base64."""
    packed = album.get(PRINT)
    return album if packed is None else album | {PRINT: base64.b64encode(packed).decode()}


_WRITERS: dict[str, Callable[[Iterator[dict[str, Any]], Path, tuple[str, ...]], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json,
    ".parquet": _write_parquet,
}
