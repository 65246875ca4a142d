"""Finds the albums whose covers share local points with a photograph, among all albums of a catalog.

The index keeps the strongest points of each cover. A code of 128 bits is cut into keys of 16 bits, and one
table for each key lists the codes with that key (multi-index hashing, https://arxiv.org/abs/1307.2982). Codes
that share a key with a point of the photograph are compared in full.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.prints import CODE_BYTES, Codes

#: The number of points of a cover that the index keeps.
INDEXED_POINTS = 64
_KEY_BITS = 16
_TABLES = 8 * CODE_BYTES // _KEY_BITS
#: Two points vote for the same artwork if at most this number of bits differs.
_MOST_BITS = 26
#: A point of the photograph that agrees with more albums than this is a common letter or edge.
_MOST_ALBUMS = 40
#: A key that is shared by more codes than this is skipped, because it says little and costs much.
_MOST_CODES_PER_KEY = 4000

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PointIndex:
    """Codes of many covers, and tables from each key to the codes with that key.

    `codes` has the shape (n, 2) and holds each code as two numbers; `albums` has the album's number for each
    code. `starts`, of shape (tables, 65,537), says where the codes of a key begin in `order`, which has the
    shape (tables, n).
    """

    codes: npt.NDArray[np.uint64]
    albums: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    order: npt.NDArray[np.int32]
    album_count: int

    @property
    def size_bytes(self) -> int:
        """Return the memory that the index takes."""
        return sum(each.nbytes for each in (self.codes, self.albums, self.starts, self.order))


def build_index(covers: Sequence[Codes]) -> PointIndex:
    """Return an index of the strongest points of each cover; albums are numbered as in `covers`."""
    kept = [codes[:INDEXED_POINTS] for codes in covers]
    codes = np.ascontiguousarray(np.concatenate(kept)) if kept else np.empty((0, CODE_BYTES), np.uint8)
    albums = np.repeat(np.arange(len(kept), dtype=np.int32), [len(each) for each in kept])
    keys = codes.view(np.uint16)
    starts = np.zeros((_TABLES, (1 << _KEY_BITS) + 1), dtype=np.int32)
    order = np.empty((_TABLES, len(codes)), dtype=np.int32)
    for table in range(_TABLES):
        order[table] = np.argsort(keys[:, table], kind="stable")
        starts[table, 1:] = np.cumsum(np.bincount(keys[:, table], minlength=1 << _KEY_BITS))
    return PointIndex(codes.view(np.uint64), albums, starts, order, len(kept))


def vote(index: PointIndex, photograph: Codes, *, most: int) -> tuple[_Ints, npt.NDArray[np.float32]]:
    """Return at most `most` albums and their votes, most votes first.

    Each point of the photograph has one vote for each album that has a near point. A vote counts less if the
    same point votes for many albums.
    """
    points, found = _near_codes(index, photograph)
    # One vote for each pair of a point and an album.
    pairs = np.unique(points * index.album_count + index.albums[found])
    points, albums = pairs // index.album_count, pairs % index.album_count
    rivals = np.bincount(points, minlength=len(photograph))[points]
    weights = np.where(rivals <= _MOST_ALBUMS, 1 / np.sqrt(rivals), 0.0)
    votes = np.bincount(albums, weights=weights, minlength=index.album_count)
    ranked = np.argsort(-votes, kind="stable")[:most]
    ranked = ranked[votes[ranked] > 0]
    return ranked, votes[ranked].astype(np.float32)


def _near_codes(index: PointIndex, photograph: Codes) -> tuple[_Ints, _Ints]:
    """Return pairs of a point of the photograph and a code of the index that differ in few bits."""
    keys = np.ascontiguousarray(photograph).view(np.uint16)
    asked = np.ascontiguousarray(photograph).view(np.uint64)
    all_points, all_codes = [], []
    for table in range(_TABLES):
        begin, end = (
            index.starts[table, keys[:, table]],
            index.starts[table, keys[:, table].astype(np.int32) + 1],
        )
        lengths = np.where(end - begin <= _MOST_CODES_PER_KEY, end - begin, 0).astype(np.int64)
        points = np.repeat(np.arange(len(keys)), lengths)
        offsets = np.arange(len(points)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        codes = index.order[table, np.repeat(begin.astype(np.int64), lengths) + offsets]
        bits = np.bitwise_count(index.codes[codes] ^ asked[points]).sum(axis=1, dtype=np.uint8)
        near = bits <= _MOST_BITS
        all_points.append(points[near])
        all_codes.append(codes[near].astype(np.int64))
    return np.concatenate(all_points), np.concatenate(all_codes)
