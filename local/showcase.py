"""The two searches that a first start shows: one by image, one by text, as any client would ask."""

from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

TEXT = "red circle on a dark cover"
SHOWN = 5


def show_searches(console: Console, *, url: str, cover: Path, timeout_s: float) -> None:
    """Run both searches over HTTP and print their results.

    Raises:
        httpx.HTTPError: the service did not answer as it must.
    """
    with httpx.Client(base_url=url, timeout=timeout_s) as client:
        with cover.open("rb") as file:
            by_image = client.post("/api/search-by-image", params={"k": SHOWN}, files={"file": file})
        by_text = client.get("/api/search-by-text", params={"query": TEXT, "k": SHOWN})
    for title, answer in ((f"image: {cover.name}", by_image), (f"text: {TEXT}", by_text)):
        answer.raise_for_status()
        console.print(result_table(f"Search by {title}", answer))


def result_table(title: str, answer: httpx.Response) -> Table:
    """Return one answer as a table, its timings in the caption."""
    document = answer.json()
    timings = ", ".join(f"{stage} {spent:g} ms" for stage, spent in document["timings_ms"].items())
    cache = answer.headers.get("x-cache", "miss")
    table = Table(title=title, caption=f"{timings} | cache: {cache}", title_justify="left")
    for column in ("similarity", "artist", "album", "genre", "year", "score", "cover"):
        table.add_column(column)
    for found in document["results"]:
        table.add_row(
            f"{found['similarity']:.3f}",
            found["artist"],
            found["album_name"],
            str(found["genre"] or ""),
            str(found["release_year"] or ""),
            str(found["pitchfork_score"] or ""),
            str(found["cover_url"] or ""),
        )
    return table
