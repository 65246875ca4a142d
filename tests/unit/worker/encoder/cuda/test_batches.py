import numpy as np
import pytest

from worker.encoder.cuda.batches import (
    IMAGE_SIZES,
    TEXT_SIZES,
    by_token_count,
    padded_size,
    pass_slices,
    text_rows,
    token_counts,
)


@pytest.mark.parametrize("sizes", [IMAGE_SIZES, TEXT_SIZES])
@pytest.mark.parametrize("items", [0, 1, 2, 5, 16, 17, 33, 100, 128, 129, 256, 257, 300, 2048])
def test_every_item_is_in_exactly_one_pass(items: int, sizes: tuple[int, ...]) -> None:
    parts = list(pass_slices(items, sizes))

    assert [index for part in parts for index in range(items)[part]] == list(range(items))
    assert all(part.stop - part.start <= sizes[-1] for part in parts)


@pytest.mark.parametrize("items", range(17, 520, 7))
def test_a_pass_above_16_items_has_fewer_padding_items_than_items(items: int) -> None:
    counts = [part.stop - part.start for part in pass_slices(items, TEXT_SIZES)]

    assert all(padded_size(count, TEXT_SIZES) < 2 * count for count in counts if count > 16)


def test_a_small_batch_is_one_padded_pass() -> None:
    assert [len(list(pass_slices(items, TEXT_SIZES))) for items in range(1, 17)] == [1] * 16


def test_the_longest_padding_is_the_models_maximum() -> None:
    assert token_counts(77) == (16, 32, 77)
    assert token_counts(16) == (16,)
    assert token_counts(20) == (16, 20)


def test_long_texts_do_not_lengthen_the_short_texts_of_a_large_batch() -> None:
    lengths = [10] * 20 + [77, 33] + [17]

    groups = {tokens: indices.tolist() for tokens, indices in by_token_count(lengths, (16, 32, 77))}

    assert groups == {16: list(range(20)), 32: [22], 77: [20, 21]}


def test_a_small_batch_of_texts_is_one_group() -> None:
    ((tokens, indices),) = by_token_count([3, 33, 16], (16, 32, 77))

    assert (tokens, indices.tolist()) == (77, [0, 1, 2])


def test_no_texts_give_no_group() -> None:
    assert list(by_token_count([], (16, 32, 77))) == []


def test_a_row_has_the_place_of_the_end_token_and_the_padded_ids() -> None:
    rows = text_rows([[7, 9], [7, 5, 6, 9]], 4)

    np.testing.assert_array_equal(rows, [[1, 7, 9, 0, 0], [7, 7, 5, 6, 9]])
    assert rows.dtype == np.int32
