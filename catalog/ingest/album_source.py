"""The source of an ingest: a table, its column mapping and its covers, and their command-line arguments.

Without --covers, the covers are fetched: from the URLs in a column, or from the Cover Art Archive by the ids
of releases in a column.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.ingest.columns.fields import COVER, FIELDS, GENRE, Album
from catalog.ingest.columns.genres import genre_splitter, parse_genre_list
from catalog.ingest.columns.mapping import ColumnMap, require_known
from catalog.ingest.columns.presets import PRESETS
from catalog.ingest.columns.recognition import Recognised, recognise
from catalog.ingest.columns.storable_json import printable
from catalog.ingest.covers.fetch.command_line_options import add_fetching_arguments, open_fetcher
from catalog.ingest.covers.folder import CoverFolder
from catalog.ingest.covers.protocol import Covers
from catalog.ingest.covers.releases.locations import is_release_location, release_location
from catalog.ingest.covers.releases.opening import open_release_covers
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
    #: The result of the recognition of columns; None if no columns were recognised.
    recognised: Recognised | None = None
    #: Whether --covers was not given, so that covers are found by the values of each row.
    finds_covers: bool = False

    def albums(self) -> Iterator[Album | Rejected]:
        """Yield an album or a rejection for every row."""
        seen: dict[str, int] = {}
        for row in self.table.rows():
            try:
                album = self.columns.read(row)
                self._require_new(album, seen)
            except RowFault as fault:
                yield Rejected(row.number, self.columns.raw_id(row), fault.reason, fault.detail)
            else:
                yield self._with_location(album)

    @property
    def cover_url_template(self) -> str | None:
        """The default of --cover-url: without --covers, clients get the URLs of the fetched covers."""
        return "{file}" if self.finds_covers else None

    def mapping(self) -> list[str]:
        """Return lines that name the column of each field, and say why other columns were not used."""
        columns, found = self.columns.columns, self.recognised
        others, beginnings = self.columns.alternatives, self.columns.beginnings
        mapped = (
            f"{name} = {f'{printable(beginnings[name])} and ' if name in beginnings else ''}"
            f"{' or '.join(map(printable, (columns[name], *others.get(name, ()))))}"
            for name in FIELDS
            if name in columns
        )
        lines = [f"fields: {', '.join(mapped)}"]
        if found is not None and found.preset is not None:
            lines.insert(0, f"recognised as a {found.preset.table} (--preset {found.preset.name})")
        if self.finds_covers and found is not None and found.columns_of_releases:
            ids = ", ".join(map(printable, found.columns_of_releases))
            lines.append(f"covers are fetched from the Cover Art Archive, by the ids in {ids}")
        return [*lines, *(() if found is None else found.remarks)]

    def _with_location(self, album: Album) -> Album:
        """Return the album with the URL of its cover or, if it has no URL, with the ids of its release."""
        if not self.finds_covers:
            return album
        # A cell must not look like the ids of a release, because only `release_location` writes them.
        urls = (
            cover
            for cover in (album.cover, album.fields.cover_url)
            if cover is not None and "://" in cover and not is_release_location(cover)
        )
        return replace(album, cover=next(urls, None) or self._release_location(album))

    def _release_location(self, album: Album) -> str | None:
        # Without a column of ids, the covers cannot come from the Cover Art Archive, even if a JSON object in
        # the column of metadata has ids.
        has_ids = self.recognised is not None and self.recognised.columns_of_releases
        return release_location(album.metadata) if has_ids else None

    def _require_new(self, album: Album, seen: dict[str, int]) -> None:
        first = seen.setdefault(album.fields.id, album.row)
        if first != album.row:
            same = "id" if "id" in self.columns.columns else "artist and title"
            raise RowFault("duplicate_id", f"row {first} has the same {same}")


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
        help="the folder of the covers, or the column of their URLs"
        + (" (default: a column of URLs, or of ids of releases, that is recognised)" if optional else ""),
    )
    add(
        "--map",
        action="append",
        default=[],
        type=_pair,
        metavar="FIELD=COLUMN",
        help="read a field from a column that is not recognised, or with FIELD= from none; may be repeated",
    )
    add("--preset", choices=tuple(PRESETS), help="read the columns of a well-known table by a fixed mapping")
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
    options: argparse.Namespace, settings: Settings, *, recheck: bool = False, dry_run: bool = False
) -> AlbumSource:
    """Open the table and the covers; with `recheck`, ask hosts whether covers fetched earlier have changed.

    With `dry_run`, FETCH_CONTACT is not required, and covers of releases are not looked up.

    Raises:
        SettingsError: the table, a column or the covers do not exist.
    """
    table = open_table(options.table, encoding=options.encoding)
    given = dict(options.map)
    require_known(table.columns, given)
    if options.covers is None:
        found = recognise(table, given, preset=options.preset, cover_urls=True)
        columns = _columns(table, found, options)
        covers = _open_found_covers(options, settings, found, recheck=recheck, dry_run=dry_run)
        return AlbumSource(table, columns, covers, found, finds_covers=True)
    if Path(options.covers).is_dir():
        found = recognise(table, given, preset=options.preset, cover_urls=False)
        folder = CoverFolder(Path(options.covers), settings.max_image_bytes)
        return AlbumSource(table, _columns(table, found, options), folder, found)
    if options.covers in table.columns:
        given = {COVER: options.covers, **given}
        found = recognise(table, given, preset=options.preset, cover_urls=True)
        urls = CoverUrls(open_fetcher(options, settings), recheck=recheck)
        return AlbumSource(table, _columns(table, found, options), urls, found)
    raise SettingsError(
        f"--covers {options.covers}: neither a folder nor a column; there are {', '.join(table.columns)}"
    )


def _open_found_covers(
    options: argparse.Namespace, settings: Settings, found: Recognised, *, recheck: bool, dry_run: bool
) -> Covers:
    """Open the covers of a table without --covers.

    Raises:
        SettingsError: no column has covers or ids of releases, or a setting is missing.
    """
    if not (found.has_cover_urls or found.columns_of_releases):
        raise SettingsError(
            "no column of the table has the URLs of covers, or ids of releases in MusicBrainz or Discogs: "
            "name the folder of the covers, or their column, with --covers"
        )
    if found.columns_of_releases and not dry_run:
        return open_release_covers(options, settings, recheck=recheck)
    return CoverUrls(open_fetcher(options, settings), recheck=recheck)


def report_path(options: argparse.Namespace) -> Path:
    """Return the path of the report of rejected rows."""
    path: Path = options.report or Path(f"{_name(options.table)}-rejected.csv")
    return path


def notes_path(report: Path) -> Path:
    """Return the path of the file of notes, which is in the same folder as the report."""
    return report.with_name(f"{report.stem.removesuffix('-rejected')}-notes{report.suffix}")


def require_other_files(options: argparse.Namespace) -> None:
    """Check that the report and the notes do not replace the table.

    Raises:
        SettingsError: the table is the file of the report or of the notes.
    """
    report = report_path(options)
    for path in (report, notes_path(report)):
        if path.exists() and path.samefile(options.table):
            raise SettingsError(f"--report: {path} is the table itself; name another file")


def _name(table: Path) -> str:
    """Return a table's file name without its suffixes, such as `albums` for `albums.csv.gz`."""
    return Path(table.stem).stem if table.suffix.lower() == PACKED else table.stem


def _columns(table: Table, found: Recognised, options: argparse.Namespace) -> ColumnMap:
    """Map the columns; decide from --genres and all rows whether a name such as A/B is one genre or two."""
    columns = ColumnMap.of_recognised(table.columns, found, strict=options.strict)
    column = columns.columns.get(GENRE)
    if column is None:
        return columns
    listed = parse_genre_list(options.genres) if options.genres else ()
    cells = (row.cells.get(column) for row in table.rows() if not isinstance(row.cells, RowFault))
    return replace(columns, genres=genre_splitter(cells, listed=listed))


def _pair(value: str) -> tuple[str, str]:
    field, separator, column = value.partition("=")
    if not (field and separator):
        raise argparse.ArgumentTypeError(f"FIELD=COLUMN, not {value!r}")
    return field, column
