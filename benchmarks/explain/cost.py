"""The time that explanations add to a search: the catalog's additional work, and the worker's."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.harness.benchmark_context import DEMO_ALBUMS, DEMO_MODEL, Bench
from benchmarks.harness.measured_figure import Figure
from common.catalog.postgres import PostgresCatalog
from common.catalog.protocol import Catalog
from common.catalog.supabase import SupabaseCatalog
from common.filters import Filters
from common.jobs import NO_WORK
from common.result_json import result_json
from common.search_query import SearchQuery, TextPart
from local.errors import ServerFailed
from local.servers.postgrest import find_postgrest
from local.servers.supabase import SupabaseConfig, SupabaseServer
from worker.encoder.load_encoder import load_encoder
from worker.explain.explanation import Explainer
from worker.explain.vocabulary import VisualVocabulary
from worker.explain.word_embeddings import WordEmbeddings

KS = (10, 50)
#: The number of rounds; each round measures every query once without and once with explanations.
ROUNDS = 15
_PSYCOPG = tuple(f"explain.cost.k{k}" for k in KS)
_SUPABASE = tuple(f"{name}.supabase" for name in _PSYCOPG)
NAMES = (*_PSYCOPG, *_SUPABASE)

#: The query that result documents describe; the searches use random vectors instead of its texts.
_QUERY = SearchQuery((TextPart("red"), TextPart("blue", -0.5)), explain=True)
Addends = npt.NDArray[np.float64]


def measure(bench: Bench) -> Iterator[Figure]:
    """Time searches with and without explanations in pairs, through psycopg and through PostgREST."""
    url, explainer, queries = bench.catalog(), _explainer(bench), _queries(bench.pick(40, 3))
    with closing(PostgresCatalog(url, timeout_s=30, connections=1)) as postgres:
        for name, k in zip(_PSYCOPG, KS, strict=True):
            yield _figure(name, postgres, explainer, queries, k=k)
    try:
        find_postgrest()
    except ServerFailed as error:
        yield from (Figure(name, None, f"skipped: {error.detail}") for name in _SUPABASE)
        return
    with (
        SupabaseServer(SupabaseConfig(bench.new_folder("postgrest"), url)) as server,
        closing(SupabaseCatalog(server.url, server.service_key, timeout_s=30, connections=1)) as supabase,
    ):
        for name, k in zip(_SUPABASE, KS, strict=True):
            yield _figure(name, supabase, explainer, queries, k=k)


def _explainer(bench: Bench) -> Explainer:
    vocabulary = VisualVocabulary.load()
    encoder = load_encoder(str(DEMO_MODEL), kind="openvino", cache_dir=bench.model_cache)
    words = WordEmbeddings(
        vocabulary,
        embed=encoder.encode_texts,
        fingerprint=encoder.fingerprint,
        cache_dir=bench.new_folder("vocabulary"),
    )
    words.get(timeout_s=60)
    encoder.close()
    return Explainer(vocabulary, words)


def _queries(count: int) -> list[Addends]:
    """Return queries of two parts, the second with a negative weight, as addends of shape (2, 512)."""
    parts = np.random.default_rng(5).standard_normal((count, 2, 512)) * np.array([[1.0], [-0.5]])
    return [addends / np.linalg.norm(addends.sum(axis=0)) for addends in parts]


def _figure(name: str, catalog: Catalog, explainer: Explainer, queries: list[Addends], *, k: int) -> Figure:
    """Return the median time that explanations add to a search, from pairs of the same search."""
    pairs = []
    for number in range(ROUNDS + 1):
        for addends in queries:
            plain = partial(_search, catalog, addends, k=k)
            explained = partial(plain, explainer=explainer)
            # The search that is made first is slower, so the order alternates.
            took_ms = _times_ms(plain, explained) if number % 2 else _times_ms(explained, plain)[::-1]
            pairs.append(took_ms)
    # The first round fills the caches.
    plain_ms, explained_ms = np.array(pairs[len(queries) :]).T
    added_ms = explained_ms - plain_ms
    note = (
        f"{DEMO_ALBUMS} albums, k {k}, two parts; the median of {len(added_ms)} paired differences, "
        f"p95 {np.quantile(added_ms, 0.95):.2f} ms; a search without explanations p50 "
        f"{np.median(plain_ms):.2f}, p95 {np.quantile(plain_ms, 0.95):.2f} ms"
    )
    return Figure(name, float(np.median(added_ms)), note)


def _search(catalog: Catalog, addends: Addends, *, k: int, explainer: Explainer | None = None) -> bytes:
    embedding = addends.sum(axis=0).astype(np.float32)
    matches = catalog.search(embedding, k=k, filters=Filters(), with_embeddings=explainer is not None)
    explanations = None if explainer is None else explainer.explain(matches, addends, timeout_s=1)
    return result_json(matches, query=_QUERY, model="m", timings=NO_WORK, explanations=explanations)


def _times_ms(*calls: Callable[[], object]) -> list[float]:
    """Make the calls one after another, and return the time of each in milliseconds."""
    took_ms = []
    for call in calls:
        began = time.perf_counter()
        call()
        took_ms.append((time.perf_counter() - began) * 1000)
    return took_ms
