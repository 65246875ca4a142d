import numpy as np
import numpy.typing as npt
import pytest

from worker.encoder.openvino.encoder import passes
from worker.encoder.tokenizer import PackedLayout, pack_ids, padded_length

SEQUENCES = [[5, 6, 7], [8], [9, 10]]
HEADS = 2


def places_of(sequences: list[list[int]]) -> PackedLayout:
    return PackedLayout.of(tuple(map(len, sequences)), heads=HEADS)


def concatenated(sequences: list[list[int]]) -> npt.NDArray[np.int32]:
    # The array is filled with 99, because stale values of an earlier pass must have no effect.
    ids = np.full(padded_length(sum(map(len, sequences))), 99, dtype=np.int32)
    pack_ids(sequences, out=ids)
    return ids


def test_texts_are_concatenated_and_each_token_has_its_position() -> None:
    ids, places = concatenated(SEQUENCES), places_of(SEQUENCES)

    assert ids.tolist() == [5, 6, 7, 8, 9, 10, 0, 0]
    assert places.positions.tolist()[:6] == [0, 1, 2, 0, 0, 1]
    assert ids[places.ends].tolist() == [7, 8, 10]


def test_each_attention_head_sees_only_the_tokens_of_its_text() -> None:
    ids = concatenated(SEQUENCES)
    # Part n of a token has the value id + 100 * n: parts 0 and 1 are the query's heads, 2 and 3 the key's,
    # ...
    parts = (ids[:, None] + 100 * np.arange(3 * HEADS)).reshape(-1)

    query, key, value = parts[places_of(SEQUENCES).to_heads]

    rectangles = np.array([[5, 6, 7, 7], [8, 8, 8, 8], [9, 10, 10, 10]]).repeat(HEADS, axis=0)
    heads = 100 * np.array([[0], [1]] * len(SEQUENCES))
    assert query.tolist() == (rectangles + heads).tolist()
    assert key.tolist() == (rectangles + heads + 200).tolist()
    assert value.tolist() == (rectangles + heads + 400).tolist()


def test_the_heads_of_a_token_are_gathered_in_its_row() -> None:
    ids, places = concatenated(SEQUENCES), places_of(SEQUENCES)
    parts = (ids[:, None] + 100 * np.arange(3 * HEADS)).reshape(-1)

    query = parts[places.to_heads][0]
    rows = query.reshape(-1)[places.to_rows]

    assert rows.tolist()[:6] == [[token, token + 100] for token in (5, 6, 7, 8, 9, 10)]


def test_attention_is_causal() -> None:
    mask = places_of(SEQUENCES).mask

    assert np.array_equal(mask == 0, np.tri(4, dtype=bool))
    assert mask[0, 1] < -1e6


def test_index_arrays_are_contiguous_int32() -> None:
    places = places_of(SEQUENCES)

    read = [places.positions, places.to_heads, places.to_rows, places.ends]

    assert {array.dtype for array in read} == {np.dtype(np.int32)}
    assert all(array.flags.c_contiguous for array in [*read, places.mask])


def test_pass_lengths_are_few_and_close_to_the_text_lengths() -> None:
    lengths = {tokens: padded_length(tokens) for tokens in range(1, 1101)}

    assert all(tokens <= rounded < tokens * 1.25 + 4 for tokens, rounded in lengths.items())
    assert len(set(lengths.values())) < 60


@pytest.mark.parametrize("lengths", [[], [77], [1] * 3000, [2, 77, 3, 50] * 40])
def test_every_text_is_in_one_pass_and_no_pass_is_too_long(lengths: list[int]) -> None:
    groups = [group.tolist() for group in passes(lengths)]

    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in group) <= 1024 for group in groups)


def test_texts_of_similar_length_share_a_pass() -> None:
    lengths = [70, 3] * 20

    groups = [sorted({lengths[index] for index in group}) for group in passes(lengths)]

    assert groups == [[3, 70], [70]]
