"""Maps the name of every figure to the figure's unit and target."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure and an additional condition, both optional."""

    unit: str
    relation: Literal[">=", "<=", "=", "report"]
    bound: float = 0.0
    #: The additional condition in words; empty for none.
    also: str = ""

    def __str__(self) -> str:
        if self.relation == "report":
            return self.also or "report"
        bound = f"{self.relation} {self.bound:g}"
        return f"{bound}, {self.also}" if self.also else bound

    def is_met_by(self, value: float) -> bool:
        match self.relation:
            case ">=":
                return value >= self.bound
            case "<=":
                return value <= self.bound
            case "=":
                return value == self.bound
            case "report":
                return True


_PAGES = Target("share", ">=", 0.99, also="no album repeated or skipped")
_RECALL = Target("share", ">=", 0.99, also="always k rows")

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "encoder.image.b1.speedup": Target("x", ">=", 2.0),
        "encoder.text.b1.speedup": Target("x", ">=", 3.5),
        "encoder.text.b32.speedup": Target("x", ">=", 2.5),
        "encoder.int8.image.speedup": Target("x", ">=", 3.0),
        "encoder.int8.text.speedup": Target("x", ">=", 6.0),
        "encoder.parity.cosine_min": Target("cosine", ">=", 0.9999),
        "encoder.image.of_peak": Target("share", ">=", 0.70),
        "decode.12mp.speedup": Target("x", ">=", 4.0, also="embedding cosine >= 0.995"),
        "decode.cover.speedup": Target("x", "report"),
        "e2e.idle.overhead_share": Target("share", "<=", 0.15),
        "e2e.text.c32.efficiency": Target("share", ">=", 0.85),
        "e2e.image.c32.efficiency": Target("share", ">=", 0.85),
        "cache.hit.rps_ratio": Target("share", ">=", 0.8),
        "cache.hit.p99_over_p50": Target("x", "<=", 4),
        "embedding_cache.speedup": Target("x", ">=", 5),
        "stampede.embeddings": Target("passes", "=", 1),
        "wait.wakeup_ms_p50": Target("ms", "report", also="polling every 100 ms takes >= 10 x as long"),
        "waiters.10k.rss_mb": Target("MB", "<=", 500),
        "scale.workers.8.efficiency": Target("share", ">=", 0.90),
        "broker.ceiling.jobs_s": Target("jobs/s", "report"),
        "catalog.search.overhead": Target("x", "<=", 1.5),
        "catalog.search.overhead.supabase": Target("x", "report"),
        "catalog.recall.15000.no_filter": _RECALL,
        "catalog.recall.15000.genre_30_percent": _RECALL,
        "catalog.recall.15000.genre_half_percent": _RECALL,
        "catalog.recall.15000.second_genre_5_percent": _RECALL,
        "catalog.recall.15000.two_genres_and_years": _RECALL,
        "catalog.recall.15000.farthest_20_percent": _RECALL,
        "catalog.recall.15000.artist_8_percent": _RECALL,
        "catalog.recall.15000.format_25_percent": _RECALL,
        "catalog.recall.15000.label_half_percent": _RECALL,
        "catalog.recall.15000.colour_7_percent": _RECALL,
        "catalog.pages.15000": _PAGES,
        "catalog.recall.150000.no_filter": _RECALL,
        "catalog.recall.150000.genre_30_percent": _RECALL,
        "catalog.recall.150000.genre_half_percent": _RECALL,
        "catalog.recall.150000.second_genre_5_percent": _RECALL,
        "catalog.recall.150000.two_genres_and_years": _RECALL,
        "catalog.recall.150000.farthest_20_percent": _RECALL,
        "catalog.recall.150000.artist_8_percent": _RECALL,
        "catalog.recall.150000.format_25_percent": _RECALL,
        "catalog.recall.150000.label_half_percent": _RECALL,
        "catalog.recall.150000.colour_7_percent": _RECALL,
        "catalog.pages.150000": _PAGES,
        "facets.15000.p95_ms": Target("ms", "<=", 60, also="exact"),
        "facets.150000.p95_ms": Target("ms", "<=", 60, also="exact"),
        "facets.150000.after_change_ms": Target("ms", "report"),
        "colours.precision_at_10": Target("share", ">=", 0.9),
        "colours.main_colour": Target("share", "report"),
        "colours.palette_ms": Target("ms", "report"),
        "names.migration": Target("s", "report"),
        "names.insert": Target("ms", "report"),
        "names.typing": Target("ms", "<=", 30),
        "names.kinds": Target("ms", "report"),
        "names.found": Target("share", "report"),
        "names.named": Target("ms", "report"),
        "names.typing.supabase": Target("ms", "report"),
        "explain.words.precision_at_3": Target("share", ">=", 0.8),
        "explain.words.precision": Target("share", "report"),
        "explain.words.unseen.precision_at_3": Target("share", ">=", 0.8),
        "explain.words.unseen.precision": Target("share", "report"),
        "explain.cost.k10": Target("ms", "<=", 2),
        "explain.cost.k50": Target("ms", "<=", 2),
        "explain.cost.k10.supabase": Target("ms", "<=", 2),
        "explain.cost.k50.supabase": Target("ms", "<=", 2),
        "ingest.covers.efficiency": Target("share", ">=", 0.85),
        "ingest.bulk.p95_ratio": Target("x", "<=", 1.5, also="and the ingest continues"),
        "ingest.music.scan_ratio": Target("x", "<=", 1.3),
        "ingest.music.memory_growth": Target("MiB", "<=", 32),
        "thumbnails.cpu_share": Target("share", "report"),
        "thumbnails.kib": Target("KiB", "report"),
        "prints.ingest_ratio": Target("x", "<=", 2.5),
        "prints.cpu_ms": Target("ms", "<=", 90),
        "prints.bytes": Target("bytes", "<=", 8000),
        "prints.read_ms": Target("ms", "report"),
        "worker.rss_mb": Target("MB", "report", also="<= 1.0 x transformers eager in one process"),
        "worker.ready_s": Target("s", "<=", 10),
        "gpu.image.b1.ms": Target("ms", "<=", 1.3),
        "gpu.text.b1.ms": Target("ms", "<=", 1.3),
        "gpu.image.b256.images_s": Target("images/s", ">=", 25_000),
        "gpu.text.b256.texts_s": Target("texts/s", ">=", 60_000),
        "gpu.image.b256.speedup": Target("x", "report"),
        "gpu.busy_share": Target("share", ">=", 0.85),
        "gpu.parity.cosine_min": Target("cosine", ">=", 0.999),
        "gpu.graphs.mb": Target("MB", "report"),
        "gpu.batcher.texts_s": Target("texts/s", ">=", 10_000),
        "gpu.batcher.images_share": Target("share", ">=", 0.9),
        "gpu.processes.texts_s": Target("texts/s", "report"),
        "gpu.process.mb": Target("MB", "report"),
        "gpu.service.jobs_s": Target("jobs/s", "report"),
    }
)
