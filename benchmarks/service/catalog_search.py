"""Compare a search through the worker's catalog client with the same SQL function prepared in psql."""

import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.interleaving import Comparison, interleaved
from benchmarks.harness.measured_figure import Figure
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog
from common.catalog.row_mapping import vector_literal
from common.catalog.supabase import SupabaseCatalog
from common.filters import Filters
from local.errors import ServerFailed
from local.servers.postgres import find_binaries
from local.servers.postgrest import find_postgrest
from local.servers.supabase import SupabaseConfig, SupabaseServer

NAMES = ("catalog.search.overhead", "catalog.search.overhead.supabase")
ALBUMS = 15_000
K = 10
_FINGERPRINT = "0" * 64
Vectors = npt.NDArray[np.float32]
#: The search that psql prepares; the worker's search also reads the catalog's version.
_PREPARE = (
    "PREPARE search(vector, int, text) AS SELECT * FROM search_albums("
    "query_embedding => $1, match_count => $2, model_fingerprint => $3);"
)


def measure(bench: Bench) -> Iterator[Figure]:
    """Alternately measure the median time of a few searches through each catalog client and in psql."""
    url = bench.catalog(ALBUMS)
    draw = np.random.default_rng(5)
    vectors = draw.standard_normal((bench.pick(25, 5), 512)).astype(np.float32)
    psql = Psql(url, bench.new_folder("psql"))
    rounds = bench.pick(9, 2)
    postgres = PostgresCatalog(url, timeout_s=5, connections=1)
    compared = interleaved(
        lambda: median_ms(postgres, vectors), lambda: psql.median_ms(vectors), rounds=rounds
    )
    postgres.close()
    yield Figure("catalog.search.overhead", compared.ours_over_theirs, _summary(compared, "psycopg"))
    try:
        find_postgrest()
    except ServerFailed as error:
        yield Figure("catalog.search.overhead.supabase", None, f"skipped: {error.detail}")
        return
    with SupabaseServer(SupabaseConfig(bench.new_folder("postgrest"), url)) as server:
        supabase = SupabaseCatalog(server.url, server.service_key, timeout_s=5, connections=1)
        compared = interleaved(
            lambda: median_ms(supabase, vectors), lambda: psql.median_ms(vectors), rounds=rounds
        )
        supabase.close()
    note = _summary(compared, "supabase-py and PostgREST")
    yield Figure("catalog.search.overhead.supabase", compared.ours_over_theirs, note)


def median_ms(catalog: Catalog, vectors: Vectors) -> float:
    """Return the median milliseconds of a search through the worker's catalog client."""
    took_ms = []
    for vector in vectors:
        began = time.perf_counter()
        found = catalog.search(vector, k=K, filters=Filters(), model_fingerprint=_FINGERPRINT)
        took_ms.append((time.perf_counter() - began) * 1000)
        if len(found) != K:
            raise RuntimeError(f"{len(found)} albums were found instead of {K}")
    return statistics.median(took_ms)


class Psql:
    """Prepares the search in psql, executes it with each vector, and reads the times that psql reports."""

    def __init__(self, url: str, folder: Path) -> None:
        self._script = folder / "searches.sql"
        quietly = ["--no-psqlrc", "--quiet", "--output=/dev/null"]
        self._command = [str(find_binaries() / "psql"), url, *quietly, f"--file={self._script}"]

    def median_ms(self, vectors: Vectors) -> float:
        """Return the median milliseconds of a search in psql."""
        lines = [
            _PREPARE,
            "\\timing on",
            *(f"EXECUTE search('{vector_literal(vector)}', {K}, '{_FINGERPRINT}');" for vector in vectors),
        ]
        self._script.write_text("\n".join(lines) + "\n")
        done = subprocess.run(self._command, capture_output=True, text=True, check=True)
        took_ms = [float(found) for found in re.findall(r"^Time: ([\d.]+) ms", done.stdout, re.MULTILINE)]
        if len(took_ms) != len(vectors) or done.stderr:
            raise RuntimeError(
                f"psql answered otherwise than expected: {done.stdout[:300]} {done.stderr[:300]}"
            )
        return statistics.median(took_ms)


def _summary(compared: Comparison, way: str) -> str:
    return (
        f"{ALBUMS} albums, k {K}, no filter: {way} {compared.ours_median:.2f} ms, "
        f"prepared in psql {compared.theirs_median:.2f} ms"
    )
