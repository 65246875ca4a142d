"""Finding albums by name: latency by kind of query, share of albums found, and cost of `named`."""

import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import psycopg

from benchmarks.album_names.names import AlbumName, NameMaker
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from catalog.database.migrations import NAMES, apply_migrations
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog
from common.catalog.supabase import SupabaseCatalog
from common.filters import Filters
from local.errors import ServerFailed
from local.servers.postgrest import find_postgrest
from local.servers.supabase import AUTHENTICATOR_PASSWORD, SupabaseConfig, SupabaseServer
from local.servers.supabase_roles import create_roles

FIGURES = (
    "names.migration",
    "names.insert",
    "names.typing",
    "names.typing.supabase",
    "names.kinds",
    "names.found",
    "names.named",
)
ALBUMS = 150_000
#: The page that a client requests while a person types.
LIMIT = 10
TYPED_MAX_CHARS = 20
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and the album that it should find."""

    text: str
    album: AlbumName


@dataclass(frozen=True, slots=True)
class Asked:
    """The latencies of some queries, and the share of them whose album was on the first page."""

    times_ms: Sequence[float]
    found: float

    def __str__(self) -> str:
        return f"p50 {self.quantile(0.5):.1f}, p95 {self.quantile(0.95):.1f}"

    def quantile(self, share: float) -> float:
        return float(np.quantile(self.times_ms, share))


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure with invented names and no embeddings."""
    maker, size = NameMaker(), bench.pick(ALBUMS, 2000)
    albums = maker.albums(size)
    url = _new_database(bench)
    with psycopg.connect(url, autocommit=True) as connection:
        yield _migration(connection, url, albums)
        yield _insert(connection, albums, count=bench.pick(3000, 100))
    sample = maker.sample(albums, bench.pick(200, 10))
    typed, kinds = _typed(sample), _kinds(maker, sample)
    with closing(PostgresCatalog(url, timeout_s=_TIMEOUT_S, connections=1)) as catalog:
        yield from _typing("names.typing", catalog, typed)
        yield from _kinds_figures(catalog, kinds)
        yield _named(catalog, [query.text for query in kinds["title"]], rounds=bench.pick(15, 2))
    yield from _supabase(bench, url, typed)


def _new_database(bench: Bench) -> str:
    with psycopg.connect(bench.postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE album_names")
    url = bench.postgres.url("album_names")
    create_roles(url, authenticator_password=AUTHENTICATOR_PASSWORD)
    apply_migrations(url)
    return url


def _migration(connection: psycopg.Connection, url: str, albums: Sequence[AlbumName]) -> Figure:
    """Time the schema file on a catalog that does not have it yet."""
    connection.execute("DROP FUNCTION keep_album_names CASCADE")
    connection.execute("DROP TABLE album_names CASCADE")
    connection.execute("DELETE FROM catalog_migrations WHERE name = %s", [NAMES])
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY album_covers (id, artist, album_name) FROM STDIN") as copy,
    ):
        for number, album in enumerate(albums):
            copy.write_row((f"album-{number:06}", album.artist, album.title))
    began = time.perf_counter()
    apply_migrations(url)
    took_s = time.perf_counter() - began
    connection.execute("VACUUM (ANALYZE)")
    sizes = connection.execute(
        "SELECT pg_relation_size('album_names') >> 20, pg_indexes_size('album_names') >> 20"
    ).fetchone()
    assert sizes is not None
    note = f"{len(albums)} albums; table {sizes[0]} MiB, indexes {sizes[1]} MiB"
    return Figure("names.migration", took_s, note)


def _insert(connection: psycopg.Connection, albums: Sequence[AlbumName], *, count: int) -> Figure:
    """Compare inserts of albums with and without the trigger."""

    def took_ms(prepare: str) -> float:
        with connection.transaction(force_rollback=True):
            connection.execute(prepare.encode())
            began = time.perf_counter()
            connection.cursor().executemany(
                "INSERT INTO album_covers (id, artist, album_name) VALUES (%s, %s, %s)",
                [(f"new-{n}", album.artist, album.title) for n, album in enumerate(albums[:count])],
            )
            return (time.perf_counter() - began) * 1000 / count

    without = took_ms("ALTER TABLE album_covers DISABLE TRIGGER album_covers_names")
    kept = took_ms("SELECT")
    note = f"an insert without embedding takes {kept:.2f} ms, without the names {without:.2f} ms"
    return Figure("names.insert", kept - without, note)


def _typed(sample: Sequence[AlbumName]) -> dict[int, list[Query]]:
    """Return, by length, the texts in the search box while a person types an artist, a title or both."""
    typed: dict[int, list[Query]] = {length: [] for length in range(1, TYPED_MAX_CHARS + 1)}
    for number, album in enumerate(sample):
        name = (album.artist, album.title, f"{album.artist} {album.title}")[number % 3]
        for length in range(1, min(len(name), TYPED_MAX_CHARS) + 1):
            typed[length].append(Query(name[:length], album))
    return typed


def _kinds(maker: NameMaker, sample: Sequence[AlbumName]) -> Mapping[str, list[Query]]:
    """Return queries of each kind; every query except a title or an artist identifies one album."""
    both = [Query(f"{album.artist} {album.title}", album) for album in sample]
    accented = [query for query in both if _without_accents(query.text) != query.text]
    long = [query for query in both if max(map(len, query.text.split())) >= 4 and query.text.isascii()]
    return {
        "title": [Query(album.title, album) for album in sample],
        "artist": [Query(album.artist, album) for album in sample],
        "artist and title": both,
        "words in another order": [Query(maker.shuffled(query.text), query.album) for query in both],
        "without accents": [Query(_without_accents(query.text), query.album) for query in accented],
        "another script": [query for query in both if not _is_latin(query.text)],
        "one typing error": [Query(maker.misspelt(query.text), query.album) for query in long],
        "nothing similar": [Query(f"{query.text} qzxwv", query.album) for query in both],
    }


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _is_latin(text: str) -> bool:
    return all("LATIN" in unicodedata.name(c) for c in text if c.isalpha())


def _ask(catalog: Catalog, queries: Sequence[Query]) -> Asked:
    times_ms, found = [], 0
    for query in queries:
        began = time.perf_counter()
        page = catalog.find_albums(query.text, limit=LIMIT)
        times_ms.append((time.perf_counter() - began) * 1000)
        names = {AlbumName(each.album.artist, each.album.album_name) for each in page.albums}
        found += query.album in names
    return Asked(times_ms, found / len(queries))


def _typing(figure: str, catalog: Catalog, typed: Mapping[int, list[Query]]) -> Iterator[Figure]:
    _ask(catalog, [queries[0] for queries in typed.values()])
    asked = {length: _ask(catalog, queries) for length, queries in typed.items()}
    every = [took for each in asked.values() for took in each.times_ms]
    slowest = max(asked, key=lambda length: asked[length].quantile(0.95))
    note = (
        f"{len(every)} texts of 1 to {TYPED_MAX_CHARS} characters; p50 {np.quantile(every, 0.5):.1f} ms, "
        f"p99 {np.quantile(every, 0.99):.1f} ms; slowest length {slowest}: {asked[slowest]} ms"
    )
    yield Figure(figure, float(np.quantile(every, 0.95)), note)


def _kinds_figures(catalog: Catalog, kinds: Mapping[str, list[Query]]) -> Iterator[Figure]:
    # A quick run may have no query of a rare kind.
    asked = {kind: _ask(catalog, queries) for kind, queries in kinds.items() if queries}
    note = "; ".join(f"{kind}: {each}" for kind, each in asked.items())
    yield Figure("names.kinds", max(each.quantile(0.95) for each in asked.values()), f"ms; {note}")
    shares = {
        kind: each.found for kind, each in asked.items() if kind not in {"title", "artist", "nothing similar"}
    }
    note = "; ".join(f"{kind}: {share:.3f}" for kind, share in shares.items())
    yield Figure("names.found", min(shares.values()), f"album on a page of {LIMIT}; {note}")


def _named(catalog: Catalog, texts: Sequence[str], *, rounds: int) -> Figure:
    """Compare searches with and without the lookup of albums whose name is the text, alternately."""
    vector = np.ones(512, dtype=np.float32)

    def median_ms(named: Callable[[str], str | None]) -> float:
        times_ms = []
        for text in texts:
            began = time.perf_counter()
            catalog.search(vector, k=LIMIT, filters=Filters(year_min=9999), named=named(text))
            times_ms.append((time.perf_counter() - began) * 1000)
        return statistics.median(times_ms)

    pairs = [(median_ms(lambda text: text), median_ms(lambda _: None)) for _ in range(rounds)]
    differences = [told - untold for told, untold in pairs]
    note = (
        f"a search that meets no album {min(untold for _, untold in pairs):.2f} ms; median of {rounds} rounds"
    )
    return Figure("names.named", statistics.median(differences), note)


def _supabase(bench: Bench, url: str, typed: Mapping[int, list[Query]]) -> Iterator[Figure]:
    try:
        find_postgrest()
    except ServerFailed as error:
        yield Figure("names.typing.supabase", None, f"skipped: {error.detail}")
        return
    with SupabaseServer(SupabaseConfig(bench.new_folder("postgrest"), url)) as server:
        catalog = SupabaseCatalog(server.url, server.service_key, timeout_s=_TIMEOUT_S, connections=1)
        with closing(catalog):
            yield from _typing("names.typing.supabase", catalog, typed)
