"""The contributions of a query's parts, and the words closest to a cover."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import orjson
import pytest

from common.catalog.protocol import Album, Match, MatchEmbeddings, Matches
from common.jobs import NO_WORK
from common.result_json import Explanation, result_json
from common.search_query import SearchQuery, TextPart
from worker.explain.explanation import Explainer, closest_words
from worker.explain.vocabulary import VisualVocabulary, WordGroup

VOCABULARY = VisualVocabulary.load()
#: Words whose vectors in these tests are different axes.
SMALL = VisualVocabulary(
    words=("red", "blue", "black", "dark", "bright", "circle", "star"),
    groups=(
        WordGroup("colour", 2, slice(0, 3)),
        WordGroup("tone", 1, slice(3, 5)),
        WordGroup("object", 1, slice(5, 7)),
    ),
    forms=("{}",),
    version="1",
)
AXES = np.eye(7, 512, dtype=np.float32)


class KnownWords:
    def __init__(self, vectors: npt.NDArray[np.float32]) -> None:
        self._vectors = vectors

    def get(
        self,
        *,
        timeout_s: float,  # noqa: ARG002  the vectors are known
        check: Callable[[], None],  # noqa: ARG002  the vectors are known
    ) -> npt.NDArray[np.float32]:
        return self._vectors


def unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    normed: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return normed


def album(number: int) -> Album:
    return Album(
        id=str(number),
        artist="A",
        album_name="N",
        genre=None,
        release_year=None,
        pitchfork_score=None,
        best_new_music=False,
        cover_url=None,
    )


def search(query: npt.NDArray[np.float64], albums: npt.NDArray[np.float64]) -> Matches:
    """Return the albums as a catalog does: exact similarities, and embeddings in half precision."""
    half = albums.astype(np.float16).astype(np.float32)
    return Matches(
        [Match(album(n), float(similarity)) for n, similarity in enumerate(albums @ query)],
        embeddings=MatchEmbeddings(half, half.mean(axis=0)),
    )


def explain(matches: Matches, addends: npt.NDArray[np.float64] | None) -> list[Explanation]:
    vectors = np.random.default_rng(3).standard_normal((len(VOCABULARY.words), 512))
    words = KnownWords(unit(vectors).astype(np.float32))
    return Explainer(VOCABULARY, words).explain(matches, addends, timeout_s=1)


def contributions_of(explanation: Explanation) -> list[float]:
    return [part["contribution"] for part in explanation["parts"]]


@pytest.mark.parametrize(
    "weights",
    [
        (1.0,),
        (7.5,),
        (1.0, -0.5),
        (1.0, 0.5, -0.5),
        (10.0, -10.0),
        (0.001, -3.0, 2.0, 2.0, -1.0, 1.0, 1.0, -9.0),
    ],
    ids=str,
)
def test_the_contributions_of_all_parts_add_up_to_the_similarity(weights: tuple[float, ...]) -> None:
    random = np.random.default_rng(len(weights))
    cone = random.standard_normal(512) * 2
    parts = unit(cone + random.standard_normal((len(weights), 512)))
    addends = parts * np.array(weights)[:, None]
    addends /= np.linalg.norm(addends.sum(axis=0))
    matches = search(addends.sum(axis=0), unit(cone + random.standard_normal((50, 512))))

    explained = explain(matches, addends)

    shown = orjson.loads(
        result_json(
            matches, query=SearchQuery((TextPart("a"),)), model="m", timings=NO_WORK, explanations=explained
        )
    )["results"]
    for result in shown:
        assert [part["part"] for part in result["explain"]["parts"]] == list(range(len(weights)))
        total = sum(part["contribution"] for part in result["explain"]["parts"])
        assert round(total, 6) == result["similarity"]


def test_each_contribution_is_the_weighted_cosine_of_its_part() -> None:
    random = np.random.default_rng(5)
    parts = unit(random.standard_normal((3, 512)))
    weights = np.array([1.0, 0.7, -0.6])
    total = weights @ parts
    addends = parts * weights[:, None] / np.linalg.norm(total)
    albums = unit(random.standard_normal((20, 512)))

    explained = explain(search(unit(total), albums), addends)

    found = np.array([contributions_of(explanation) for explanation in explained])
    assert np.allclose(found, albums @ addends.T, atol=1e-4)


def test_a_part_with_a_negative_weight_lowers_the_similarity_of_what_it_shows() -> None:
    red, blue = np.eye(2, 512)
    addends = np.stack([red, -0.5 * blue]) / np.linalg.norm(red - 0.5 * blue)
    purple = unit(red + blue)

    (explanation,) = explain(search(addends.sum(axis=0), purple[None]), addends)

    towards, away = contributions_of(explanation)
    assert towards > 0 > away


def test_the_only_contribution_of_a_single_album_is_the_similarity() -> None:
    albums = unit(np.random.default_rng(1).standard_normal((4, 512)))
    matches = search(albums[0], albums)

    explained = explain(matches, None)

    assert [contributions_of(explanation) for explanation in explained] == [
        [round(match.similarity, 6)] for match in matches
    ]


def test_a_search_without_results_has_no_explanations() -> None:
    none = np.empty((0, 512), np.float32)
    asked = MatchEmbeddings(none, mean=np.zeros(512, np.float32))

    for matches in (Matches(), Matches(embeddings=asked)):
        assert explain(matches, np.ones((1, 512)) / np.sqrt(512)) == []


def words_near(albums: npt.NDArray[np.float32], mean: npt.NDArray[np.float32]) -> list[list[tuple[str, str]]]:
    found = closest_words(SMALL, AXES, MatchEmbeddings(albums, mean))
    return [[(word["word"], word["group"]) for word in words] for words in found]


def test_each_group_names_its_closest_words_the_most_similar_first() -> None:
    cover = 0.9 * AXES[5] + 0.8 * AXES[2] + 0.7 * AXES[0] + 0.6 * AXES[1] + 0.5 * AXES[4] + 0.4 * AXES[3]

    (words,) = words_near(cover[None], np.zeros(512, dtype=np.float32))

    assert words == [("circle", "object"), ("black", "colour"), ("red", "colour"), ("bright", "tone")]


def test_words_are_found_by_the_difference_from_the_mean_cover() -> None:
    mean = 0.8 * AXES[1] + 0.6 * AXES[3]
    red_circle = mean + 0.3 * AXES[0] + 0.2 * AXES[5]

    (words,) = words_near(red_circle[None], mean)

    assert words == [("red", "colour"), ("circle", "object")]


def test_a_cover_equal_to_the_mean_has_no_words() -> None:
    only = unit(np.ones((1, 512))).astype(np.float32)

    assert words_near(only, only[0]) == [[]]


def test_a_component_that_all_covers_share_does_not_change_the_words() -> None:
    random = np.random.default_rng(9)
    albums = random.standard_normal((20, 512)).astype(np.float32)
    shared = 30 * random.standard_normal(512).astype(np.float32)
    plain = MatchEmbeddings(albums, albums.mean(axis=0))
    shifted = replace(plain, albums=albums + shared, mean=plain.mean + shared)

    first, second = (closest_words(SMALL, AXES, embeddings) for embeddings in (plain, shifted))

    assert [[w["word"] for w in words] for words in first] == [[w["word"] for w in words] for words in second]
    assert all(0 < word["similarity"] <= 1 for words in first for word in words)
