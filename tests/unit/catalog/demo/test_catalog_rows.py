"""The demo albums are written as a table that an ingest can read."""

from pathlib import Path

from catalog.demo.albums import demo_albums
from catalog.demo.catalog_rows import write_table
from catalog.ingest.columns.mapping import ColumnMap
from catalog.ingest.tables.table import open_table


def test_a_written_demo_table_reads_back_with_captions_and_covers(tmp_path: Path) -> None:
    albums = demo_albums(3)

    write_table(albums, tmp_path / "albums.jsonl")
    table = open_table(tmp_path / "albums.jsonl")
    read = [ColumnMap.of(table.columns, {}).read(row) for row in table.rows()]

    assert [album.fields.artist for album in read] == [album.artist for album in albums]
    assert [album.metadata["caption"] for album in read] == [album.caption for album in albums]
    assert [album.cover for album in read] == [f"{album.id}.jpg" for album in albums]
