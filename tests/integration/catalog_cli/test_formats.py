"""An ingest accepts every image format that a search accepts, and names unsupported formats."""

import csv
import shutil
from pathlib import Path

import numpy as np
import orjson
from PIL import Image

from tests.integration.catalog_cli.conftest import Catalog, rows, write_table
from tests.paths import PICTURES
from tests.unit.worker.decode.files import icc, tiff
from tests.unit.worker.decode.pictures import encoded, quadrants


def test_accepted_formats_are_embedded_and_others_are_named(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    covers = workdir / "covers"
    shutil.copy(PICTURES / "quadrants.heic", covers / "phone.heic")
    (covers / "web.avif").write_bytes(encoded(quadrants(), "AVIF"))
    negative = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    (covers / "scan.tif").write_bytes(tiff.tiff(negative, photometric=tiff.WHITE_IS_ZERO, bits=16))
    wide = encoded(quadrants(), "JPEG", icc_profile=icc.matrix_profile(primaries=icc.DISPLAY_P3))
    (covers / "wide.jpg").write_bytes(wide)
    (covers / "next.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    (covers / "error.jpg").write_text("<html><title>404 Not Found</title></html>")
    (covers / "nothing.jpg").write_bytes(b"")
    files = ["phone.heic", "web.avif", "scan.tif", "wide.jpg", "next.jxl", "error.jpg", "nothing.jpg"]
    write_table(
        workdir / "new.csv",
        [{"id": file, "artist": "A", "album_name": file, "cover": file} for file in files],
    )

    done = catalog("ingest", "new.csv", "--covers", "covers")

    assert done.status == 1
    assert {i for i, row in rows(database_url).items() if orjson.loads(row["embedding"])} == set(files[:4])
    with (workdir / "new-rejected.csv").open(newline="") as file:
        rejections = {row["id"]: (row["reason"], row["detail"]) for row in csv.DictReader(file)}
    assert {reason for reason, _ in rejections.values()} == {"unsupported_image"}
    assert "JPEG XL" in rejections["next.jxl"][1]
    assert "HTML page" in rejections["error.jpg"][1]
    assert "empty" in rejections["nothing.jpg"][1]


def test_a_cover_in_another_colour_space_is_converted_to_srgb(
    catalog: Catalog, workdir: Path, database_url: str
) -> None:
    """Vectors are compared, because the stand-in encoder computes equal vectors only for equal pixels."""
    drawn = np.full((224, 224, 3), (180, 110, 90), dtype=np.uint8)
    seen = np.rint(icc.seen(drawn, primaries=icc.DISPLAY_P3)).astype(np.uint8)
    wide = encoded(Image.fromarray(drawn), "PNG", icc_profile=icc.matrix_profile(primaries=icc.DISPLAY_P3))
    (workdir / "covers" / "wide.png").write_bytes(wide)
    (workdir / "covers" / "plain.png").write_bytes(encoded(Image.fromarray(seen), "PNG"))
    (workdir / "covers" / "unconverted.png").write_bytes(encoded(Image.fromarray(drawn), "PNG"))
    names = ("wide", "plain", "unconverted")
    write_table(
        workdir / "new.csv",
        [{"id": name, "artist": "A", "album_name": name, "cover": f"{name}.png"} for name in names],
    )

    catalog("ingest", "new.csv", "--covers", "covers")

    stored = rows(database_url)
    assert stored["wide"]["embedding"] == stored["plain"]["embedding"]
    assert stored["wide"]["embedding"] != stored["unconverted"]["embedding"]
