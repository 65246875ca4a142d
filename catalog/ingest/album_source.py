"""The source of an ingest: a table, its column mapping and its covers, and their command-line arguments."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.ingest.columns.fields import COVER, GENRE, Album
from catalog.ingest.columns.genres import genre_splitter, parse_genre_list
from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.covers.fetch.command_line_options import add_fetching_arguments, open_fetcher
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.covers.protocol import Covers
from catalog.ingest.covers.urls import CoverUrls
from catalog.ingest.rejection import Rejected, RowFault
from catalog.ingest.tables.table import ENDINGS, PACKED, Table, open_table
from common.errors import SettingsError
from common.settings import Settings


@dataclass(frozen=True, slots=True)
class AlbumSource:
    """A table of albums with its column mapping and its covers."""

    table: Table
    columns: ColumnMap
    covers: Covers

    def albums(self) -> Iterator[Album | Rejected]:
        """Yield an album or a rejection for every row."""
        seen: dict[str, int] = {}
        for row in self.table.rows():
            try:
                album = self.columns.read(row)
                _require_new(album, seen)
            except RowFault as fault:
                yield Rejected(row.number, self.columns.raw_id(row), fault.reason, fault.detail)
            else:
                yield album


def add_source_arguments(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the arguments for a table, its covers and its columns; with `optional` no argument is required."""
    add = parser.add_argument
    add(
        "table",
        type=Path,
        nargs="?" if optional else None,
        metavar="ALBUMS",
        help=f"a file that ends in {ENDINGS}",
    )
    add(
        "--covers",
        required=not optional,
        metavar="DIR_OR_COLUMN",
        help="the folder of the covers, or the column of their URLs",
    )
    add(
        "--map",
        action="append",
        default=[],
        type=_pair,
        metavar="FIELD=COLUMN",
        help="read a field from a column of another name; may be repeated",
    )
    add("--strict", action="store_true", help="reject a row with an invalid cell, even in an optional column")
    add("--encoding", help="encoding of the table, if the file does not declare it (default: UTF-8)")
    add(
        "--genres",
        metavar="FILE|LIST",
        help="genres whose names contain a slash or a comma, as a list ('Folk/Country,Pop/R&B') or in a "
        "file with one genre a line",
    )
    add("--report", type=Path, help="file for rejected rows, .csv or .jsonl (default: ALBUMS-rejected.csv)")
    add_fetching_arguments(parser)


def open_album_source(
    options: argparse.Namespace, settings: Settings, *, recheck: bool = False
) -> AlbumSource:
    """Open the table and the covers; with `recheck`, ask hosts whether covers fetched earlier have changed.

    Raises:
        SettingsError: the table, a column or the covers do not exist.
    """
    table = open_table(options.table, encoding=options.encoding)
    given = dict(options.map)
    if Path(options.covers).is_dir():
        covers = CoverFolder(Path(options.covers), settings.max_image_bytes)
        return AlbumSource(table, _columns(table, given, options), covers)
    if options.covers in table.columns:
        columns = _columns(table, _with_cover(given, options.covers), options)
        return AlbumSource(table, columns, CoverUrls(open_fetcher(options, settings), recheck=recheck))
    raise SettingsError(
        f"--covers {options.covers}: neither a folder nor a column; there are {', '.join(table.columns)}"
    )


def report_path(options: argparse.Namespace) -> Path:
    """Return the path of the report of rejected rows."""
    path: Path = options.report or Path(f"{_name(options.table)}-rejected.csv")
    return path


def notes_path(options: argparse.Namespace) -> Path:
    """Return the path of the file of notes, which is in the same folder as the report."""
    report = report_path(options)
    return report.with_name(f"{report.stem.removesuffix('-rejected')}-notes{report.suffix}")


def require_other_files(options: argparse.Namespace) -> None:
    """Check that the report and the notes do not replace the table.

    Raises:
        SettingsError: the table is the file of the report or of the notes.
    """
    for path in (report_path(options), notes_path(options)):
        if path.exists() and path.samefile(options.table):
            raise SettingsError(f"--report: {path} is the table itself; name another file")


def _name(table: Path) -> str:
    """Return a table's file name without its suffixes, such as `albums` for `albums.csv.gz`."""
    return Path(table.stem).stem if table.suffix.lower() == PACKED else table.stem


def _with_cover(given: Mapping[str, str], column: str) -> dict[str, str]:
    return {COVER: column, **given}


def _columns(table: Table, given: Mapping[str, str], options: argparse.Namespace) -> ColumnMap:
    """Map the columns; decide from --genres and all rows whether a name such as A/B is one genre or two."""
    columns = ColumnMap.of(table.columns, given, strict=options.strict)
    column = columns.columns.get(GENRE)
    if column is None:
        return columns
    listed = parse_genre_list(options.genres) if options.genres else ()
    cells = (row.cells.get(column) for row in table.rows() if not isinstance(row.cells, RowFault))
    return replace(columns, genres=genre_splitter(cells, listed=listed))


def _pair(value: str) -> tuple[str, str]:
    field, separator, column = value.partition("=")
    if not (field and separator and column):
        raise argparse.ArgumentTypeError(f"FIELD=COLUMN, not {value!r}")
    return field, column


def _require_new(album: Album, seen: dict[str, int]) -> None:
    first = seen.setdefault(album.fields.id, album.row)
    if first != album.row:
        raise RowFault("duplicate_id", f"row {first} has the same id")
