"""After a start, runs two example searches over HTTP, as any client would: one by image and one by text."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from api.keys.key import make_key
from api.keys.store import KeyStore
from common.redis.clients import open_redis
from common.settings import UNLIMITED
from local.errors import ExampleSearchFailed

TEXT = "red circle on a dark cover"
SHOWN = 5
#: The maximum number of seconds that a request can ask the gateway to wait; the example searches ask for it
#: instead of relying on DEFAULT_WAIT_S.
WAIT_S = 60


def show_searches(console: Console, *, url: str, cover: Path, headers: Mapping[str, str]) -> None:
    """Run both example searches over HTTP and print their results.

    Raises:
        ExampleSearchFailed: a search was refused, failed or took too long.
        httpx.HTTPError: the service did not answer.
    """
    params = {"k": SHOWN, "wait": WAIT_S}
    with httpx.Client(base_url=url, headers=dict(headers), timeout=WAIT_S + 10) as client:
        with cover.open("rb") as file:
            by_image = client.post("/api/search-by-image", params=params, files={"file": file})
        by_text = client.get("/api/search-by-text", params={"query": TEXT, **params})
    for title, answer in ((f"image: {cover.name}", by_image), (f"text: {TEXT}", by_text)):
        if answer.status_code != httpx.codes.OK:
            raise ExampleSearchFailed(f"the search by {title} got {answer.status_code}: {answer.text}")
        console.print(result_table(f"Search by {title}", answer))


@contextmanager
def throw_away_key(redis_url: str) -> Iterator[Mapping[str, str]]:
    """Yield a header with a temporary API key, and revoke the key at the end.

    Raises:
        RedisError, OSError: Redis cannot store the key.
    """
    key, record = make_key("showcase", rate=UNLIMITED)
    with open_redis(redis_url) as redis:
        store = KeyStore(redis)
        store.add(record)
        try:
            yield {"X-API-Key": key}
        finally:
            store.revoke(record.id)


def result_table(title: str, answer: httpx.Response) -> Table:
    """Return the results of one search as a table, with its timings in the caption."""
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
