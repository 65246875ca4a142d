"""The whole benchmark: for each catalog size, load albums, search in every case, and compare index types."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.harness.measured_figure import Row
from benchmarks.recall.albums import FILTERS, Albums
from benchmarks.recall.catalog_load_time import Load, load, upsert_s
from benchmarks.recall.halfvec_index import Built, build_vector_index, walk_both
from benchmarks.recall.query_plans import PlanReader
from benchmarks.recall.result_pages import page_rows
from benchmarks.recall.searches import SCAN_EVERY, Asked, Asker, plans_of
from benchmarks.recall.server_usage import MIB
from benchmarks.recall.synthetic_embeddings import Vectors
from benchmarks.recall.table_rows import FULL_ANSWERS, RECALL, held_row, row
from catalog.database.migrations import apply_migrations
from catalog.database.vector_index import MEMORY_MIB
from catalog.ingest.table_ingest import BATCH
from common.catalog.postgres import PostgresCatalog
from common.filters import Filters
from local.servers.postgres import PostgresConfig, PostgresServer
from local.servers.supabase import AUTHENTICATOR_PASSWORD
from local.servers.supabase_roles import create_roles

SIZES = (15_000, 150_000)
KS = (10, 50)
QUERIES = 100
TIMEOUT_S = 120.0


def measure(folder: Path, *, sizes: Sequence[int] = SIZES, queries: int = QUERIES) -> Iterator[Row]:
    """Measure in a new PostgreSQL server in `folder`; compare the index types on the largest catalog."""
    with PostgresServer(PostgresConfig(folder)) as server:
        yield _upsert_row(server, size=min(sizes))
        for size in sizes:
            catalog = yield from _searched(server, folder, size=size, queries=queries)
            if size == max(sizes):
                yield from _element_type_rows(catalog, server_pid=server.pid or 0)


def measure_searches(folder: Path, *, sizes: Sequence[int], queries: int) -> Iterator[Row]:
    """Measure loads and searches, without the single-precision index."""
    with PostgresServer(PostgresConfig(folder)) as server:
        for size in sizes:
            yield from _searched(server, folder, size=size, queries=queries)


def _searched(
    server: PostgresServer, folder: Path, *, size: int, queries: int
) -> Generator[Row, None, "_Catalog"]:
    url = _new_catalog(server, f"recall_{size}")
    albums = Albums(size)
    with psycopg.connect(url, autocommit=True) as connection:
        took = load(connection, albums, server_pid=server.pid or 0)
    yield from _load_rows(took, size=size)
    catalog = _Catalog(url, albums, albums.queries(queries))
    yield from _search_rows(catalog)
    rest = folder.with_name(f"{folder.name}-postgrest-{size}")
    yield from page_rows(catalog.url, albums, catalog.queries, folder=rest, timeout_s=TIMEOUT_S)
    return catalog


def _new_catalog(server: PostgresServer, name: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    # The schema grants rights to Supabase's roles only if they exist.
    create_roles(server.url(name), authenticator_password=AUTHENTICATOR_PASSWORD)
    apply_migrations(server.url(name))
    return server.url(name)


def _upsert_row(server: PostgresServer, *, size: int) -> Row:
    took_s = upsert_s(_new_catalog(server, f"upsert_{size}"), Albums(size))
    note = f"an ingest's upserts of {BATCH} albums, {size / took_s:,.0f} rows/s"
    return row(f"catalog.load.{size}.upsert", took_s, "s", note=note)


def _load_rows(took: Load, *, size: int) -> Iterator[Row]:
    name = f"catalog.load.{size}"
    note = f"COPY BINARY, {size / took.copy_s:,.0f} rows/s"
    yield row(f"{name}.copy", took.copy_s, "s", note=note)
    yield row(f"{name}.copy_cpu", took.copying.cpu_s, "s", note="of the server")
    yield row(
        f"{name}.copy_memory", took.copying.memory_mib, "MiB", note="of the server, in addition to the start"
    )
    yield row(f"{name}.table", took.table_bytes / MIB, "MiB")
    fitted = "fitted" if took.index.fitted else "did not fit"
    note = f"the graph {fitted} in maintenance_work_mem = {took.index.memory_mib} MB"
    built = Built(took.index.time_s, took.indexing.cpu_s, took.indexing.memory_mib, took.index.size_bytes)
    yield from _index_rows(f"catalog.index.{size}.halfvec", built, note=note)


def _index_rows(name: str, built: Built, *, note: str) -> Iterator[Row]:
    yield row(f"{name}.build", built.time_s, "s", note=note)
    yield row(f"{name}.build_cpu", built.cpu_s, "s", note="of all building processes")
    yield row(f"{name}.build_memory", built.memory_mib, "MiB", note="peak, in addition to the start")
    yield row(f"{name}.size", built.size_bytes / MIB, "MiB")


@dataclass(frozen=True, slots=True)
class _Case:
    """The queries and filters of one case, and the exact result of each query."""

    name: str
    filters: Filters
    queries: Vectors
    k: int
    truth: list[list[str]]


@dataclass(frozen=True, slots=True)
class _Catalog:
    """A loaded catalog, its albums and the queries that the benchmark sends."""

    url: str
    albums: Albums
    queries: Mapping[str, Vectors]


def _search_rows(catalog: _Catalog) -> Iterator[Row]:
    full: list[bool] = []
    with (
        closing(PostgresCatalog(catalog.url, timeout_s=TIMEOUT_S, connections=1)) as searching,
        # Without prepared statements, PostgreSQL plans each scan for its own filters.
        psycopg.connect(catalog.url, autocommit=True, prepare_threshold=None) as scanning,
        psycopg.connect(catalog.url, autocommit=True) as planning,
    ):
        reader, asker = PlanReader(planning), Asker(searching, scanning)
        for case in _cases(catalog):
            # The plans are read before the searches are timed, which also warms PostgreSQL's cache.
            plans = plans_of(reader, case.queries, k=case.k, filters=case.filters)
            asked = asker.ask(case.queries, k=case.k, filters=case.filters)
            full += [len(a) == len(b) for a, b in zip(asked.searched.ids, case.truth, strict=True)]
            yield from _case_rows(case, asked, plans=plans)
    note = f"of {len(full)} searches"
    yield held_row(
        f"catalog.full_answers.{len(catalog.albums)}", sum(full) / len(full), FULL_ANSWERS, note=note
    )


def _cases(catalog: _Catalog) -> Iterator[_Case]:
    for name, filters in FILTERS.items():
        passing = catalog.albums.passing(filters)
        for kind, queries in catalog.queries.items():
            truth = catalog.albums.nearest(queries, k=max(KS), passing=passing)
            for k in KS:
                full_name = f"{len(catalog.albums)}.{name}.{kind}.at_{k}"
                yield _Case(full_name, filters, queries, k, [nearest[:k] for nearest in truth])


def _case_rows(case: _Case, asked: Asked, *, plans: str) -> Iterator[Row]:
    if asked.scanned.recall(case.truth[::SCAN_EVERY]) < 1:
        raise AssertionError(f"{case.name}: PostgreSQL's exact scan and numpy's find different albums")
    searched, scanned = asked.searched, asked.scanned
    yield held_row(f"catalog.recall.{case.name}", searched.recall(case.truth), RECALL, note=plans)
    name = f"catalog.search.{case.name}"
    yield row(f"{name}.p50", searched.quantile_ms(0.5), "ms")
    yield row(f"{name}.p95", searched.quantile_ms(0.95), "ms")
    note = f"the exact scan's p50 {scanned.quantile_ms(0.5):.1f} ms, {len(scanned.ids)} queries, alternately"
    yield row(f"{name}.of_exact_scan", asked.search_over_scan, "x", note=note)


def _element_type_rows(catalog: _Catalog, *, server_pid: int) -> Iterator[Row]:
    albums = catalog.albums
    name = f"catalog.index.{len(albums)}"
    everything = albums.passing(Filters())
    with psycopg.connect(catalog.url, autocommit=True) as connection:
        built = build_vector_index(connection, server_pid=server_pid)
        yield from _index_rows(f"{name}.vector", built, note=f"maintenance_work_mem = {MEMORY_MIB} MB")
        for kind, queries in catalog.queries.items():
            truth = albums.nearest(queries, k=max(KS), passing=everything)
            walk_both(connection, queries, k=max(KS))
            for k in KS:
                both = walk_both(connection, queries, k=k)
                for element, answered in both.items():
                    case = f"{name}.{element}.{kind}.at_{k}"
                    yield row(f"{case}.recall", answered.recall([best[:k] for best in truth]), "share")
                    yield row(
                        f"{case}.p50",
                        answered.quantile_ms(0.5),
                        "ms",
                        note="alternating with the other index",
                    )
                    yield row(f"{case}.p95", answered.quantile_ms(0.95), "ms")
