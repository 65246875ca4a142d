"""Converts demo albums to rows of the catalog, and writes them as a table that `catalog ingest` reads."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from catalog.demo.albums import DemoAlbum
from catalog.export import export
from catalog.writer.album_row import AlbumRow, palette_columns
from common.colours.palette import Palette

_NO_EMBEDDING = np.empty(0, dtype=np.float32)


def album_row(
    album: DemoAlbum,
    embedding: npt.NDArray[np.float32],
    *,
    cover_hash: str | None = None,
    palette: Palette | None = None,
) -> AlbumRow:
    """Return an album as a row of the catalog; the embedding has shape (512,)."""
    return AlbumRow(
        id=album.id,
        embedding=embedding,
        artist=album.artist,
        album_name=album.album_name,
        genres=album.genres,
        release_year=album.release_year,
        pitchfork_score=album.pitchfork_score,
        best_new_music=album.best_new_music,
        cover_url=f"/covers/{album.id}.jpg",
        cover_source=f"{album.id}.jpg",
        cover_hash=cover_hash,
        reviewer=album.reviewer,
        metadata={"caption": album.caption, "look": asdict(album.look)},
        **palette_columns(palette),
    )


def write_table(albums: Sequence[DemoAlbum], path: Path) -> None:
    """Write the albums in the format of `catalog export`, without a database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    export((_exported(album_row(album, _NO_EMBEDDING)) for album in albums), path, embeddings=False)


def _exported(row: AlbumRow) -> dict[str, Any]:
    """Return a row as the catalog returns it for an export, with the metadata as JSON text."""
    return asdict(row) | {"metadata": orjson.dumps(row.metadata).decode()}
