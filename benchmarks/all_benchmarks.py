"""Lists the groups of benchmarks by name, in the order in which `make bench` runs them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.album_names import name_search as album_names
from benchmarks.colours import cover_colours
from benchmarks.encoder import decode, int8, matrix_peak, speed
from benchmarks.explain import closest_words
from benchmarks.explain import cost as explanation_cost
from benchmarks.gpu import batcher as gpu_batcher
from benchmarks.gpu import encoder as gpu_encoder
from benchmarks.gpu import process_count as gpu_processes
from benchmarks.gpu import service as gpu_service
from benchmarks.harness.benchmark_context import Bench
from benchmarks.harness.measured_figure import Figure
from benchmarks.ingest import ingest_speed as ingest
from benchmarks.ingest import prints, thumbnails
from benchmarks.recall import worst_cases as recall
from benchmarks.service import (
    cache_hits,
    catalog_search,
    embedding_cache,
    end_to_end,
    facet_counts,
    job_throughput,
    stampede,
    waiting_requests,
    wakeup_latency,
    worker_process,
    worker_scaling,
)


@dataclass(frozen=True, slots=True)
class Family:
    """A benchmark family: a function that measures figures, and the names of these figures in order."""

    names: tuple[str, ...]
    measure: Callable[[Bench], Iterator[Figure]]


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "encoder": Family(speed.NAMES, speed.measure),
        "int8": Family(int8.NAMES, int8.measure),
        "peak": Family(matrix_peak.NAMES, matrix_peak.measure),
        "decode": Family(decode.NAMES, decode.measure),
        "e2e": Family(end_to_end.NAMES, end_to_end.measure),
        "embedding_cache": Family(embedding_cache.NAMES, embedding_cache.measure),
        "cache": Family(cache_hits.NAMES, cache_hits.measure),
        "stampede": Family(stampede.NAMES, stampede.measure),
        "wait": Family(wakeup_latency.NAMES, wakeup_latency.measure),
        "waiters": Family(waiting_requests.NAMES, waiting_requests.measure),
        "scale": Family(worker_scaling.NAMES, worker_scaling.measure),
        "broker": Family(job_throughput.NAMES, job_throughput.measure),
        "catalog": Family(catalog_search.NAMES, catalog_search.measure),
        "recall": Family(recall.NAMES, recall.measure),
        "names": Family(album_names.FIGURES, album_names.measure),
        "closest_words": Family(closest_words.NAMES, closest_words.measure),
        "explain": Family(explanation_cost.NAMES, explanation_cost.measure),
        "facets": Family(facet_counts.NAMES, facet_counts.measure),
        "colours": Family(cover_colours.NAMES, cover_colours.measure),
        "ingest": Family(ingest.NAMES, ingest.measure),
        "thumbnails": Family(thumbnails.NAMES, thumbnails.measure),
        "prints": Family(prints.NAMES, prints.measure),
        "worker": Family(worker_process.NAMES, worker_process.measure),
        "gpu": Family(gpu_encoder.NAMES, gpu_encoder.measure),
        "gpu_batcher": Family(gpu_batcher.NAMES, gpu_batcher.measure),
        "gpu_service": Family(gpu_service.NAMES, gpu_service.measure),
        "gpu_processes": Family(gpu_processes.NAMES, gpu_processes.measure),
    }
)


def families_of(names: list[str]) -> list[str]:
    """Return the families that have one of the names, or that have a figure with one of the names.

    Raises:
        ValueError: a name is unknown.
    """
    found = dict.fromkeys(name for name in FAMILIES for wanted in names if _is_meant(wanted, name))
    for wanted in names:
        if not any(_is_meant(wanted, name) for name in FAMILIES):
            raise ValueError(f"{wanted} is neither a family ({', '.join(FAMILIES)}) nor a figure")
    return list(found)


def _is_meant(wanted: str, family: str) -> bool:
    return wanted == family or wanted in FAMILIES[family].names
