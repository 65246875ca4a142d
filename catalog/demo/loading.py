"""Loads the demo catalog into a database: draws the covers, embeds them, and writes rows and thumbnails.

Nothing is loaded if the catalog already has the requested number of albums, their covers and palettes, their
thumbnails if THUMBNAIL_DIR is set, and embeddings of the configured model. If loading is killed, the next
start draws only the missing covers. If the catalog contains albums that do not belong to the demo, nothing is
loaded or deleted.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psycopg

from catalog.database.migrations import apply_migrations
from catalog.demo.albums import DEMO_ID_PATTERN, DemoAlbum, demo_albums
from catalog.demo.catalog_rows import album_row
from catalog.demo.drawing.cover import cover_jpeg
from catalog.ingest.covers.cover_hash import cover_sha256
from catalog.ingest.thumbnail_storage import ThumbnailStorage, open_thumbnail_storage
from catalog.model_stamp import read_stamp, write_stamp
from catalog.writer.album_row import upsert_albums
from catalog.writer.paged_reads import all_thumbnails
from catalog.writer.postgres import PostgresWriter
from catalog.writer.protocol import CoverOfAlbum, cover_of
from common.catalog.postgres_connections import open_connection
from common.catalog.protocol import ModelStamp
from common.colours.palette import Palette
from common.errors import CoverSearchError
from common.processes.child_processes import end_with_parent, sigint_blocked_in_children
from common.regular_files import read_regular_file
from common.settings import Settings
from worker.decode.image import decode_cover
from worker.decode.palette_extraction import palette_of
from worker.decode.preprocessing_version import PREPROCESSING_VERSION
from worker.encoder.load_encoder import load_encoder
from worker.encoder.model_files import find_model
from worker.encoder.protocol import Encoder, Pixels

COVER_SIZE_PX = 480
CHUNK = 50


class OtherAlbumsPresent(CoverSearchError):
    """The catalog contains `albums` albums that do not belong to the demo."""

    code = "other_albums_present"

    def __init__(self, albums: int) -> None:
        super().__init__(
            f"the catalog contains {albums} album(s) that do not belong to the demo, so the demo was not "
            "loaded and nothing was deleted: load the demo into another database, or delete these albums "
            "with `catalog delete` first"
        )
        self.albums = albums


@dataclass(frozen=True, slots=True)
class PreparedCover:
    """The file hash, the pixels, the palette and the thumbnails of a drawn cover."""

    #: The SHA-256 of the file, in hex.
    hash: str
    #: The pixels for the encoder, shape (size_px, size_px, 3).
    pixels: Pixels
    palette: Palette
    #: WebP files, the smallest first; empty if no thumbnails were wanted.
    thumbnails: tuple[bytes, ...]


def load_demo(
    database_url: str, *, count: int, covers: Path, settings: Settings, advance: Callable[[int], None]
) -> bool:
    """Load `count` demo albums, embedded by the model in the settings; return whether albums were written.

    `advance` is called with the number of albums that were just loaded.

    Raises:
        OtherAlbumsPresent: the catalog contains albums that do not belong to the demo.
        ModelUnavailable: the model cannot be loaded.
    """
    apply_migrations(database_url)
    fingerprint = find_model(settings.clip_model).fingerprint
    storage = open_thumbnail_storage(settings)
    with open_connection(database_url) as connection, closing(PostgresWriter(database_url)) as writer:
        _check_for_other_albums(connection)
        if _is_loaded(connection, count=count, fingerprint=fingerprint, covers=covers) and (
            storage is None or _has_thumbnails(writer, storage)
        ):
            return False
        covers.mkdir(parents=True, exist_ok=True)
        encoder = load_encoder(
            settings.clip_model,
            kind=settings.encoder,
            device=settings.device,
            precision=settings.catalog_precision,
            cuda_graphs=settings.cuda_graphs == "on",
            cache_dir=settings.model_cache_dir.expanduser(),
        )
        try:
            _load(
                connection,
                demo_albums(count),
                covers=covers,
                encoder=encoder,
                put_thumbnails=None if storage is None else partial(storage.put, writer),
                advance=advance,
            )
        finally:
            encoder.close()
    return True


def _check_for_other_albums(connection: psycopg.Connection) -> None:
    query = "SELECT count(*) FROM album_covers WHERE id !~ %s"
    row = connection.execute(query, (DEMO_ID_PATTERN,)).fetchone()
    if row is not None and row[0]:
        raise OtherAlbumsPresent(row[0])


def _is_loaded(connection: psycopg.Connection, *, count: int, fingerprint: str, covers: Path) -> bool:
    stamp = read_stamp(connection)
    row = connection.execute("SELECT count(*), count(palette) FROM album_covers").fetchone()
    drawn = sum(1 for _ in covers.glob("*.jpg")) if covers.is_dir() else 0
    return (
        stamp is not None
        and (stamp.fingerprint, stamp.preprocessing) == (fingerprint, PREPROCESSING_VERSION)
        and row == (count, count)
        and drawn >= count
    )


def _has_thumbnails(writer: PostgresWriter, storage: ThumbnailStorage) -> bool:
    return all(
        album.thumbnails is not None and all(map(storage.folder.exists, album.thumbnails.digests()))
        for album in all_thumbnails(writer)
    )


def _load(
    connection: psycopg.Connection,
    albums: Sequence[DemoAlbum],
    *,
    covers: Path,
    encoder: Encoder,
    put_thumbnails: Callable[[Sequence[tuple[CoverOfAlbum, Sequence[bytes]]]], None] | None,
    advance: Callable[[int], None],
) -> None:
    # All albums are written in one transaction, so that no reader sees embeddings of two models.
    # Albums that another program wrote since the check for other albums are kept.
    connection.execute("DELETE FROM album_covers WHERE id ~ %s", (DEMO_ID_PATTERN,))
    prepare = partial(
        prepare_cover,
        covers=covers,
        size_px=encoder.input_size_px,
        with_thumbnails=put_thumbnails is not None,
    )
    # The child processes are spawned and not forked, because this process has threads.
    context = multiprocessing.get_context("spawn")
    drawing = ProcessPoolExecutor(
        os.cpu_count(), mp_context=context, initializer=end_with_parent, initargs=(os.getpid(),)
    )
    with drawing as processes:
        for chunk in _chunks(albums):
            # SIGINT is blocked while tasks are submitted, because the pool starts its processes at the first
            # task.
            with sigint_blocked_in_children():
                prepared = processes.map(prepare, chunk, chunksize=5)
            drawn = list(prepared)
            embeddings = encoder.encode_images(np.stack([cover.pixels for cover in drawn]))
            rows = [
                album_row(album, embedding, cover_hash=cover.hash, palette=cover.palette)
                for album, embedding, cover in zip(chunk, embeddings, drawn, strict=True)
            ]
            if put_thumbnails is not None:
                made = [(cover_of(row), cover.thumbnails) for row, cover in zip(rows, drawn, strict=True)]
                put_thumbnails(made)
            upsert_albums(connection, rows)
            advance(len(chunk))
    write_stamp(connection, ModelStamp(encoder.model_name, encoder.model_fingerprint, PREPROCESSING_VERSION))
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM (ANALYZE) album_covers")


def prepare_cover(
    album: DemoAlbum, *, covers: Path, size_px: int, with_thumbnails: bool = False
) -> PreparedCover:
    """Draw a cover unless its file exists, and decode it."""
    file = covers / f"{album.id}.jpg"
    if not file.exists():
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(cover_jpeg(album, size_px=COVER_SIZE_PX))
        unfinished.replace(file)
    content = read_regular_file(file)
    cover = decode_cover(
        content, size_px=size_px, max_pixels=COVER_SIZE_PX**2, with_thumbnails=with_thumbnails
    )
    pixels = np.asarray(cover.square, dtype=np.uint8)
    return PreparedCover(cover_sha256(content), pixels, palette_of(pixels), cover.thumbnails)


def _chunks(albums: Sequence[DemoAlbum]) -> Iterator[Sequence[DemoAlbum]]:
    for start in range(0, len(albums), CHUNK):
        yield albums[start : start + CHUNK]
