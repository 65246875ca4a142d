"""Draw demo covers on one sheet (`python -m catalog.demo sheet.png`) or in one file each (`… FOLDER --each`).

With `--table albums.jsonl`, the command also writes the albums in the format of `catalog export`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from catalog.demo.albums import DEMO_SEED, demo_albums
from catalog.demo.catalog_rows import write_table
from catalog.demo.drawing.cover import cover_jpeg, draw_cover
from common.validation.strict_numbers import positive_integer, whole_number


def contact_sheet(*, columns: int, rows: int, size_px: int, seed: int) -> Image.Image:
    """Return one picture with the first covers that a seed generates, side by side."""
    sheet = Image.new("RGB", (columns * size_px, rows * size_px))
    for number, album in enumerate(demo_albums(columns * rows, seed=seed)):
        row, column = divmod(number, columns)
        sheet.paste(draw_cover(album, size_px=size_px), (column * size_px, row * size_px))
    return sheet


def draw_each(folder: Path, *, count: int, size_px: int, seed: int) -> None:
    """Write the first covers that a seed generates into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for album in demo_albums(count, seed=seed):
        (folder / f"{album.id}.jpg").write_bytes(cover_jpeg(album, size_px=size_px))


def main() -> None:
    """Write the sheet, covers and table that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m catalog.demo", description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--each", action="store_true", help="OUTPUT is a folder for one JPEG per album")
    parser.add_argument("--columns", type=positive_integer, default=10)
    parser.add_argument("--rows", type=positive_integer, default=6)
    parser.add_argument("--size-px", type=positive_integer, default=180)
    parser.add_argument("--seed", type=whole_number, default=DEMO_SEED)
    parser.add_argument(
        "--table", type=Path, help="also write the albums to this .csv, .jsonl or .parquet file"
    )
    wanted = parser.parse_args()
    if wanted.table:
        write_table(demo_albums(wanted.columns * wanted.rows, seed=wanted.seed), wanted.table)
    if wanted.each:
        draw_each(wanted.output, count=wanted.columns * wanted.rows, size_px=wanted.size_px, seed=wanted.seed)
        return
    contact_sheet(columns=wanted.columns, rows=wanted.rows, size_px=wanted.size_px, seed=wanted.seed).save(
        wanted.output
    )


if __name__ == "__main__":
    main()
