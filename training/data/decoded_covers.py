"""Decodes the covers of a table once into a file of pixels with shape (albums, size, size, 3).

    table ──► covers read by threads ──► decoded in processes of their own ──► covers-KEY.rgb
                        └────────────────────────┴──► rejected ──► covers-KEY.json, with the rows that are in

KEY is a hash of the table's rows, the cover files' sizes and modification times, and the decoded covers' size
in pixels. If KEY changes, all covers are decoded again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import orjson
from rich.console import Console

from catalog.ingest.album_source import AlbumSource
from catalog.ingest.columns.fields import Album
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.covers.protocol import READ_AHEAD
from catalog.ingest.embedding.local import DECODER_START_S
from catalog.ingest.embedding.protocol import CoverToEmbed
from catalog.ingest.pipeline_stages import in_order
from catalog.ingest.rejection import Rejected, RowFault
from catalog.progress_bar import progress_bar
from common.errors import DecoderBusy, DecoderDied, ImageError, SettingsError
from common.settings import Settings
from training.data.drawn_covers import Pixels
from worker.decode.preprocessing_version import PREPROCESSING_VERSION
from worker.decode.processes.pool import DecoderPool

_Decoded: TypeAlias = "tuple[Album, Pixels]"


@dataclass(frozen=True, slots=True)
class DecodedCovers:
    """The albums of a table, their decoded covers in the same order, and the rejected rows."""

    albums: list[Album]
    #: The covers' pixels as a memory-mapped uint8 array of shape (n, size, size, 3).
    pixels: Pixels
    rejected: list[Rejected]
    #: A hash that changes when any row or cover changes.
    key: str


@dataclass(frozen=True, slots=True)
class DecodedCoverStore:
    """Decodes the covers of a table, or reads the pixels from the file of an earlier call."""

    settings: Settings
    console: Console
    folder: Path
    size_px: int

    def load(self, source: AlbumSource, *, wanted: Callable[[Album], bool] = lambda _: True) -> DecodedCovers:
        """Return those wanted albums whose covers can be decoded, and the rejected rows.

        Raises:
            SettingsError: no wanted album has a cover that can be decoded.
        """
        rows = list(source.albums())
        albums = [row for row in rows if isinstance(row, Album) and wanted(row)]
        unread = [row for row in rows if isinstance(row, Rejected)]
        if emptied := sum(len(album.notes) for album in albums):
            self.console.print(f"{emptied} bad cells count as empty; --strict leaves their rows out")
        key = self._key(source, albums)
        listing, raw = self.folder / f"covers-{key[:16]}.json", self.folder / f"covers-{key[:16]}.rgb"
        if not listing.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(listing, self._decode_all(source, albums, raw))
        found = orjson.loads(listing.read_bytes())
        if not found["rows"]:
            raise SettingsError(
                f"{source.table.path}: no album that is asked for has a cover that can be taken"
            )
        taken = set(found["rows"])
        rejected = [*unread, *(Rejected(**entry) for entry in found["rejected"])]
        return DecodedCovers(
            albums=[album for album in albums if album.row in taken],
            pixels=np.memmap(raw, np.uint8, "r", shape=(len(taken), self.size_px, self.size_px, 3)),
            rejected=sorted(rejected, key=lambda left_out: left_out.row),
            key=key,
        )

    def _decode_all(self, source: AlbumSource, albums: list[Album], raw: Path) -> dict[str, object]:
        taken, rejected = [], []
        unfinished = raw.with_suffix(".part")
        bar_shown = progress_bar(self.console, "decoding covers", total=len(albums))
        with unfinished.open("wb") as file, bar_shown as bar:
            for done in self._decoded(source, albums):
                if isinstance(done, Rejected):
                    rejected.append(asdict(done))
                else:
                    taken.append(done[0].row)
                    file.write(done[1].tobytes())
                bar.advance(1)
        unfinished.replace(raw)
        return {"rows": taken, "rejected": rejected}

    def _decoded(self, source: AlbumSource, albums: list[Album]) -> Iterator[_Decoded | Rejected]:
        processes, timeout_s = os.cpu_count() or 1, self.settings.decode_timeout_s

        def load(album: Album) -> CoverToEmbed[Album] | Rejected:
            try:
                place = source.covers.find(album.fields.id, album.cover).source
                return CoverToEmbed(album.row, album.fields.id, source.covers.read(place), album)
            except RowFault as fault:
                return Rejected(album.row, album.fields.id, fault.reason, fault.detail)

        def decode(cover: CoverToEmbed[Album]) -> _Decoded | Rejected:
            try:
                return cover.payload, decoders.decode(
                    cover.content, timeout_s=DECODER_START_S + 2 * timeout_s
                )
            except (ImageError, DecoderDied, DecoderBusy) as error:
                return cover.rejected(RowFault(error.code, error.detail))

        with (
            DecoderPool(
                size_px=self.size_px,
                max_pixels=self.settings.max_image_pixels,
                processes=processes,
                timeout_s=timeout_s,
            ) as decoders,
            ThreadPoolExecutor(source.covers.readers) as reading,
            ThreadPoolExecutor(processes) as decoding,
        ):
            loaded = in_order(reading, load, albums, ahead=READ_AHEAD)
            yield from in_order(decoding, decode, loaded, ahead=READ_AHEAD)

    def _key(self, source: AlbumSource, albums: list[Album]) -> str:
        whole = hashlib.sha256(f"{self.size_px} {PREPROCESSING_VERSION}".encode())
        for album in albums:
            row = [album.row, album.fields.model_dump(), album.metadata, _cover_version(source, album)]
            whole.update(orjson.dumps(row, option=orjson.OPT_SORT_KEYS))
        return whole.hexdigest()


def _cover_version(source: AlbumSource, album: Album) -> list[object]:
    """Return the location of a cover, and for a file also its size and its modification time."""
    try:
        place = source.covers.find(album.fields.id, album.cover).source
        if not isinstance(source.covers, CoverFolder):
            return [place]
        found = (source.covers.folder / place).stat()
    except RowFault as fault:
        return [fault.reason]
    except (OSError, ValueError):
        return ["missing"]
    return [place, found.st_size, found.st_mtime_ns]


def _write(path: Path, document: dict[str, object]) -> None:
    unfinished = path.with_suffix(".json.part")
    unfinished.write_bytes(orjson.dumps(document))
    unfinished.replace(path)
