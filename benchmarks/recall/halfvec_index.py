"""Compare an HNSW index in single precision with the schema's half-precision index over the same albums."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import psycopg

from benchmarks.recall.searches import Answered
from benchmarks.recall.server_usage import Usage
from benchmarks.recall.synthetic_embeddings import Vectors
from catalog.database.vector_index import INDEX, MEMORY_MIB, index_statement
from common.catalog.row_mapping import vector_literal

VECTOR_INDEX = "album_covers_embedding_vector"
_HALFVEC, _VECTOR = "(embedding::halfvec(512)) halfvec_cosine_ops", "embedding vector_cosine_ops"
#: The number of albums read from the index, and the value of `hnsw.ef_search`; `search_albums` uses both
#: values in a search without a filter.
REACH, EF_SEARCH = 400, 800
_SETTINGS = f"""
SET jit = off;
SET enable_seqscan = off;
SET hnsw.iterative_scan = relaxed_order;
SET hnsw.ef_search = {EF_SEARCH}
"""
_WALKS: Mapping[str, str] = MappingProxyType(
    {
        name: "SELECT id FROM (SELECT id, embedding FROM album_covers "
        f"ORDER BY embedding::{name}(512) <=> %(query)s::{name}(512) LIMIT {REACH}) near "
        "ORDER BY (embedding <=> %(query)s::vector) + 0 LIMIT %(k)s"
        for name in ("halfvec", "vector")
    }
)


@dataclass(frozen=True, slots=True)
class Built:
    """The time, memory and size of one index build."""

    time_s: float
    cpu_s: float
    memory_mib: float
    size_bytes: int


def build_vector_index(connection: psycopg.Connection, *, server_pid: int) -> Built:
    """Build the single-precision index with the parameters and memory limit of the schema's index."""
    statement = index_statement(index=VECTOR_INDEX)
    if _HALFVEC not in statement:
        raise AssertionError("the schema's index is not the one that is compared here")
    with Usage(server_pid) as usage, connection.transaction():
        connection.execute(f"SET LOCAL maintenance_work_mem = '{MEMORY_MIB}MB'".encode())
        began = time.monotonic()
        connection.execute(statement.replace(_HALFVEC, _VECTOR).encode())
        took_s = time.monotonic() - began
    size = connection.execute("SELECT pg_relation_size(%s::regclass)", [VECTOR_INDEX]).fetchone()
    assert size is not None
    return Built(took_s, usage.cpu_s, usage.memory_mib, int(size[0]))


def walk_both(connection: psycopg.Connection, queries: Vectors, *, k: int) -> dict[str, Answered]:
    """Search both indexes alternately for each query, and rank the candidates in single precision."""
    connection.execute(_SETTINGS.encode())
    _require(connection, "halfvec", index=INDEX, query=queries[0])
    _require(connection, "vector", index=VECTOR_INDEX, query=queries[0])
    answered = {name: Answered([], []) for name in _WALKS}
    for query in queries:
        values = {"query": vector_literal(query), "k": k}
        for name, statement in _WALKS.items():
            began = time.perf_counter()
            found = connection.execute(statement.encode(), values).fetchall()
            answered[name].add([row[0] for row in found], time.perf_counter() - began)
    return answered


def _require(connection: psycopg.Connection, name: str, *, index: str, query: Vectors) -> None:
    values: dict[str, object] = {"query": vector_literal(query), "k": 10}
    plan = connection.execute(f"EXPLAIN {_WALKS[name]}".encode(), values).fetchall()
    if not any(f"Index Scan using {index} " in line for (line,) in plan):
        raise AssertionError(f"{index} is not used: {plan}")
