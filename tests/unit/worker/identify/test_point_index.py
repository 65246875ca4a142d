import numpy as np

from common.prints import Codes
from worker.identify.point_index import INDEXED_POINTS, build_index, vote


def random_codes(count: int, *, seed: int) -> Codes:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), dtype=np.uint8)


def with_flipped_bits(codes: Codes, *, flipped: int, seed: int) -> Codes:
    """Return the codes with this number of bits flipped in each."""
    rng = np.random.default_rng(seed)
    bits = np.unpackbits(codes, axis=1)
    for row in bits:
        row[rng.choice(128, flipped, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def test_the_album_whose_points_are_seen_gets_the_most_votes() -> None:
    covers = [random_codes(80, seed=seed) for seed in range(200)]
    index = build_index(covers)
    clutter = random_codes(500, seed=999)

    seen = with_flipped_bits(covers[42][:INDEXED_POINTS], flipped=10, seed=1)
    albums, votes = vote(index, np.concatenate([clutter, seen]), most=5)

    assert albums[0] == 42
    assert votes[0] > 20


def test_a_point_that_many_albums_share_counts_less() -> None:
    common, own = random_codes(3, seed=1), random_codes(3, seed=2)
    covers = [np.concatenate([common, random_codes(3, seed=10 + n)]) for n in range(30)]
    covers.append(own)

    albums, _ = vote(build_index(covers), np.concatenate([common, own[:2]]), most=3)

    assert albums[0] == 30


def test_a_photograph_without_points_has_no_votes() -> None:
    index = build_index([random_codes(10, seed=1)])

    albums, votes = vote(index, np.empty((0, 16), dtype=np.uint8), most=5)

    assert (len(albums), len(votes)) == (0, 0)


def test_a_catalog_without_points_has_an_index() -> None:
    index = build_index([np.empty((0, 16), dtype=np.uint8)])

    assert len(vote(index, random_codes(4, seed=1), most=5)[0]) == 0
