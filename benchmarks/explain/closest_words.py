"""The precision of the closest words, for covers of the demo catalog and of a seed used for nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import numpy as np
import psycopg

from benchmarks.explain.expected_words import is_true
from benchmarks.harness.benchmark_context import DEMO_MODEL, Bench
from benchmarks.harness.measured_figure import Figure
from catalog.demo.albums import DEMO_SEED, DemoAlbum, demo_albums
from catalog.demo.catalog_rows import album_row
from catalog.demo.loading import prepare_cover
from catalog.writer.album_row import upsert_albums
from common.catalog.postgres import PostgresCatalog
from common.filters import Filters
from common.result_json import ClosestWord
from worker.encoder.load_encoder import load_encoder
from worker.encoder.protocol import Embeddings, Encoder
from worker.explain.explanation import Explainer
from worker.explain.vocabulary import VisualVocabulary
from worker.explain.word_embeddings import WordEmbeddings

_UNSEEN_SEED = 90125
#: The seeds of the judged covers, by the prefix of their figures. Covers of these seeds were used neither to
#: train the model nor to choose the vocabulary and its similarities.
SEEDS: Mapping[str, int] = MappingProxyType(
    {"explain.words": DEMO_SEED, "explain.words.unseen": _UNSEEN_SEED}
)
NAMES = tuple(f"{prefix}.{figure}" for prefix in SEEDS for figure in ("precision_at_3", "precision"))
COVERS = 1000
_AT_ONCE = 8


def measure(bench: Bench) -> Iterator[Figure]:
    """Yield the precision of the words in explanations, for covers that were drawn with each seed."""
    encoder = load_encoder(str(DEMO_MODEL), kind="openvino", cache_dir=bench.model_cache)
    vocabulary = VisualVocabulary.load()
    words = WordEmbeddings(
        vocabulary,
        embed=encoder.encode_texts,
        fingerprint=encoder.fingerprint,
        cache_dir=bench.new_folder("vocabulary"),
    )
    for prefix, seed in SEEDS.items():
        yield from _judged(bench, encoder, Explainer(vocabulary, words), prefix=prefix, seed=seed)
    encoder.close()


def _judged(
    bench: Bench, encoder: Encoder, explainer: Explainer, *, prefix: str, seed: int
) -> Iterator[Figure]:
    """Load covers into a catalog, search for each of them, and count the true words of the explanations."""
    albums = demo_albums(bench.pick(COVERS, 24), seed=seed)
    embeddings = embedded(albums, encoder, covers=bench.new_folder("covers"))
    url = bench.empty_catalog(f"explained_{seed}")
    with psycopg.connect(url) as connection:
        upsert_albums(connection, [album_row(*pair) for pair in zip(albums, embeddings, strict=True)])
    true = [
        [is_true(word["word"], album) for word in found]
        for album, found in zip(albums, _explained(url, embeddings, explainer), strict=True)
    ]
    note = f"{len(albums)} covers of seed {seed}"
    yield Figure(
        f"{prefix}.precision_at_3",
        float(np.mean([sum(row[:3]) / 3 for row in true])),
        f"{note}; the first three words",
    )
    shown = sum(map(len, true))
    yield Figure(
        f"{prefix}.precision",
        sum(map(sum, true)) / shown,
        f"{note}; all {shown / len(albums):.1f} words of a cover",
    )


def embedded(albums: Sequence[DemoAlbum], encoder: Encoder, *, covers: Path) -> Embeddings:
    """Draw covers into a folder, decode them as a worker does, and return their embeddings."""
    parts = []
    for start in range(0, len(albums), _AT_ONCE):
        chunk = albums[start : start + _AT_ONCE]
        prepared = [prepare_cover(album, covers=covers, size_px=encoder.input_size_px) for album in chunk]
        parts.append(encoder.encode_images(np.stack([cover.pixels for cover in prepared])))
    return np.concatenate(parts)


def _explained(url: str, embeddings: Embeddings, explainer: Explainer) -> list[list[ClosestWord]]:
    """Return the closest words of each cover, which is the first result of a search by its own embedding."""
    found = []
    with closing(PostgresCatalog(url, timeout_s=30, connections=1)) as catalog:
        for embedding in embeddings:
            matches = catalog.search(embedding, k=1, filters=Filters(), with_embeddings=True)
            (explanation,) = explainer.explain(matches, None, timeout_s=60)
            found.append(explanation["words"])
    return found
