"""Divides items into forward passes, and makes the rows of token ids that a pass of texts reads."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

#: The batch sizes of the forward passes; a pass with fewer items is padded to the next size. 256 images are
#: four passes, because copying the images of one pass then overlaps the computation of another pass.
IMAGE_SIZES = (1, 4, 16, 64)
TEXT_SIZES = (1, 4, 16, 64, 256)
#: The maximum size of a pass that may have any number of padding items. Up to this size a pass takes about
#: the same time for any number of items, so one padded pass is faster than two passes.
_PADDED_FREELY = 16

Rows = npt.NDArray[np.int32]


def padded_size(items: int, sizes: Sequence[int]) -> int:
    """Return the smallest batch size for this number of items, which must not exceed the largest size."""
    return next(size for size in sizes if size >= items)


def pass_slices(items: int, sizes: Sequence[int]) -> Iterator[slice]:
    """Yield the items of each pass; passes above 16 items have fewer padding items than items."""
    start = 0
    while (left := items - start) > 0:
        size = sizes[-1] if left >= sizes[-1] else padded_size(left, sizes)
        if size > _PADDED_FREELY and left <= size // 2:
            size = sizes[sizes.index(size) - 1]
        end = min(items, start + size)
        yield slice(start, end)
        start = end


def token_counts(max_tokens: int) -> tuple[int, ...]:
    """Return the numbers of tokens to which the texts of a pass are padded."""
    return (*(count for count in (16, 32) if count < max_tokens), max_tokens)


def by_token_count(
    lengths: Sequence[int], counts: Sequence[int]
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Group texts by the number of tokens to which they are padded; yield this number and text indices.

    A small batch is one group, because a second pass would take longer than the padding.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    padded = np.asarray(counts)[np.searchsorted(counts, sizes)]
    if len(sizes) <= _PADDED_FREELY:
        padded[:] = padded.max(initial=0)
    for count in np.unique(padded):
        yield int(count), np.flatnonzero(padded == count)


def text_rows(sequences: Sequence[Sequence[int]], tokens: int) -> Rows:
    """Return int32 rows of shape (texts, 1 + tokens) for `TextTower`.

    A row begins with the index of the text's end token, counted over the tokens of all rows; the token ids
    follow, padded with zeros.
    """
    lengths = np.fromiter(map(len, sequences), dtype=np.int32, count=len(sequences))
    rows = np.zeros((len(sequences), 1 + tokens), dtype=np.int32)
    rows[:, 0] = np.arange(len(sequences), dtype=np.int32) * tokens + lengths - 1
    is_token = np.arange(tokens, dtype=np.int32) < lengths[:, None]
    rows[:, 1:][is_token] = np.fromiter(
        chain.from_iterable(sequences), dtype=np.int32, count=int(lengths.sum())
    )
    return rows
